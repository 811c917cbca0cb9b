"""Files people have an appeal in (plain text, Markdown, .docx) → title and Markdown paragraphs. No models, nothing written."""

import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import docx
from django.utils.translation import gettext as _
from docx.opc.exceptions import OpcError
from lxml.etree import LxmlError

MOST_BYTES = 20 * 1024 * 1024
# What a .docx may unpack to: a zip of 50 KB can hold gigabytes.
MOST_UNPACKED_BYTES = 60 * 1024 * 1024
MOST_FILES_IN_DOCX = 2_000
LONGEST_TITLE = 200

# First bytes of files people take for text, and what they are.
NOT_TEXT = {
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "Word (.doc)",
    b"{\\rtf": "RTF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
}
# Control characters that no text has; tab, newline, form feed and carriage return aside.
CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
LIST_STYLES = {"List Bullet": "- ", "List Paragraph": "- ", "List Number": "1. "}


class Unreadable(Exception):
    """The file is no text we can read; the message says what it is and what to do instead."""


@dataclass(frozen=True)
class Document:
    title: str
    paragraphs: list[str]  # Markdown, without blank lines inside
    notices: list[str] = field(default_factory=list)

    @property
    def body(self) -> str:
        return "\n\n".join(self.paragraphs)


def read(data: bytes, *, name: str) -> Document:
    """The document in `data`. Its kind is told by its content; `name` only tells Markdown from plain text.

    Raises Unreadable for an empty, too large, damaged or binary file.
    """
    if not data.strip():
        raise Unreadable(_("The file is empty."))
    if len(data) > MOST_BYTES:
        raise Unreadable(
            _(
                "The file is larger than %(most)s MB, more than an appeal can be: save its text alone."
            )
            % {"most": MOST_BYTES // 1024**2}
        )
    if data.startswith(b"PK\x03\x04"):
        return _document(list(_docx_paragraphs(data)), [])
    text, notices = _decode(data)
    is_markdown = name.lower().endswith((".md", ".markdown"))
    return _document(list(_text_paragraphs(text, is_markdown=is_markdown)), notices)


def _document(paragraphs: list[str], notices: list[str]) -> Document:
    if not paragraphs:
        raise Unreadable(_("There is no text in the file."))
    title = _plain(paragraphs[0])
    if len(title) <= LONGEST_TITLE and len(paragraphs) > 1:
        return Document(title, paragraphs[1:], notices)
    if len(title) > LONGEST_TITLE:
        title = title[: LONGEST_TITLE - 1].rsplit(" ", 1)[0] + "…"
    notice = _("The first paragraph is no title by itself: its beginning became one, check it.")
    return Document(title, paragraphs, [*notices, notice])


def _plain(markdown: str) -> str:
    """One line without Markdown's marks, for a title."""
    line = " ".join(markdown.split()).lstrip("#").strip().strip("*").strip()
    return re.sub(r"\\([\\`*_\[\]#>+-])", r"\1", line)


def _decode(data: bytes) -> tuple[str, list[str]]:
    for start, kind in NOT_TEXT.items():
        if data.startswith(start):
            raise Unreadable(
                _("This is a %(kind)s file. Save the text as .docx, .txt or .md and import that.")
                % {"kind": kind}
            )
    notices = []
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        # Every byte means something in Latin-1, so junk is told by its control characters below.
        text = data.decode("latin-1")
        windows = data.decode("cp1252", errors="replace")
        text = text if "\N{REPLACEMENT CHARACTER}" in windows else windows
        notices.append(
            _(
                "The file is not in UTF-8; it was read as Latin-1. Check accents and quotation marks."
            )
        )
    if CONTROL.search(text):
        raise Unreadable(_("This is no text file: it holds bytes that no text has."))
    return unicodedata.normalize("NFC", text), notices


def _text_paragraphs(text: str, *, is_markdown: bool) -> Iterator[str]:
    lines = re.sub(r"\r\n?", "\n", text).replace("\f", "\n\n").split("\n")
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            # Indented plain text is no code block, and its signs are no Markdown.
            paragraph.append(line.rstrip() if is_markdown else _escape(line.strip()))
        elif paragraph:
            yield "\n".join(paragraph)
            paragraph = []


def _escape(line: str) -> str:
    line = re.sub(r"([\\`*_\[\]])", r"\\\1", line)
    return re.sub(r"^([#>+=~]|-{2})", r"\\\1", line)


def _docx_paragraphs(data: bytes) -> Iterator[str]:
    _refuse_bomb(data)
    try:
        paragraphs = docx.Document(io.BytesIO(data)).paragraphs
        for paragraph in paragraphs:
            text = " ".join(_escape(line) for line in paragraph.text.split("\n")).strip()
            if not text:
                continue
            style = paragraph.style.name or "" if paragraph.style is not None else ""
            heading = re.fullmatch(r"Heading (\d)", style)
            yield (
                "#" * min(int(heading[1]) + 1, 4) + " " if heading else LIST_STYLES.get(style, "")
            ) + text
    except (
        OpcError,
        LxmlError,
        KeyError,
        ValueError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        # What python-docx raises for a file whose parts are missing or malformed.
        raise Unreadable(_("This is no Word document, or a damaged one.")) from error


def _refuse_bomb(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise Unreadable(_("This is no Word document, or a damaged one.")) from error
    if "word/document.xml" not in {entry.filename for entry in entries}:
        raise Unreadable(_("This is a zip file, not a Word document (.docx)."))
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unreadable(_("The document is locked by a password: save it without one."))
    # zipfile reads no more of an entry than the size it states here.
    if (
        len(entries) > MOST_FILES_IN_DOCX
        or sum(entry.file_size for entry in entries) > MOST_UNPACKED_BYTES
    ):
        raise Unreadable(
            _("The document unpacks to more than an appeal can be: save its text alone.")
        )
