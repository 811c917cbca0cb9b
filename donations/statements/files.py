"""Any bank file to statements: tells the format by the bytes, not by the name."""

from django.utils.translation import gettext as _

from donations.statements import Statement, UnreadableStatement, camt053, csv_generic
from donations.statements.mapping import CsvMapping

LARGEST = 10 * 1024 * 1024


def is_xml(content: bytes) -> bool:
    head = content[:200].removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(b"<") or content[:4] in (b"\xff\xfe<\0", b"\xfe\xff\0<")


def read(content: bytes, mapping: CsvMapping | None) -> list[Statement]:
    """The statements in a CAMT or CSV file.

    `mapping` is the account's, for CSV. Raises UnreadableStatement; BadMapping when a CSV file meets half a mapping.
    """
    if not content.strip():
        raise UnreadableStatement(_("The file is empty. Download it again."))
    if len(content) > LARGEST:
        raise UnreadableStatement(
            _(
                "The file is larger than 10 MB. Download fewer days at a time and upload one file after the other."
            )
        )
    if content.startswith(b"PK\x03\x04"):
        raise UnreadableStatement(
            _(
                "This is a compressed file or a spreadsheet. Unpack it, or save it as CSV, and upload what is inside."
            )
        )
    if content.startswith(b"%PDF"):
        raise UnreadableStatement(
            _(
                "This is a PDF, which cannot be read as data. Download the statement as CAMT.053 or CSV."
            )
        )
    if (
        content.lstrip()[:4] in (b":20:", b"{1:F")
        or b"OFXHEADER" in content[:2000]
        or b"<OFX>" in content[:2000].upper()
    ):
        raise UnreadableStatement(
            _("MT940 and OFX files are not read. Download the statement as CAMT.053 or CSV.")
        )
    if is_xml(content):
        return camt053.read(content)
    if mapping is None:
        raise UnreadableStatement(
            _(
                "It is not yet said how this bank's CSV files are read. Set the columns of the account first."
            )
        )
    return csv_generic.read(content, mapping)
