"""EDGE: rows as CSV and XLSX files. Text is never a formula there; amounts are numbers and exact."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import xlsxwriter

from .currencies import exponent, quantize

Cell = str | int | date | Decimal

# What a spreadsheet program takes for the start of a formula, or skips before one (OWASP, "CSV Injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
# A number of a spreadsheet is a binary float: up to so many digits it gives back what was written into it.
EXACT_DIGITS = 15
# The same file on every day: it says nothing of when it was made.
MADE = datetime(2000, 1, 1)
FORBIDDEN_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))


@dataclass(frozen=True)
class Sheet:
    """A table of one XLSX file. `currency` is that of its amounts; `total` is empty or as long as a row."""

    name: str
    currency: str
    headings: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = ()


def safe_cell(text: str) -> str:
    """Text that a spreadsheet takes for text and not for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def csv_row(cells: Iterable[Cell], *, currency: str = "") -> str:
    """One line; amounts (Decimal) with all decimals of `currency` and a point, days as 2026-03-10."""
    buffer = io.StringIO()
    # Python 3.12 quotes a carriage return only where lines end with one, too.
    csv.writer(buffer, lineterminator="\r\n").writerow(_written(cell, currency) for cell in cells)
    return buffer.getvalue().removesuffix("\r\n") + "\n"


def _written(cell: Cell, currency: str) -> str:
    match cell:
        case Decimal():
            # A minus here is a number's: nothing follows it but digits.
            return f"{quantize(cell, currency):f}"
        case date():
            return cell.isoformat()
        case int():
            return str(cell)
        case str():
            return safe_cell(cell)


def xlsx(sheets: Iterable[Sheet]) -> bytes:
    """The file of `sheets`, at least one; the same bytes for the same sheets."""
    file = io.BytesIO()
    # No cell is made into a link, a number or a formula by what its text looks like.
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        book.set_properties({"created": MADE})
        for sheet in sheets:
            _write(book, sheet)
    return file.getvalue()


def _write(book: xlsxwriter.Workbook, sheet: Sheet) -> None:
    page = book.add_worksheet(sheet.name.translate(FORBIDDEN_IN_NAMES)[:31])
    places = exponent(sheet.currency) if sheet.currency else 2
    number = "#,##0" + ("." + "0" * places if places else "")
    styles = {
        (Decimal, False): book.add_format({"num_format": number}),
        (Decimal, True): book.add_format({"num_format": number, "bold": True, "top": 6}),
        (date, False): book.add_format({"num_format": "yyyy-mm-dd"}),
        (date, True): book.add_format({"num_format": "yyyy-mm-dd", "bold": True, "top": 6}),
        (str, True): book.add_format({"bold": True, "top": 6}),
        (int, True): book.add_format({"bold": True, "top": 6}),
    }
    heading = book.add_format({"bold": True, "bottom": 1, "text_wrap": True})
    widths = [len(text) for text in sheet.headings]
    for column, text in enumerate(sheet.headings):
        page.write_string(0, column, text, heading)
    lines = [(row, False) for row in sheet.rows] + ([(sheet.total, True)] if sheet.total else [])
    for line, (row, is_total) in enumerate(lines, start=1):
        for column, cell in enumerate(row):
            style = styles.get((type(cell), is_total))
            widths[column] = max(widths[column], len(str(cell)))
            match cell:
                case Decimal() if len(cell.as_tuple().digits) <= EXACT_DIGITS:
                    page.write_number(line, column, float(cell), style)
                case Decimal():
                    page.write_string(line, column, f"{quantize(cell, sheet.currency):f}", style)
                case int():
                    page.write_number(line, column, cell, style)
                case date():
                    page.write_datetime(line, column, cell, style)
                case str():
                    page.write_string(line, column, cell, style)
    for column, width in enumerate(widths):
        page.set_column(column, column, min(max(width + 2, 9), 48))
    page.freeze_panes(1, 0)
