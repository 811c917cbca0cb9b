"""What a report is: tables of rows and sums, from which its page and all its files are made."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from ..spreadsheets import Cell


@dataclass(frozen=True)
class Span:
    """The days from `first_on` to `last_on`, both of them included."""

    first_on: date
    last_on: date

    def __post_init__(self) -> None:
        if self.first_on > self.last_on:
            raise ValueError("a span ends on the day it begins or later")


@dataclass(frozen=True)
class Column:
    """`key` names it in files, whatever the language; `label` heads it for people."""

    key: str
    label: str
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells as its columns say; all amounts in `currency`. `total` is empty or a row of sums under them.

    `funds` are the codes of those that its rows call within other words.
    """

    key: str
    title: str
    currency: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()
    funds: frozenset[str] = frozenset()

    def without_empty(self, keys: Collection[str]) -> "Table":
        """Without those columns of `keys` in which no row has a word, or anything but nought."""
        kept = [
            at
            for at, column in enumerate(self.columns)
            if column.key not in keys or any(row[at] for row in self.rows)
        ]

        def cut[T](cells: Sequence[T]) -> tuple[T, ...]:
            return tuple(cells[at] for at in kept if at < len(cells))

        rows = tuple(cut(row) for row in self.rows)
        return replace(self, columns=cut(self.columns), rows=rows, total=cut(self.total))


@dataclass(frozen=True)
class Report:
    """`slug` names its files and holds nobody's name; `facts` are (label, value) above the tables, `note` is below."""

    slug: str
    title: str
    span: Span
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    note: str = ""


def sums(rows: Sequence[Sequence[Cell]]) -> tuple[Cell, ...]:
    """Under rows of amounts and counts; nothing under none."""
    if not rows:
        return ()
    columns = list(zip(*rows, strict=True))[1:]
    total: list[Cell] = [_("Together")]
    for column in columns:
        if any(isinstance(cell, Decimal) for cell in column):
            total.append(sum((cell for cell in column if isinstance(cell, Decimal)), Decimal(0)))
        elif all(isinstance(cell, int) for cell in column):
            total.append(sum(cell for cell in column if isinstance(cell, int)))
        else:
            total.append("")
    return tuple(total)
