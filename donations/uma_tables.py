"""EDGE: tables of values of the UMA, as text, to rows. A row that is wrong stops all of it.

Columns, in any order, named in the first row: value, effective_from, published_on, ruling and, if you like, source.
Days are written 2026-03-10, values with a point and no grouping; cells are parted by comma, semicolon or tab.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from . import delimited

COLUMNS = ("value", "effective_from", "published_on", "ruling")
LARGEST = 500_000


class UnreadableUma(ValueError):
    """The message says which row is wrong and how to mend it."""


@dataclass(frozen=True)
class UmaRow:
    """What one UMA is worth in pesos. `row` is its number in the file; `source` is empty if it names none."""

    row: int
    value: Decimal
    effective_from: date
    published_on: date
    ruling: str
    source: str


def read(text: str, *, today: date) -> tuple[UmaRow, ...]:
    """The values in `text`, in its order. Raises UnreadableUma."""
    if len(text) > LARGEST:
        raise UnreadableUma(_("The table has more than half a million characters."))
    rows = [*delimited.rows(text)]
    if not rows:
        raise UnreadableUma(_("The table is empty. Choose the file again, or paste its lines."))
    (_number, header), *rows = rows
    names = [name.lower() for name in header]
    if lacking := [name for name in COLUMNS if name not in names]:
        raise UnreadableUma(
            _("The first row names no column %(names)s. Write %(all)s.")
            % {"names": ", ".join(lacking), "all": ",".join((*COLUMNS, "source"))}
        )
    found = tuple(_rows(names, rows, today=today))
    if not found:
        raise UnreadableUma(_("There is no value in the table."))
    _refuse_twice(found)
    return found


def _rows(
    names: Sequence[str], rows: Sequence[tuple[int, list[str]]], *, today: date
) -> Iterator[UmaRow]:
    for number, cells in rows:
        if len(cells) != len(names):
            raise _wrong(
                number,
                _("it has %(found)d cells, the first row has %(width)d.")
                % {"found": len(cells), "width": len(names)},
            )
        said = dict(zip(names, cells, strict=True))
        if not 0 < len(said["ruling"]) <= 200:
            raise _wrong(number, _("name the ruling that sets it, in at most 200 characters."))
        if len(said.get("source", "")) > 300:
            raise _wrong(number, _("the source has more than 300 characters."))
        yield UmaRow(
            row=number,
            value=_value(number, said["value"]),
            effective_from=_day(number, said["effective_from"], today),
            published_on=_day(number, said["published_on"], today),
            ruling=said["ruling"],
            source=said.get("source", ""),
        )


def _value(number: int, text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,14}(\.[0-9]{1,4})?", text) or not Decimal(text):
        raise _wrong(
            number,
            _(
                "“%(text)s” is no value. Write the pesos with a point and no grouping, like 20595.50."
            )
            % {"text": text},
        )
    return Decimal(text)


def _day(number: int, text: str, today: date) -> date:
    try:
        day = delimited.day(text)
    except ValueError as error:
        raise _wrong(
            number, _("“%(text)s” is no day. Write it like 2026-03-10.") % {"text": text}
        ) from error
    if day > today:
        raise _wrong(
            number,
            _("%(day)s is still to come: enter the value on that day.") % {"day": plain_day(day)},
        )
    return day


def _refuse_twice(rows: Sequence[UmaRow]) -> None:
    seen: dict[date, int] = {}
    for row in rows:
        if row.effective_from in seen:
            raise _wrong(
                row.row,
                _("row %(row)d has a value in effect from %(day)s already.")
                % {"row": seen[row.effective_from], "day": plain_day(row.effective_from)},
            )
        seen[row.effective_from] = row.row


def _wrong(number: int, problem: str) -> UnreadableUma:
    return UnreadableUma(_("Row %(row)d: %(problem)s") % {"row": number, "problem": problem})
