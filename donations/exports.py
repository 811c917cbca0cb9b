"""READ: every entry of the ledger as CSV, JSON or beancount; decimal text, one row at a time, without anyone's name."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db import connection, transaction

from .currencies import quantize
from .exchange_gains import gains_between
from .models import Account
from .spreadsheets import csv_row


@dataclass(frozen=True)
class Line:
    """One entry as it is exported: the fields the ledger's hash is made of, and what a payment gained by exchanges.

    `happened_on` is the fact's own day, and earlier than `booked_on` where its month was closed already.
    `exchange_gain` is empty, or like "3.20 EUR" or "-1.00 EUR, 2.50 USD": against the reporting rates of the day.
    """

    source: str
    kind: str
    debit: str
    credit: str
    amount: str
    currency: str
    booked_on: str
    happened_on: str
    exchange_gain: str


LINES = """
SELECT e.source, e.kind, d.code, c.code, e.amount, e.currency, e.booked_on, coalesce(e.happened_on, e.booked_on)
FROM donations_entry e
JOIN donations_account d ON d.id = e.debit_id
JOIN donations_account c ON c.id = e.credit_id
ORDER BY e.booked_on, e.source COLLATE "C"
"""
CHUNK = 5_000


def lines() -> Iterator[Line]:
    """All entries by day and source, of one instant; in memory a few thousand at a time."""
    with transaction.atomic(), connection.cursor() as cursor:
        gains = exchange_gains_by_source()
        cursor.execute(f"DECLARE export_lines NO SCROLL CURSOR FOR {LINES}")
        while True:
            cursor.execute(f"FETCH {CHUNK} FROM export_lines")
            rows = cursor.fetchall()
            if not rows:
                cursor.execute("CLOSE export_lines")
                return
            for row in rows:
                yield _line(*row, gains=gains)


def exchange_gains_by_source() -> dict[str, str]:
    """What each payment made of exchanged money gained or lost, as in `Line`, by its entry's source."""
    told = {}
    for payment, gains in gains_between().items():
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for gain in gains:
            if gain.difference is not None:
                sums[gain.exchange.given_currency] += gain.difference
        told[f"disbursement:{payment.number}"] = ", ".join(
            f"{quantize(amount, currency):f} {currency}"
            for currency, amount in sorted(sums.items())
        )
    return told


def _line(
    source: str,
    kind: str,
    debit: str,
    credit: str,
    amount: Decimal,
    currency: str,
    booked_on: date,
    happened_on: date,
    *,
    gains: Mapping[str, str],
) -> Line:
    return Line(
        source=source,
        kind=kind,
        debit=debit,
        credit=credit,
        amount=f"{quantize(amount, currency):f}",
        currency=currency,
        booked_on=booked_on.isoformat(),
        happened_on=happened_on.isoformat(),
        exchange_gain=gains.get(source, ""),
    )


def as_csv() -> Iterator[str]:
    """A header and one line an entry; amounts with a point."""
    yield csv_row(Line.__dataclass_fields__)
    for line in lines():
        yield csv_row(asdict(line).values())


def as_json() -> Iterator[str]:
    """A list of objects, one on each line; amounts are text, as JSON's numbers are read as floats."""
    start = "["
    for line in lines():
        yield f"{start}\n{json.dumps(asdict(line), ensure_ascii=False)}"
        start = ","
    yield "\n]\n" if start == "," else "[]\n"


def as_beancount() -> Iterator[str]:
    """A beancount file: funds and costs stand under Equity, places under Assets; every transaction balances.

    At its end it states each account's balance, so that beancount itself finds what is missing from the file.
    """
    names = beancount_names()
    yield 'option "title" "Defense fund"\n'
    for currency in sorted({account.currency for account in names}):
        yield f'option "operating_currency" "{currency}"\n'
    opened: set[str] = set()
    last = ""
    by_code = {account.code: name for account, name in names.items()}
    currencies = {account.code: account.currency for account in names}
    balances: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines():
        for code in (line.debit, line.credit):
            if code not in opened:
                opened.add(code)
                yield f"\n{line.booked_on} open {by_code[code]} {currencies[code]}"
        yield (
            f'\n{line.booked_on} * "{line.kind}" "{_beancount_text(line.source)}"\n'
            f"{_beancount_facts(line)}"
            f"  {by_code[line.debit]}  {line.amount} {line.currency}\n"
            f"  {by_code[line.credit]}  -{line.amount} {line.currency}\n"
        )
        balances[line.debit] += Decimal(line.amount)
        balances[line.credit] -= Decimal(line.amount)
        last = line.booked_on
    for code in sorted(balances):
        # Beancount compares at the start of a day, so on the one after the last.
        after = date.fromisoformat(last) + timedelta(days=1)
        yield f"\n{after} balance {by_code[code]} {balances[code]:f} {currencies[code]}"
    if balances:
        yield "\n"


ROOTS = {
    Account.Kind.ASSET: "Assets",
    Account.Kind.FUND: "Equity:Funds",
    Account.Kind.COST: "Equity:Costs",
}


def beancount_names() -> dict[Account, str]:
    """A beancount name for each account, from its code; where two codes would be written alike, with the row's number."""
    names: dict[Account, str] = {}
    taken: set[str] = set()
    for account in Account.objects.order_by("pk"):
        parts = account.code.split(":")
        if account.kind != Account.Kind.ASSET:
            parts = parts[1:]
        name = ":".join([ROOTS[Account.Kind(account.kind)], *map(_beancount_part, parts)])
        if name in taken:
            name += f"-{account.pk}"
        taken.add(name)
        names[account] = name
    return names


def _beancount_facts(line: Line) -> str:
    """What beancount keeps beside a transaction: only where there is something to say."""
    facts = ""
    if line.happened_on != line.booked_on:
        facts += f"  happened_on: {line.happened_on}\n"
    if line.exchange_gain:
        facts += f'  exchange_gain: "{line.exchange_gain}"\n'
    return facts


def _beancount_part(text: str) -> str:
    """Beancount wants a capital or a digit first, then letters, digits and hyphens."""
    part = re.sub(r"[^A-Za-z0-9-]", "-", text)
    part = part[:1].upper() + part[1:]
    return part if part[:1].isalnum() else f"X{part}"


def _beancount_text(text: str) -> str:
    """On one line, and with no end of the string in it."""
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')


FORMATS: dict[str, Callable[[], Iterator[str]]] = {
    "beancount": as_beancount,
    "csv": as_csv,
    "json": as_json,
}
