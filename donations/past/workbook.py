"""EDGE: a file as it was chosen, CSV or an Excel workbook, to the text of a table. No model is known here."""

import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date, datetime, time
from io import BytesIO
from typing import Any

import openpyxl
from django.utils.translation import gettext as _
from openpyxl.utils.exceptions import InvalidFileException

from .tables import UnreadableTable

ZIP, OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
# Unpacked; a file of a few kilobytes can hold gigabytes of nothing.
LARGEST_UNPACKED = 50_000_000
# By its number in the sheet, where many empty rows may stand before it; `tables` counts those that hold anything.
LAST_ROW = 100_000
MOST_COLUMNS = 60
# Digits a number of a spreadsheet really has; what follows is the rest of its binary form.
DIGITS = 15


def text_of(content: bytes) -> str:
    """The table in `content` as text, row by row as it stands in the file. Of a workbook it is the first sheet that
    holds anything; formulas count with the value last computed. Raises UnreadableTable."""
    if content.startswith(ZIP):
        return _of_workbook(content)
    if content.startswith(OLD_EXCEL):
        raise UnreadableTable(
            _("This is a locked or an old Excel file. Save it without a password, as .xlsx or CSV.")
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableTable(
            _("The file is no text in UTF-8. Save it as CSV (UTF-8), or as .xlsx.")
        ) from error


def _of_workbook(content: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(content)) as packed:
            if sum(each.file_size for each in packed.infolist()) > LARGEST_UNPACKED:
                raise UnreadableTable(
                    _("The workbook is too large. Import one year after the other.")
                )
        # What it warns of (styles, lists of choices) is nothing a table has.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with closing(
                openpyxl.load_workbook(BytesIO(content), read_only=True, data_only=True)
            ) as book:
                for sheet in book.worksheets:
                    if text := "".join(_lines(sheet.iter_rows(values_only=True))).rstrip("\n"):
                        return text + "\n"
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError) as error:
        if isinstance(error, UnreadableTable):
            raise
        raise UnreadableTable(
            _("This is no Excel workbook that can be read. Save it as .xlsx or CSV again.")
        ) from error
    raise UnreadableTable(_("The file is empty. Choose the one you filled in."))


def _lines(rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    """A line of text for each row, empty ones too, so that numbers of rows stay those of the sheet."""
    for number, row in enumerate(rows, start=1):
        cells = [_written(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells and number > LAST_ROW:
            raise UnreadableTable(
                _(
                    "The sheet has more than a hundred thousand rows. Import one year after the other."
                )
            )
        if len(cells) > MOST_COLUMNS:
            raise UnreadableTable(
                _("Row %(row)d has more cells than the first row names columns.") % {"row": number}
            )
        yield ",".join(_quoted(cell) for cell in cells) + "\n"


def _written(cell: Any) -> str:
    match cell:
        case None:
            return ""
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case datetime() | date():
            return cell.isoformat()
        case float():
            return f"{cell:.{DIGITS}g}"
        case _:
            return " ".join(str(cell).split())


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(each in cell for each in ',"') else cell
