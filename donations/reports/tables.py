"""What a report is: tables of rows and sums, from which its page and all its files are made."""

from dataclasses import dataclass
from datetime import date

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
    """Rows of cells as its columns say; all amounts in `currency`. `total` is empty or a row of sums under them."""

    key: str
    title: str
    currency: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Report:
    """`slug` names its files and holds nobody's name; `facts` are (label, value) above the tables, `note` is below."""

    slug: str
    title: str
    span: Span
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    note: str = ""
