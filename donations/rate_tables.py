"""EDGE: tables of exchange rates, as text, to rows. Two shapes are read, and a row that is wrong stops all of it.

Long, one rate a row: date, base, quote, rate, and source if each row has its own.
Wide, one day a row, as central banks publish them: Date, then one column for each currency, with what one unit of the
base currency was worth in it; "N/A" or nothing where there was no rate that day.
Days are written 2026-03-10, rates with a point and no grouping; cells are parted by comma, semicolon or tab.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.numbers import is_currency
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from . import delimited

LONG = ("date", "base", "quote", "rate")
NO_RATE = frozenset({"", "N/A", "NA", "-"})
LARGEST = 2_000_000


class UnreadableRates(ValueError):
    """The message says which row is wrong and how to mend it."""


@dataclass(frozen=True)
class RateRow:
    """One unit of `base` is worth `rate` of `quote`. `row` is its number in the file; `source` is empty if it names none."""

    row: int
    rated_on: date
    base: str
    quote: str
    rate: Decimal
    source: str

    @property
    def key(self) -> tuple[str, str, date]:
        return self.base, self.quote, self.rated_on


@dataclass(frozen=True)
class RateTable:
    """`without_rate` counts the days and currencies a wide table has no rate for; `left_out` are its columns nobody asked for."""

    rows: tuple[RateRow, ...]
    without_rate: int
    left_out: tuple[str, ...]


def read(text: str, *, base: str, wanted: Collection[str], today: date) -> RateTable:
    """The rates in `text`. `base` is the currency a wide table's rates are of. Raises UnreadableRates."""
    if len(text) > LARGEST:
        raise UnreadableRates(
            _("The table has more than two million characters. Import fewer days at a time.")
        )
    rows = [*delimited.rows(text)]
    if not rows:
        raise UnreadableRates(_("The table is empty. Choose the file again, or paste its lines."))
    (_number, header), *rows = rows
    names = [name.lower() for name in header]
    if set(LONG) <= set(names):
        found = _long(names, rows, wanted=wanted, today=today)
        table = RateTable(tuple(found), 0, ())
    elif names and names[0] == "date" and len(header) > 1:
        table = _wide(header, rows, base=base, wanted=wanted, today=today)
    else:
        raise UnreadableRates(
            _(
                "The first row names no columns we know. Write date,base,quote,rate, or Date and one currency for each "
                "further column."
            )
        )
    if not table.rows:
        raise UnreadableRates(_("There is no rate in the table for any of this fund's currencies."))
    _refuse_twice(table.rows)
    return table


def _long(
    names: Sequence[str],
    rows: Sequence[tuple[int, list[str]]],
    *,
    wanted: Collection[str],
    today: date,
) -> Iterator[RateRow]:
    for number, cells in rows:
        _check_width(number, cells, len(names))
        said = dict(zip(names, cells, strict=True))
        base, quote = (_currency(number, said[name], wanted) for name in ("base", "quote"))
        if base == quote:
            raise _wrong(number, _("a currency has no rate to itself (%(code)s).") % {"code": base})
        yield RateRow(
            row=number,
            rated_on=_day(number, said["date"], today),
            base=base,
            quote=quote,
            rate=_rate(number, said["rate"]),
            source=said.get("source", ""),
        )


def _wide(
    header: Sequence[str],
    rows: Sequence[tuple[int, list[str]]],
    *,
    base: str,
    wanted: Collection[str],
    today: date,
) -> RateTable:
    if base not in wanted:
        raise UnreadableRates(
            _("A table of rates of “%(base)s” is of no use here. Choose one of these: %(wanted)s.")
            % {"base": base, "wanted": ", ".join(sorted(wanted))}
        )
    # Tables often end each row with a comma.
    codes = [code.upper() for code in header[1:]]
    while codes and not codes[-1]:
        codes.pop()
    for code in codes:
        if not is_currency(code) or code == base or codes.count(code) > 1:
            raise _wrong(
                1,
                _("“%(code)s” should be a currency other than %(base)s, once.")
                % {"code": code, "base": base},
            )
    read_ones = [(at, code) for at, code in enumerate(codes, start=1) if code in wanted]
    found, without = [], 0
    for number, cells in rows:
        width = len(codes) + 1
        cells = [*cells[:width], *filter(None, cells[width:])]
        _check_width(number, cells, width)
        rated_on = _day(number, cells[0], today)
        for at, code in read_ones:
            if cells[at].upper() in NO_RATE:
                without += 1
                continue
            found.append(RateRow(number, rated_on, base, code, _rate(number, cells[at]), ""))
    left_out = tuple(code for code in codes if code not in wanted)
    return RateTable(tuple(found), without, left_out)


def _check_width(number: int, cells: Sequence[str], width: int) -> None:
    if len(cells) != width:
        raise _wrong(
            number,
            _("it has %(found)d cells, the first row has %(width)d.")
            % {"found": len(cells), "width": width},
        )


def _currency(number: int, text: str, wanted: Collection[str]) -> str:
    code = text.upper()
    if not is_currency(code):
        raise _wrong(number, _("“%(text)s” is no currency. Write it like EUR.") % {"text": text})
    if code not in wanted:
        raise _wrong(
            number,
            _("%(code)s is none of the currencies this fund needs rates for: %(wanted)s.")
            % {"code": code, "wanted": ", ".join(sorted(wanted))},
        )
    return code


def _day(number: int, text: str, today: date) -> date:
    try:
        day = delimited.day(text)
    except ValueError as error:
        raise _wrong(
            number, _("“%(text)s” is no day. Write it like 2026-03-10.") % {"text": text}
        ) from error
    if day > today:
        raise _wrong(number, _("%(day)s is still to come.") % {"day": plain_day(day)})
    return day


def _rate(number: int, text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", text) or not Decimal(text):
        raise _wrong(
            number,
            _(
                "“%(text)s” is no rate. Write it with a point and without grouping, like 1350.25, twelve decimals at most."
            )
            % {"text": text},
        )
    return Decimal(text)


def _refuse_twice(rows: Sequence[RateRow]) -> None:
    seen: dict[tuple[str, str, date], int] = {}
    for row in rows:
        if row.key in seen:
            raise _wrong(
                row.row,
                _("row %(row)d has a rate of %(base)s in %(quote)s for that day already.")
                % {"row": seen[row.key], "base": row.base, "quote": row.quote},
            )
        seen[row.key] = row.row


def _wrong(number: int, problem: str) -> UnreadableRates:
    return UnreadableRates(_("Row %(row)d: %(problem)s") % {"row": number, "problem": problem})
