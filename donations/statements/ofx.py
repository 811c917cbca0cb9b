"""OFX and QFX downloads: OFX 1 (SGML, tags left open) and OFX 2 (XML), as banks send them rather than as the standard says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from donations.statements import (
    Balance,
    LeftOut,
    Statement,
    StatementRow,
    UnreadableStatement,
    at_row,
    references_of,
)

# A value may hold a "<" of its own, as long as no letter or slash follows.
TAG = re.compile(r"<(/?)([A-Za-z0-9.]+)>((?:[^<]|<(?![/A-Za-z]))*)")
STATEMENTS = frozenset({"STMTRS", "CCSTMTRS"})
# Parts of a statement or a line whose inner tags would else be taken for its own.
PARTS = frozenset(
    {
        "BANKACCTFROM", "CCACCTFROM", "BANKACCTTO", "CCACCTTO", "LEDGERBAL", "AVAILBAL", "PAYEE",
        "CURRENCY", "ORIGCURRENCY", "BALLIST",
    }
)  # fmt: skip
# As banks write them in the header, and what Python calls them.
CHARSETS = {
    "1252": "cp1252",
    "WINDOWS-1252": "cp1252",
    "CP1252": "cp1252",
    "8859-1": "iso8859-1",
    "ISO-8859-1": "iso8859-1",
    "ISO8859-1": "iso8859-1",
    "8859-15": "iso8859-15",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "UNICODE": "utf-8",
}
ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&apos;": "'", "&nbsp;": " "}
ENTITY = re.compile("|".join(ENTITIES))
# Eight digits are the day; what banks put behind them (hours, zones, broken clocks) moves no money.
DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")
AMOUNT = re.compile(r"[+-]?\d{1,15}(?:[.,]\d{1,6})?")


def is_ofx(content: bytes) -> bool:
    head = content[:4000].upper()
    return b"OFXHEADER" in head or b"<OFX>" in head


def read(content: bytes) -> list[Statement]:
    """The statements of an OFX file in its order, their rows oldest first.

    The ledger balance is the closing balance; the format has no opening one. Raises UnreadableStatement, naming the line
    of the file, for an amount or a day that is none.
    """
    text = _decoded(content)
    # There is no opening balance to notice a missing end by.
    if "</OFX>" not in text.upper():
        raise UnreadableStatement(
            _("The file breaks off before its end. Download it again and upload it unchanged.")
        )
    found = list(_responses(text))
    if not found:
        raise UnreadableStatement(
            _("The OFX file holds no statement. Choose the account and the days at your bank.")
        )
    return [_statement(response) for response in found]


@dataclass
class _Aggregate:
    """What stands between a tag and its end: values by part and tag, and the line of the file each stands in."""

    line: int
    values: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def put(self, name: str, value: str, line: int) -> None:
        # Of a tag that comes twice the first counts: the second belongs to a part we do not know.
        if name not in self.values:
            self.values[name], self.lines[name] = value, line

    def get(self, name: str) -> str:
        return self.values.get(name, "")

    def at(self, name: str) -> int:
        return self.lines.get(name, self.line)


@dataclass
class _Response(_Aggregate):
    transactions: list[_Aggregate] = field(default_factory=list)


def _responses(text: str) -> Iterator[_Response]:
    response: _Response | None = None
    transaction: _Aggregate | None = None
    part, line, seen = "", 1, 0
    for match in TAG.finditer(text):
        line, seen = line + text.count("\n", seen, match.start()), match.start()
        is_end, name, value = bool(match[1]), match[2].upper(), _clean(match[3])
        if name in STATEMENTS:
            if response is not None:
                yield response
            response, transaction, part = None if is_end else _Response(line), None, ""
        elif response is None:
            continue
        elif name == "STMTTRN":
            transaction = None if is_end else _Aggregate(line)
            part = ""
            if transaction is not None:
                response.transactions.append(transaction)
        elif name == "BANKTRANLIST":
            transaction, part = None, ""
        elif name in PARTS:
            part = "" if is_end else name
        elif not is_end and value:
            key = f"{part}/{name}" if part else name
            (transaction or response).put(key, value, line)
    if response is not None:
        yield response


def _statement(response: _Response) -> Statement:
    currency = response.get("CURDEF").upper()
    rows: list[StatementRow] = []
    left_out: list[LeftOut] = []
    for transaction in response.transactions:
        row = _row(transaction, currency)
        if row.amount:
            rows.append(row)
        else:
            left_out.append(LeftOut(row.line, "empty", row.text))
    if not currency and len({row.currency for row in rows}) == 1:
        currency = rows[0].currency
    if len(rows) > 1 and rows[0].booked_on > rows[-1].booked_on:
        rows.reverse()
    rows.sort(key=lambda row: row.booked_on)
    return Statement(
        account="".join(
            (response.get("BANKACCTFROM/ACCTID") or response.get("CCACCTFROM/ACCTID")).split()
        ),
        currency=currency,
        rows=tuple(rows),
        closing=_closing(response),
        left_out=tuple(left_out),
        reaches=_reaches(response) or (rows[-1].booked_on if rows else None),
    )


def _reaches(response: _Response) -> date | None:
    """The end of what the bank lists; where it does not say that, its last row is all that is known."""
    try:
        return _day(response.get("DTEND"), response.at("DTEND")) if response.get("DTEND") else None
    except UnreadableStatement:
        # What is no day says nothing; the rows have days of their own.
        return None


def _closing(response: _Response) -> Balance | None:
    text = response.get("LEDGERBAL/BALAMT")
    if not text:
        return None
    amount = _amount(text, response.at("LEDGERBAL/BALAMT"))
    day = response.get("LEDGERBAL/DTASOF")
    return Balance(amount, _day(day, response.at("LEDGERBAL/DTASOF")) if day else None)


def _row(transaction: _Aggregate, currency: str) -> StatementRow:
    posted, amount = transaction.get("DTPOSTED"), transaction.get("TRNAMT")
    if not posted:
        raise at_row(transaction.line, _("it has no booking day."))
    if not amount:
        raise at_row(transaction.line, _("it has no amount."))
    booked_on = _day(posted, transaction.at("DTPOSTED"))
    own = transaction.get("CURRENCY/CURSYM").upper() or currency
    name = transaction.get("NAME") or transaction.get("PAYEE/NAME")
    memo = transaction.get("MEMO")
    account = transaction.get("BANKACCTTO/ACCTID") or transaction.get("CCACCTTO/ACCTID")
    return StatementRow(
        line=transaction.line,
        booked_on=booked_on,
        value_on=booked_on,
        amount=_amount(amount, transaction.at("TRNAMT")),
        currency=own,
        counterparty=name,
        counterparty_account="".join(account.split()),
        text=memo or name,
        references=references_of(transaction.get(tag) for tag in ("REFNUM", "CHECKNUM")),
        bank_id=transaction.get("FITID"),
    )


def _amount(text: str, line: int) -> Decimal:
    if not AMOUNT.fullmatch(text):
        raise at_row(
            line,
            _(
                "“%(amount)s” is no amount. Nothing was imported; download the file again or ask your bank."
            )
            % {"amount": text},
        )
    return Decimal(text.replace(",", "."))


def _day(text: str, line: int) -> date:
    found = DAY.match(text)
    try:
        return date(*(int(part) for part in found.groups())) if found else date.fromisoformat(text)
    except ValueError as error:
        raise at_row(line, _("“%(day)s” is no day of the calendar.") % {"day": text}) from error


def _clean(value: str) -> str:
    plain = ENTITY.sub(lambda found: ENTITIES[found[0]], value)
    return " ".join(plain.split())


def _decoded(content: bytes) -> str:
    """The file as text. UTF-8 where it is that, since many headers name another set than the bytes are in."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        head = content[:2000].decode("ascii", "replace")
    named = re.search(r"CHARSET:\s*([\w-]+)", head) or re.search(
        r"encoding=[\"']([\w-]+)", head, re.I
    )
    # ENCODING:USASCII without a set is what programs of Windows write.
    charset = CHARSETS.get(named[1].upper(), "") if named else "cp1252"
    charset = charset if charset not in {"", "utf-8"} else "cp1252"
    try:
        return content.decode(charset)
    except UnicodeDecodeError as error:
        raise UnreadableStatement(
            _(
                "The file names a character set that is not known here. Ask your bank for it in UTF-8."
            )
        ) from error
