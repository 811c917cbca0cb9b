"""A month's report in the one form that can be compared byte for byte, and the months side by side."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256

from django.db import connection

from ..currencies import quantize
from .tables import Span

MONTH_SUMS = """
SELECT a.code, a.currency, m.kind, sum(m.entries), sum(m.debit), sum(m.credit) FROM (
    SELECT debit_id AS id, kind, count(*) AS entries, sum(amount) AS debit, 0 AS credit FROM donations_entry
    WHERE booked_on BETWEEN %(first)s AND %(last)s GROUP BY debit_id, kind
    UNION ALL
    SELECT credit_id, kind, count(*), 0, sum(amount) FROM donations_entry
    WHERE booked_on BETWEEN %(first)s AND %(last)s GROUP BY credit_id, kind) m
JOIN donations_account a ON a.id = m.id
GROUP BY a.code, a.currency, m.kind ORDER BY a.code COLLATE "C", m.kind COLLATE "C"
"""
MONTH_LINES = """
SELECT concat_ws('|', e.source, e.kind, d.code, c.code, trim_scale(e.amount), e.currency, e.booked_on)
FROM donations_entry e
JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
WHERE e.booked_on BETWEEN %(first)s AND %(last)s
ORDER BY e.source COLLATE "C"
"""
# What came into purposes from outside and left them, by month.
IN_AND_OUT = """
SELECT e.currency, date_trunc('month', e.booked_on)::date AS month,
       coalesce(sum(e.amount) FILTER (WHERE d.kind = 'asset'), 0),
       coalesce(sum(e.amount) FILTER (WHERE c.kind = 'asset'), 0)
FROM donations_entry e
JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
WHERE e.booked_on BETWEEN %(first)s AND %(last)s AND (d.kind = 'asset') <> (c.kind = 'asset')
GROUP BY e.currency, month ORDER BY e.currency, month
"""


@dataclass(frozen=True)
class MonthSums:
    """What came in and went out in the month that begins on `first_on`."""

    first_on: date
    came_in: Decimal
    went_out: Decimal


def month_of(day: date) -> Span:
    """The whole month `day` lies in."""
    first = day.replace(day=1)
    return Span(first, months_later(first, 1) - timedelta(days=1))


def months_later(first: date, count: int) -> date:
    """The first day of the month `count` months after that of `first`; `count` may be below zero."""
    years, month = divmod(first.month - 1 + count, 12)
    return date(first.year + years, month + 1, 1)


def canonical(month: date) -> bytes:
    """The report of the month `month` lies in, as JSON in UTF-8.

    Its bytes follow from the entries booked in that month alone: not from the present, a language, names that are
    edited later, or the order in which entries arrived. By account and kind: entries, debits, credits; and the
    SHA-256 over one line an entry, as `ledger.ledger_hash` makes them.
    """
    span = month_of(month)
    params = {"first": span.first_on, "last": span.last_on}
    digest, count = sha256(), 0
    with connection.cursor() as cursor:
        cursor.execute(MONTH_SUMS, params)
        sums = cursor.fetchall()
    with connection.chunked_cursor() as cursor:
        cursor.execute(MONTH_LINES, params)
        while rows := cursor.fetchmany(10_000):
            count += len(rows)
            digest.update("".join(f"{line}\n" for (line,) in rows).encode())
    report = {
        "month": f"{span.first_on:%Y-%m}",
        "entries": count,
        "sha256": digest.hexdigest(),
        "accounts": [
            {
                "account": code,
                "kind": kind,
                "entries": int(entries),
                "debit": f"{quantize(debit, currency):f}",
                "credit": f"{quantize(credit, currency):f}",
            }
            for code, currency, kind, entries, debit, credit in sums
        ],
    }
    return (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode()


def in_and_out(*, last: date, months: int) -> dict[str, list[MonthSums]]:
    """By currency that moved: each of so many months up to that of `last`, also those in which nothing did."""
    first = months_later(last.replace(day=1), 1 - months)
    found: dict[tuple[str, date], tuple[Decimal, Decimal]] = {}
    with connection.cursor() as cursor:
        cursor.execute(IN_AND_OUT, {"first": first, "last": month_of(last).last_on})
        for currency, month, came_in, went_out in cursor.fetchall():
            found[currency, month] = (came_in, went_out)
    nothing = (Decimal(0), Decimal(0))
    return {
        currency: [
            MonthSums(month, *found.get((currency, month), nothing))
            for month in (months_later(first, nth) for nth in range(months))
        ]
        for currency in sorted({currency for currency, _month in found})
    }
