"""Any bank file to statements: tells the format by the bytes, not by the name."""

from django.utils.translation import gettext as _

from donations.statements import Statement, UnreadableStatement, camt053, csv_generic, mt940, ofx
from donations.statements.mapping import CsvMapping

LARGEST = 10 * 1024 * 1024
# Zip, which an .xlsx is, too, and the older .xls.
PACKED = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
PDF = b"%PDF"


def is_xml(content: bytes) -> bool:
    head = content[:200].removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(b"<") or content[:4] in (b"\xff\xfe<\0", b"\xfe\xff\0<")


def needs_columns(content: bytes) -> bool:
    """Whether somebody has to say what the file's columns are: all other formats say it themselves, or are none."""
    if not content.strip() or content.startswith((*PACKED, PDF)):
        return False
    return not (is_xml(content) or mt940.is_mt940(content) or ofx.is_ofx(content))


def read(content: bytes, mapping: CsvMapping | None) -> list[Statement]:
    """The statements in a CAMT, MT940, OFX or CSV file.

    `mapping` is the account's, for CSV and, where its bank writes no UTF-8, for the characters of MT940. Raises UnreadableStatement; BadMapping when a CSV file meets half a mapping.
    """
    if not content.strip():
        raise UnreadableStatement(_("The file is empty. Download it again."))
    if len(content) > LARGEST:
        raise UnreadableStatement(
            _(
                "The file is larger than 10 MB. Download fewer days at a time and upload one file after the other."
            )
        )
    if content.startswith(PACKED):
        raise UnreadableStatement(
            _(
                "This is a compressed file or a spreadsheet. Unpack it, or save it as CSV, and upload what is inside."
            )
        )
    if content.startswith(PDF):
        raise UnreadableStatement(
            _(
                "This is a PDF, which cannot be read as data. Download the statement as CAMT.053, MT940, OFX or CSV."
            )
        )
    if mt940.is_mt940(content):
        return mt940.read(content, _encoding(mapping))
    if ofx.is_ofx(content):
        return ofx.read(content)
    if is_xml(content):
        return camt053.read(content)
    if mapping is None:
        raise UnreadableStatement(
            _(
                "It is not yet said how this bank's CSV files are read. Set the columns of the account first."
            )
        )
    return csv_generic.read(content, mapping)


def _encoding(mapping: CsvMapping | None) -> str:
    # UTF-8 is tried first anyway, and is what a mapping says where nobody chose.
    return mapping.encoding if mapping and mapping.encoding != "utf-8" else ""
