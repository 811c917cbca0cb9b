"""Bytes to rows of cells: character set, quotation, where the table begins, what stands above it."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from donations.statements import UnreadableStatement, at_row


def decode(content: bytes, encoding: str) -> str:
    """The file as text. Raises UnreadableStatement when it is not in `encoding`, or is plainly UTF-8 instead."""
    try:
        codec = codecs.lookup(encoding).name
        text = content.decode("utf-8-sig" if codec == "utf-8" else codec)
    except (LookupError, UnicodeError) as error:
        line = (
            content[: error.start].count(b"\n") + 1
            if isinstance(error, UnicodeDecodeError)
            else None
        )
        message = _(
            "The file is not in the character set %(encoding)s that the account's CSV columns say (it fails at row %(line)s). "
            "Choose another one there."
        ) % {"encoding": encoding, "line": line or "1"}
        raise UnreadableStatement(message, line) from error
    if codec in {"cp1252", "iso8859-1", "iso8859-15", "cp850"} and _is_utf8_beyond_ascii(content):
        raise UnreadableStatement(
            _(
                "The file is in UTF-8, but the account's CSV columns say %(encoding)s: names would be garbled. Choose UTF-8 "
                "there."
            )
            % {"encoding": encoding}
        )
    if "\0" in text:
        raise UnreadableStatement(
            _("This is no text file. Export the statement as CSV and upload that.")
        )
    return text


def _is_utf8_beyond_ascii(content: bytes) -> bool:
    try:
        return not content.decode("utf-8").isascii()
    except UnicodeDecodeError:
        return False


def table(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold anything, each with the number of the line it starts on. Raises UnreadableStatement."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise at_row(
                number,
                _("its quotation marks do not pair. Download the file again, or mend the row."),
            ) from error
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield number, row
        number = reader.line_num + 1


def find_header(lines: Sequence[tuple[int, list[str]]], wanted: set[str]) -> tuple[int, list[str]]:
    """Where the header row stands, and its names. The first row that has every column in `wanted` is the header."""
    best: set[str] = wanted
    for index, (number, row) in enumerate(lines):
        names = [" ".join(cell.split()) for cell in row]
        missing = wanted.difference(names)
        if not missing:
            doubled = sorted({name for name in wanted if names.count(name) > 1})
            if doubled:
                raise at_row(
                    number, _("the column “%(name)s” stands in it twice.") % {"name": doubled[0]}
                )
            return index, names
        best = min(best, missing, key=len)
    raise UnreadableStatement(
        _(
            "No row of the file has all of the account's CSV columns: “%(names)s” is missing. Is it a file of this "
            "bank and account? If the bank has changed its columns, say so there."
        )
        % {"names": "”, “".join(sorted(best))}
    )


def labelled(above: Sequence[Sequence[str]], label: str) -> str:
    """What stands beside `label` above the table, or under it where the row beside holds only labels."""
    if not label:
        return ""
    for index, row in enumerate(above):
        names = [" ".join(cell.split()) for cell in row]
        if label not in names:
            continue
        column = names.index(label)
        below = above[index + 1] if index + 1 < len(above) else []
        if len(names) == len(below) and len(names) > 2:
            return below[column].strip()
        if column + 1 < len(names):
            return names[column + 1]
    raise UnreadableStatement(
        _(
            "“%(label)s” does not stand above the table, where the account's CSV columns look for it."
        )
        % {"label": label}
    )
