"""Sample bank files, as a bank would offer them for download."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape

# How the sample bank writes its files (donations/statements/mapping.py).
MAPPING = {
    "date": "Fecha",
    "date_order": "dmy",
    "amount": "Importe",
    "text": ["Concepto"],
    "payer": ["Contraparte"],
    "payee": ["Contraparte"],
    "balance": "Saldo",
    "currency": "EUR",
}


@dataclass(frozen=True)
class Line:
    on: date
    text: str
    who: str
    amount: Decimal
    # The account of the other side, where the file says it.
    number: str = ""


def bank_file(lines: Iterable[Line], *, opening: Decimal) -> bytes:
    """A CSV with semicolons and decimal commas, oldest line first; `opening` is what was there before."""
    text, balance = io.StringIO(), opening
    table = csv.writer(text, delimiter=";")
    table.writerow(["Fecha", "Concepto", "Contraparte", "Importe", "Saldo"])
    for line in sorted(lines, key=lambda line: line.on):
        balance += line.amount
        amounts = [f"{amount:.2f}".replace(".", ",") for amount in (line.amount, balance)]
        table.writerow([line.on.strftime("%d.%m.%Y"), line.text, line.who, *amounts])
    return text.getvalue().encode()


def camt_file(
    number: str, currency: str, *, opening: Decimal, lines: Iterable[Line], first: date
) -> bytes:
    """A CAMT.053 of an IBAN from the day `first` to the last line's, with the balances it opens and closes with."""
    ordered = sorted(lines, key=lambda line: line.on)
    closing = opening + sum((line.amount for line in ordered), Decimal(0))
    body = [
        f"<Acct><Id><IBAN>{number}</IBAN></Id><Ccy>{currency}</Ccy></Acct>",
        _balance("OPBD", opening, currency, first),
        _balance("CLBD", closing, currency, ordered[-1].on),
        *(_entry(line, currency, place) for place, line in enumerate(ordered, 1)),
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>\n'
        f"{'\n'.join(body)}\n</Stmt></BkToCstmrStmt></Document>\n"
    ).encode()


def _balance(code: str, amount: Decimal, currency: str, on: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_money(amount, currency)}"
        f"<Dt><Dt>{on.isoformat()}</Dt></Dt></Bal>"
    )


def _entry(line: Line, currency: str, place: int) -> str:
    side = "Dbtr" if line.amount > 0 else "Cdtr"
    theirs = f"<{side}Acct><Id><IBAN>{line.number}</IBAN></Id></{side}Acct>" if line.number else ""
    return (
        f"<Ntry>{_money(line.amount, currency)}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{line.on.isoformat()}</Dt></BookgDt>"
        f"<AcctSvcrRef>MUESTRA-{line.on:%y%m%d}-{place}</AcctSvcrRef><NtryDtls><TxDtls>"
        f"<RltdPties><{side}><Pty><Nm>{escape(line.who)}</Nm></Pty></{side}>{theirs}</RltdPties>"
        f"<RmtInf><Ustrd>{escape(line.text)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def _money(amount: Decimal, currency: str) -> str:
    sign = "CRDT" if amount >= 0 else "DBIT"
    return f'<Amt Ccy="{currency}">{abs(amount):.2f}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
