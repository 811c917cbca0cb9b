"""EDGE: a spreadsheet of the past, as CSV text, to rows of cells; and the template to fill in. No model is known here."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from .. import delimited

COLUMNS = (
    "kind", "date", "amount", "currency", "fund", "place", "fee", "case", "defendant", "cost_kind",
    "due_on", "name", "email", "note", "id",
)  # fmt: skip
NEEDED = ("kind", "date", "amount", "currency")
LARGEST = 5_000_000
# Booking a row holds some five kilobytes: of so many it takes less than a server has to spare.
MOST_ROWS = 30_000

# What an empty template and its example rows look like; everybody and everything in them is invented.
EXAMPLES: tuple[dict[str, str], ...] = (
    {"kind": "opening", "date": "2024-01-01", "amount": "250.00", "currency": "EUR", "fund": "general",
     "place": "banco-eur", "note": "on the account when our spreadsheet begins"},
    {"kind": "gift", "date": "2024-02-10", "amount": "50.00", "currency": "EUR", "fund": "general", "place": "banco-eur"},
    {"kind": "gift", "date": "2024-02-10", "amount": "20.00", "currency": "EUR", "fund": "general", "place": "cash",
     "name": "Ana Ejemplo", "email": "ana@example.org"},
    {"kind": "gift", "date": "2024-03-01", "amount": "100.00", "currency": "EUR", "fund": "general", "place": "banco-eur",
     "fee": "1.80", "id": "2024-017"},
    {"kind": "payment", "date": "2024-03-15", "amount": "120.00", "currency": "EUR", "fund": "general",
     "place": "banco-eur", "cost_kind": "fees", "note": "invoice 7"},
    {"kind": "cost", "date": "2024-04-02", "amount": "400.00", "currency": "EUR", "case": "my-case",
     "defendant": "person-1", "cost_kind": "experts", "due_on": "2024-06-30", "note": "what is still owed of it"},
)  # fmt: skip


class UnreadableTable(ValueError):
    """It is no table of the past; the message says why and how to mend it."""


@dataclass(frozen=True)
class RawRow:
    """A row's number in the file, from one on, and its cells by column, without spaces around; "" where empty."""

    row: int
    cells: dict[str, str]


def read(text: str) -> list[RawRow]:
    """The rows that hold anything. Cells are parted by comma, semicolon or tab, as the first row shows."""
    if len(text) > LARGEST:
        raise UnreadableTable(
            _("The file has more than five million characters. Import one year after the other.")
        )
    if not text.lstrip("\ufeff").strip():
        raise UnreadableTable(_("The file is empty. Choose the one you filled in."))
    if "\0" in text:
        raise UnreadableTable(_("This is no CSV file: save the spreadsheet as CSV (UTF-8)."))
    rows = delimited.rows(text, strict=True)
    try:
        names = _names(next(rows)[1])
        found = [_row(names, cells, number) for number, cells in rows]
    except delimited.UnclosedQuote as error:
        raise UnreadableTable(
            _("Row %(row)d: a quotation mark is not closed. Save the spreadsheet as CSV again.")
            % {"row": error.row}
        ) from error
    if not found:
        raise UnreadableTable(_("There is nothing below the first row."))
    if len(found) > MOST_ROWS:
        raise UnreadableTable(
            _(
                "The file has %(rows)d rows, and at most %(most)d are taken at once. Import one year after the other."
            )
            % {"rows": len(found), "most": MOST_ROWS}
        )
    return found


def _names(header: Sequence[str]) -> list[str]:
    names = [name.lower() for name in header]
    while names and not names[-1]:
        names.pop()
    for name in names:
        if name not in COLUMNS:
            raise UnreadableTable(
                _("“%(name)s” is no column we know. The first row names them: %(columns)s.")
                % {"name": name, "columns": ", ".join(COLUMNS)}
            )
        if names.count(name) > 1:
            raise UnreadableTable(_("The column %(name)s is there twice.") % {"name": name})
    if missing := [name for name in NEEDED if name not in names]:
        raise UnreadableTable(
            _("The first row lacks these columns: %(names)s. Begin with the template.")
            % {"names": ", ".join(missing)}
        )
    return names


def _row(names: Sequence[str], cells: list[str], number: int) -> RawRow:
    if any(cells[len(names) :]):
        raise UnreadableTable(
            _("Row %(row)d has more cells than the first row names columns.") % {"row": number}
        )
    cells = cells + [""] * (len(names) - len(cells))
    empty = dict.fromkeys(COLUMNS, "")
    return RawRow(number, empty | dict(zip(names, cells, strict=False)))
