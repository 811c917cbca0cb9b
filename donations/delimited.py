"""EDGE: tables that people paste or export from a spreadsheet, as text, to numbered rows of cells; and the days in them."""

import csv
import re
from collections.abc import Iterator
from datetime import date


class UnclosedQuote(ValueError):
    """A quotation mark opens and nothing closes it; `row` is where the reading ended."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


def rows(text: str, *, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """(number in the file, from one on; cells without spaces around) of each row that holds anything, the header first.

    Cells are parted by comma, semicolon or tab, whichever the first row has most of. Nothing comes of an empty text.
    With `strict` raises UnclosedQuote where quotation marks do not match.
    """
    lines = text.lstrip("\ufeff").splitlines()
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return
    delimiter = max(",;\t", key=lines[first].count)
    cells = csv.reader(lines[first:], delimiter=delimiter, strict=strict)
    try:
        for number, row in enumerate(cells):
            stripped = [cell.strip() for cell in row]
            # The header may be of empty cells alone: what its columns lack is for the caller to say.
            if number == 0 or any(stripped):
                yield first + cells.line_num, stripped
    except csv.Error as error:
        if not strict:
            raise
        raise UnclosedQuote(first + cells.line_num) from error


def day(text: str) -> date:
    """The day written as 2026-03-10. Raises ValueError for any other way to write one, and for days that do not exist."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    return date.fromisoformat(text)
