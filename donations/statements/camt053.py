"""ISO 20022 bank statements (CAMT.053), reports (052) and notifications (054), every version, with or without namespace."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from django.utils.translation import gettext as _

from donations.statements import (
    Balance,
    LeftOut,
    Statement,
    StatementRow,
    UnreadableStatement,
    at_entry,
    references_of,
)

KINDS = {"Stmt": "statement", "Rpt": "interim", "Ntfctn": "notification"}
NOT_BOOKED = {"PDNG": "pending", "INFO": "pending", "FUTR": "pending"}
# Shorter ones only count the entries of one file.
LEAST_ENTRY_NAME = 6
REFERENCES = ("EndToEndId", "MndtId", "TxId", "InstrId", "PmtInfId")


def read(content: bytes) -> list[Statement]:
    """The statements of a CAMT file, in the order of the file.

    An entry is what moves the balance. Its details become rows of their own only when they add up to it.
    Raises UnreadableStatement, naming the entry, for anything that is not exactly right.
    """
    root = _parse(content)
    statements = [node for node in root.iter() if _name(node) in KINDS]
    if _name(root) != "Document" or not any(_name(child).startswith("BkToCstmr") for child in root):
        raise UnreadableStatement(
            _("This XML file is no bank statement. Ask your bank for the format CAMT.053.")
        )
    if not statements:
        raise UnreadableStatement(
            _(
                "The file holds no statement, only a header. Choose the account and the days at your bank and download it "
                "again."
            )
        )
    result, counted = [], 0
    for node in statements:
        result.append(_statement(node, counted, root))
        counted += len(_all(node, "Ntry"))
    return result


def _parse(content: bytes) -> Element:
    try:
        root: Element = ElementTree.fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise UnreadableStatement(
            _(
                "The file declares a document type or entities, which no bank statement does. It was not read further: "
                "download it again from your bank."
            )
        ) from error
    except ParseError as error:
        line = error.position[0]
        raise UnreadableStatement(
            _(
                "The file breaks off or is damaged at line %(line)d. Download it again and upload it unchanged."
            )
            % {"line": line},
            line,
        ) from error
    except (LookupError, ValueError) as error:
        raise UnreadableStatement(
            _(
                "The file names a character set that is not known here. Ask your bank for it in UTF-8."
            )
        ) from error
    return root


def _statement(node: Element, counted: int, root: Element) -> Statement:
    # A statement's entry can name the notification that divides it.
    message = (
        next((_text(part, "GrpHdr/MsgId") for part in root), "") if _name(node) == "Ntfctn" else ""
    )
    account = _account(_one(node, "Acct"))
    owner = _text(node, "Acct/Ownr/Nm") or _text(node, "Acct/Ownr/Pty/Nm")
    opening = _balance(node, "OPBD") or _balance(node, "PRCD")
    closing = _balance(node, "CLBD", last=True)
    currency = _currency(node)
    rows: list[StatementRow] = []
    left_out: list[LeftOut] = []
    for number, entry in enumerate(_all(node, "Ntry"), counted + 1):
        status = (_text(entry, "Sts/Cd") or _text(entry, "Sts")).upper()
        if status == "BOOK" and not Decimal(_amount(entry, number)):
            left_out.append(LeftOut(number, "empty", _text(entry, "AddtlNtryInf")))
        elif status == "BOOK":
            names = tuple(_names(entry, message))
            rows.extend(
                row._replace(names=names) for row in _rows(entry, number, currency, account, owner)
            )
        elif status in NOT_BOOKED:
            left_out.append(LeftOut(number, NOT_BOOKED[status], _text(entry, "AddtlNtryInf")))
        else:
            raise at_entry(
                number,
                _("its status is “%(status)s”, neither booked (BOOK) nor pending (PDNG).")
                % {"status": status},
            )
    return Statement(
        account=account,
        currency=currency,
        rows=tuple(rows),
        opening=opening,
        closing=closing,
        left_out=tuple(left_out),
        kind=KINDS[_name(node)],
        number=_text(node, "ElctrncSeqNb") or _text(node, "Id"),
    )


def _currency(node: Element) -> str:
    """The account's currency: as stated, else the one all its balances have, else the one all its entries have."""
    stated = _text(node, "Acct/Ccy")
    if stated:
        return stated
    for path in ("Bal", "Ntry"):
        found = {amount.get("Ccy", "") for item in _all(node, path) for amount in _all(item, "Amt")}
        if len(found) == 1:
            return found.pop()
    return ""


def _balance(node: Element, code: str, *, last: bool = False) -> Balance | None:
    found = [
        bal
        for bal in _all(node, "Bal")
        if _text(bal, "Tp/CdOrPrtry/Cd") == code and _text(bal, "Tp/SubTp/Cd") != "INTM"
    ]
    if not found:
        return None
    balance = found[-1 if last else 0]
    amount, indicator = _text(balance, "Amt"), _text(balance, "CdtDbtInd")
    if not _is_amount(amount) or indicator not in {"CRDT", "DBIT"}:
        raise UnreadableStatement(
            _(
                "The balance %(code)s says “%(amount)s %(indicator)s”: that is no amount. Download the file again."
            )
            % {"code": code, "amount": amount, "indicator": indicator}
        )
    return Balance(
        Decimal(amount) if indicator == "CRDT" else -Decimal(amount), _day(balance, "Dt")
    )


def _rows(
    entry: Element, number: int, currency: str, account: str, owner: str
) -> list[StatementRow]:
    row = _entry_row(entry, number, currency)
    details = [detail for group in _all(entry, "NtryDtls") for detail in _all(group, "TxDtls")]
    if len(details) > 1 and (parts := _parts(details, entry, row)):
        return [
            _explained(
                row._replace(amount=part, bank_id=row.bank_id and f"{row.bank_id}/{position}"),
                [detail],
                entry,
                account,
                owner,
            )
            for position, (detail, part) in enumerate(zip(details, parts, strict=True), 1)
        ]
    stated = [
        int(count)
        for group in _all(entry, "NtryDtls")
        if (count := _text(group, "Btch/NbOfTxs")).isdecimal()
    ]
    row = row._replace(batch_of=max([len(details), 1, *stated]))
    return [_explained(row, details, entry, account, owner)]


def _names(entry: Element, message: str) -> Iterator[str]:
    """What the bank calls the entry, in a statement as in a notification: the surest first."""
    for reference in _given(_text(entry, "AcctSvcrRef")):
        yield f"AcctSvcrRef {reference}"
    for reference in _given(_text(entry, "NtryRef")):
        if len(reference) >= LEAST_ENTRY_NAME:
            yield f"NtryRef {reference}"
    batches = {
        (_text(node, "PmtInfId"), _text(node, "MsgId"))
        for path in ("NtryDtls/Btch", "NtryDtls/TxDtls/Refs")
        for node in _all(entry, path)
        if _given(_text(node, "PmtInfId"))
    }
    if len(batches) == 1:
        yield " ".join(["batch", *batches.pop()])
    for told_in in _given(message or _text(entry, "AddtlInfInd/MsgId")):
        yield f"message {told_in}"


def _entry_row(entry: Element, number: int, currency: str) -> StatementRow:
    """The movement itself: day, amount with sign, the bank's id."""
    text, indicator = _amount(entry, number), _text(entry, "CdtDbtInd")
    if indicator not in {"CRDT", "DBIT"}:
        raise at_entry(
            number,
            _(
                "it does not say whether money came in (CRDT) or went out (DBIT), but “%(indicator)s”."
            )
            % {"indicator": indicator},
        )
    node = _one(entry, "Amt")
    own = node.get("Ccy", "") if node is not None else ""
    if not re.fullmatch(r"[A-Z]{3}", own):
        raise at_entry(number, _("its amount names no currency."))
    sign = 1 if indicator == "CRDT" else -1
    booked_on = _day(entry, "BookgDt", number) or _day(entry, "ValDt", number)
    if booked_on is None:
        raise at_entry(number, _("it has no booking day."))
    row = StatementRow(
        line=number,
        booked_on=booked_on,
        value_on=_day(entry, "ValDt", number) or booked_on,
        amount=sign * Decimal(text),
        currency=own,
        bank_id=_text(entry, "AcctSvcrRef"),
        is_reversal=_text(entry, "RvslInd") in {"true", "1"},
    )
    value = _value_in(entry, currency) if currency and own != currency else None
    if value is None:
        return row
    return row._replace(
        amount=sign * value,
        currency=currency,
        stated_amount=row.amount,
        stated_currency=own,
    )


def _amount(entry: Element, number: int) -> str:
    text = _text(entry, "Amt")
    if not _is_amount(text):
        raise at_entry(
            number,
            _(
                "“%(amount)s” is no amount. Nothing was imported; download the file again or ask your bank."
            )
            % {"amount": text},
        )
    return text


def _value_in(entry: Element, currency: str) -> Decimal | None:
    """What an entry in another currency came to in the account's: the one amount in that currency beside it, if there is one."""
    for details in (_one(entry, "AmtDtls"), _one(entry, "NtryDtls/TxDtls/AmtDtls")):
        found = {
            Decimal(amount)
            for kind in ("CntrValAmt", "TxAmt", "InstdAmt")
            for node in (_all(details, f"{kind}/Amt") if details is not None else [])
            if node.get("Ccy") == currency and _is_amount(amount := (node.text or "").strip())
        }
        if len(found) == 1:
            return found.pop()
    return None


def _parts(details: Sequence[Element], entry: Element, row: StatementRow) -> list[Decimal] | None:
    """What each payment of a batch moved, if the file says so for all of them and they add up to the entry."""
    if row.stated_amount is not None:
        return None
    parts = []
    for detail in details:
        node = next(
            (found for path in ("Amt", "AmtDtls/TxAmt/Amt") for found in _all(detail, path)), None
        )
        amount = (node.text or "").strip() if node is not None else ""
        if node is None or node.get("Ccy") != row.currency or not _is_amount(amount):
            return None
        indicator = _text(detail, "CdtDbtInd") or _text(entry, "CdtDbtInd")
        parts.append(Decimal(amount) if indicator == "CRDT" else -Decimal(amount))
    return parts if sum(parts) == row.amount else None


def _explained(
    row: StatementRow, details: Sequence[Element], entry: Element, account: str, owner: str
) -> StatementRow:
    """The row with who, what for and under which references, from the details that belong to it."""
    texts = [text for detail in details for text in _remittance(detail)]
    parties = [_counterparty(detail, row, account, owner) for detail in details]
    name, number = next((party for party in parties if any(party)), ("", ""))
    if row.batch_of > 1:
        name, number = "", ""
    return row._replace(
        counterparty=name,
        counterparty_account=number,
        text=" ".join(dict.fromkeys(texts)) or _clean(_text(entry, "AddtlNtryInf")),
        references=references_of(text for detail in details for text in _references(detail)),
    )


def _remittance(detail: Element) -> list[str]:
    written = [
        _clean(node.text)
        for path in ("RmtInf/Ustrd", "RmtInf/Strd/AddtlRmtInf")
        for node in _all(detail, path)
    ]
    return [text for text in written if text] or [
        text for text in [_clean(_text(detail, "AddtlTxInf"))] if text
    ]


def _references(detail: Element) -> Iterator[str]:
    for node in _all(detail, "RmtInf/Strd/CdtrRefInf/Ref"):
        yield _clean(node.text)
    for name in REFERENCES:
        yield _clean(_text(detail, f"Refs/{name}"))


def _given(text: str) -> tuple[str, ...]:
    """The reference in `text`, or none."""
    return references_of([_clean(text)])


def _counterparty(detail: Element, row: StatementRow, account: str, owner: str) -> tuple[str, str]:
    """Name and account of the other side: the debtor of money that came, the creditor of money that went.

    Some banks name only one party, or turn the roles round on returns, so a party that is ourselves is passed over.
    """
    for role in ("Dbtr", "Cdtr") if row.amount > 0 else ("Cdtr", "Dbtr"):
        name = _clean(
            _text(detail, f"RltdPties/{role}/Nm") or _text(detail, f"RltdPties/{role}/Pty/Nm")
        )
        number = _account(_one(detail, f"RltdPties/{role}Acct"))
        is_ours = number == account if number and account else bool(name) and name == owner
        if (name or number) and not is_ours:
            return name, number
    return "", ""


def _account(node: Element | None) -> str:
    if node is None:
        return ""
    return "".join((_text(node, "Id/IBAN") or _text(node, "Id/Othr/Id")).split())


def _day(node: Element, name: str, number: int | None = None) -> date | None:
    text = (_text(node, f"{name}/Dt") or _text(node, f"{name}/DtTm"))[:10]
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        problem = _("“%(day)s” is no day of the calendar.") % {"day": text}
        raise at_entry(number, problem) if number else UnreadableStatement(problem) from error


def _is_amount(text: str) -> bool:
    # Amounts in ISO 20022 carry no sign; 18 digits is the schema's own limit.
    return bool(re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,17})?", text))


def _clean(text: str | None) -> str:
    return " ".join((text or "").split())


def _name(node: Element) -> str:
    return node.tag.rpartition("}")[2]


def _all(node: Element, path: str) -> list[Element]:
    """The elements under `node` by local names, whatever the namespace: `_all(entry, "Sts/Cd")`."""
    found = [node]
    for step in path.split("/"):
        found = [child for parent in found for child in parent if _name(child) == step]
    return found


def _one(node: Element, path: str) -> Element | None:
    return next(iter(_all(node, path)), None)


def _text(node: Element, path: str) -> str:
    found = _one(node, path)
    return (found.text or "").strip() if found is not None else ""
