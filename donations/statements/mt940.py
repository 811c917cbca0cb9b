"""SWIFT's MT940 statements and MT942 interim reports, with the fields German, Polish, Swiss and other banks put into them."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import mt940
from django.utils.translation import gettext as _
from stdnum import iban

from donations.statements import (
    Balance,
    LeftOut,
    Statement,
    StatementRow,
    UnbalancedStatement,
    UnreadableStatement,
    at_row,
    in_words,
    references_of,
)

LINE = re.compile(r"^:61:(.*)", re.MULTILINE)
# Day, day of entry, direction, letter of the currency, amount, kind of booking: S, N or F and three more (SWIFT, field 61).
# Any other letter there is a digit of the amount misread.
MOVEMENT = re.compile(
    r"\d{6}(\d{4}| {4})?\s*R?[CD][A-Z]?\d{1,15},\d{0,3}[SNF][A-Z0-9]{3}", re.IGNORECASE
)
BALANCE_LINE = re.compile(r"^:6[02][FM]:(.*)", re.MULTILINE)
BALANCE = re.compile(r"[CD]\d{6}[A-Z]{3}\d{1,15},\d{0,3}\s*")
HEADER = re.compile(rb"^:20:.*?^:25", re.MULTILINE | re.DOTALL)
# Lines of the text field are cut at this many characters, in the middle of a word if need be.
FULL_LINE = 65
# Statements close with F, pages of one with M.
OPENING = ("final_opening_balance", "intermediate_opening_balance")
CLOSING = ("final_closing_balance", "intermediate_closing_balance")


def is_mt940(content: bytes) -> bool:
    return HEADER.search(content[:4000].replace(b"\r", b"")) is not None


def read(content: bytes, encoding: str = "") -> list[Statement]:
    """The statements of an MT940 or MT942 file; the pages of one statement come one after the other, each with balances.

    `encoding` is the account's, for files that are not UTF-8; Windows-1252 where nothing is said. Raises
    UnreadableStatement, and UnbalancedStatement when a report's own totals contradict its lines.
    """
    text = _decoded(content, encoding).replace("\r\n", "\n")
    places = _checked(text)
    try:
        # All: without it the library counts credits taken back as money in, and runs account and name together.
        parsed = mt940.parse_statements(text, options=mt940.Options.all())
    except (ValueError, RuntimeError, ArithmeticError, LookupError, TypeError) as error:
        raise UnreadableStatement(
            _(
                "The MT940 file has a day that cannot be read. Download it again and upload it unchanged."
            )
        ) from error
    if sum(len(found.transactions) for found in parsed) != len(places):
        raise UnreadableStatement(
            _(
                "Not every line of the MT940 file can be read. Download it again and upload it unchanged."
            )
        )
    if not parsed or not any(found.data.get("account_identification") for found in parsed):
        raise UnreadableStatement(
            _("The MT940 file holds no statement. Choose the account and the days at your bank.")
        )
    lines = iter(places)
    return [_statement(found, lines) for found in parsed]


def _checked(text: str) -> list[int]:
    """The lines of the file on which movements begin; raises UnreadableStatement, naming it, for one that is damaged."""
    places = []
    for found in LINE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if not MOVEMENT.match(found[1]):
            raise at_row(line, _("“%(text)s” is no movement of an account.") % {"text": found[1]})
        places.append(line)
    for found in BALANCE_LINE.finditer(text):
        if not BALANCE.fullmatch(found[1]):
            line = text.count("\n", 0, found.start()) + 1
            raise at_row(line, _("“%(text)s” is no balance with a currency.") % {"text": found[1]})
    return places


def _statement(found: Any, lines: Iterator[int]) -> Statement:
    data = found.data
    opening, closing = _balance(data, OPENING), _balance(data, CLOSING)
    currency = _currency(data)
    rows: list[StatementRow] = []
    left_out: list[LeftOut] = []
    for transaction in found.transactions:
        row = _row(transaction.data, next(lines), currency)
        if row.amount:
            rows.append(row)
        else:
            left_out.append(LeftOut(row.line, "empty", row.text))
    is_interim = opening is None and any(name.startswith("sum_") for name in data)
    if is_interim:
        _check_totals(data, rows, currency)
    return Statement(
        account=_account(data.get("account_identification", ""), currency),
        currency=currency,
        rows=tuple(rows),
        opening=opening,
        closing=closing,
        left_out=tuple(left_out),
        kind="interim" if is_interim else "statement",
        number=data.get("statement_number") or "",
    )


def _balance(data: dict[str, Any], names: tuple[str, ...]) -> Balance | None:
    for name in names:
        if (balance := data.get(name)) is None:
            continue
        return Balance(Decimal(balance.amount.amount), _as_day(balance.date))
    return None


def _currency(data: dict[str, Any]) -> str:
    for name in (*OPENING, *CLOSING, "c_floor_limit", "d_floor_limit"):
        if (found := data.get(name)) is not None:
            return str(
                getattr(found, "amount", found).currency
                if name in (*OPENING, *CLOSING)
                else found.currency
            )
    return ""


def _row(data: dict[str, Any], line: int, currency: str) -> StatementRow:
    try:
        amount = Decimal(data["amount"].amount)
        value_on = _as_day(data["date"])
    except (KeyError, InvalidOperation) as error:
        raise at_row(line, _("it has no amount.")) from error
    if value_on is None:
        raise at_row(line, _("it has no booking day."))
    name = _clean(data.get("applicant_name"))
    return StatementRow(
        line=line,
        booked_on=_as_day(data.get("entry_date")) or value_on,
        value_on=value_on,
        amount=amount,
        currency=currency or (data.get("currency") or ""),
        counterparty=name,
        counterparty_account="".join((data.get("applicant_iban") or "").split()),
        text=_text(data),
        references=_references(data, "end_to_end_reference", "customer_reference"),
        bank_id="".join(_references(data, "bank_reference")),
        is_reversal=str(data.get("status", "")).upper() in {"RC", "RD"},
    )


def _text(data: dict[str, Any]) -> str:
    """What the payment is for, in one line: the structured purpose, else the whole text; and the second line of :61:."""
    parts = [data.get("purpose"), data.get("additional_purpose")]
    purpose = " ".join(_clean(part) for part in parts if part)
    text = purpose or _joined(data.get("transaction_details") or "")
    second = _clean(data.get("extra_details"))
    return text if second in text else f"{text} {second}".strip()


def _joined(details: str) -> str:
    text = ""
    for line in details.split("\n"):
        text += line if len(line) >= FULL_LINE else f"{line} "
    return _clean(text)


def _references(data: dict[str, Any], *fields: str) -> tuple[str, ...]:
    values = [_clean(data.get(field)) for field in fields]
    # A single letter is what is left of the kind of booking where nothing follows it.
    return references_of(value for value in values if len(value) > 1)


def _check_totals(data: dict[str, Any], rows: list[StatementRow], currency: str) -> None:
    """A report states no balances, but how much came in and went out."""
    for name, sign in (("sum_credit_entries", 1), ("sum_debit_entries", -1)):
        if (stated := data.get(name)) is None:
            continue
        listed = sum((row.amount for row in rows if row.amount * sign > 0), Decimal(0))
        if abs(listed) != abs(Decimal(stated.amount)):
            raise UnbalancedStatement(
                _(
                    "The report says that its lines come to %(stated)s, but they come to %(listed)s. Download it again, "
                    "whole, from your bank."
                )
                % {
                    "stated": in_words(abs(Decimal(stated.amount)), currency),
                    "listed": in_words(abs(listed), currency),
                }
            )


def _account(identification: str, currency: str) -> str:
    """The account's own number: "87052000/123456789" → "123456789", "NL08…EUR" → "NL08…"."""
    parts = [part for part in "".join(identification.split()).split("/") if part]
    if len(parts) > 1 and re.fullmatch(r"[A-Z]{3}", parts[-1]):
        parts.pop()
    number = parts[-1] if parts else ""
    shorter = number.removesuffix(currency)
    return shorter if iban.is_valid(shorter, check_country=False) else number


def _as_day(value: Any) -> date | None:
    return date(value.year, value.month, value.day) if value is not None else None


def _clean(text: str | None) -> str:
    return " ".join((text or "").split())


def _decoded(content: bytes, encoding: str) -> str:
    """The file as text. Always the same one for the same account, since a line is known again by its text."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return content.decode(encoding or "cp1252")
    except (LookupError, UnicodeDecodeError) as error:
        raise UnreadableStatement(
            _(
                "The file is neither in UTF-8 nor in %(encoding)s. Say the bank's character set under the account's CSV "
                "columns, or ask the bank for UTF-8."
            )
            % {"encoding": encoding or "Windows-1252"}
        ) from error
