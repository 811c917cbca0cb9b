"""Sums of the ledger over a span of days, by account and by kind; each read is one statement, so of one instant."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from ..models import Account
from .tables import Span

# Of each account what it had before the span, what raised and lowered it in it, and what it has now; from the totals of
# days, so that the cost is that of the days and not of the entries.
BALANCES = """
SELECT a.code, a.kind, a.currency, a.fund_id, a.legal_cost_id, a.place, coalesce(t.now, 0),
       coalesce(t.opening, 0), coalesce(t.debit, 0), coalesce(t.credit, 0)
FROM donations_account a
LEFT JOIN (
    SELECT account_id, sum(debit - credit) AS now,
           sum(debit - credit) FILTER (WHERE booked_on < %(first)s) AS opening,
           sum(debit) FILTER (WHERE booked_on BETWEEN %(first)s AND %(last)s) AS debit,
           sum(credit) FILTER (WHERE booked_on BETWEEN %(first)s AND %(last)s) AS credit
    FROM donations_daytotal GROUP BY account_id) t ON t.account_id = a.id
WHERE %(codes)s::text[] IS NULL OR a.code = ANY (%(codes)s)
ORDER BY a.currency, a.code COLLATE "C"
"""

# By kind: what came in from outside (a place raised, a purpose raised), went out, or moved within.
KINDS = """
SELECT e.currency, e.kind, count(*),
       coalesce(sum(e.amount) FILTER (WHERE d.kind = 'asset' AND c.kind <> 'asset'), 0),
       coalesce(sum(e.amount) FILTER (WHERE d.kind <> 'asset' AND c.kind = 'asset'), 0),
       coalesce(sum(e.amount) FILTER (WHERE (d.kind = 'asset') = (c.kind = 'asset')), 0)
FROM donations_entry e
JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
WHERE e.booked_on BETWEEN %(first)s AND %(last)s
GROUP BY e.currency, e.kind ORDER BY e.currency, e.kind COLLATE "C"
"""

# What only moved between two places, or between two purposes.
WITHIN = """
SELECT CASE WHEN d.kind = 'asset' THEN d.code ELSE c.code END,
       CASE WHEN d.kind = 'asset' THEN c.code ELSE d.code END, sum(e.amount)
FROM donations_entry e
JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
WHERE e.booked_on BETWEEN %(first)s AND %(last)s AND (d.kind = 'asset') = (c.kind = 'asset')
GROUP BY 1, 2
"""

# By day, kind and other account: gifts of a day in one row, so that no row is about one person. Of a day what raises the
# account stands first, so that the balance beside it is never lower than it was between two days.
DAYS = """
SELECT own.code, e.booked_on, e.kind, other.code, count(*),
       sum(CASE WHEN e.debit_id = own.id THEN e.amount ELSE 0 END),
       sum(CASE WHEN e.credit_id = own.id THEN e.amount ELSE 0 END)
FROM donations_account own
JOIN LATERAL (
    SELECT * FROM donations_entry WHERE debit_id = own.id AND booked_on BETWEEN %(first)s AND %(last)s
    UNION ALL
    SELECT * FROM donations_entry WHERE credit_id = own.id AND booked_on BETWEEN %(first)s AND %(last)s) e ON true
JOIN donations_account other ON other.id = CASE WHEN e.debit_id = own.id THEN e.credit_id ELSE e.debit_id END
WHERE own.code = ANY (%(codes)s)
GROUP BY own.code, own.kind, e.booked_on, e.kind, other.code
ORDER BY own.code COLLATE "C", e.booked_on,
         sum(CASE WHEN (e.debit_id = own.id) = (own.kind = 'asset') THEN e.amount ELSE -e.amount END) < 0,
         e.kind COLLATE "C", other.code COLLATE "C"
"""


@dataclass(frozen=True)
class AccountSums:
    """What an account has `now`, had at a span's `opening`, and what raised and lowered it in the span."""

    code: str
    kind: str
    currency: str
    fund_id: int | None
    legal_cost_id: int | None
    place: str
    now: Decimal
    opening: Decimal
    raised: Decimal
    lowered: Decimal

    @property
    def closing(self) -> Decimal:
        return self.opening + self.raised - self.lowered

    @property
    def is_empty(self) -> bool:
        return not (self.opening or self.raised or self.lowered)


@dataclass(frozen=True)
class KindSums:
    currency: str
    kind: str
    entries: int
    came_in: Decimal
    went_out: Decimal
    within: Decimal


@dataclass(frozen=True)
class DaySums:
    """All of one kind that moved on one day between an account and another."""

    code: str
    booked_on: date
    kind: str
    other: str
    entries: int
    raised: Decimal
    lowered: Decimal


def balances(span: Span, codes: Collection[str] | None = None) -> list[AccountSums]:
    """All accounts, or those of `codes`, by currency and code."""
    found = []
    for row in _rows(BALANCES, span, codes=None if codes is None else list(codes)):
        code, kind, currency, fund_id, cost_id, place, now, opening, debit, credit = row
        # Debits raise where money is, credits what it is for.
        is_place = kind == Account.Kind.ASSET
        sums = (now, opening, debit, credit) if is_place else (-now, -opening, credit, debit)
        found.append(AccountSums(code, kind, currency, fund_id, cost_id, place, *sums))
    return found


def by_kind(span: Span) -> list[KindSums]:
    return [KindSums(*row) for row in _rows(KINDS, span)]


def moved_within(span: Span) -> list[tuple[str, str, Decimal]]:
    """What raised one account as it lowered another of its sort: to, from (their codes), amount. No money came or went."""
    return _rows(WITHIN, span)


def by_day(span: Span, codes: Iterable[str]) -> list[DaySums]:
    """Of the accounts named; those that say where money is are raised by debits, the others by credits."""
    codes = list(codes)
    assets = set(
        Account.objects.filter(code__in=codes, kind=Account.Kind.ASSET).values_list(
            "code", flat=True
        )
    )
    return [
        DaySums(*row[:5], *(row[5:] if row[0] in assets else (row[6], row[5])))
        for row in _rows(DAYS, span, codes=codes)
    ]


def _rows(query: str, span: Span, **params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"first": span.first_on, "last": span.last_on, **params})
        return list(cursor.fetchall())


def named(code: str) -> str:
    """An account in words, from its code alone: codes never change, so neither do old reports."""
    head, *rest = code.split(":")[:-1] or [code]
    subject = ":".join(rest)
    match head:
        case "stripe":
            return _("At Stripe")
        case "transit":
            return _("On its way to the bank")
        case "cash":
            return _("In cash")
        case "bank":
            return _("Bank: %(code)s") % {"code": subject}
        case "bail":
            return _("Bail of %(cost)s") % {"cost": subject}
        case "fund":
            return _("Fund: %(code)s") % {"code": subject}
        case "cost":
            return _("Cost: %(cost)s") % {"cost": subject}
    return code


def funds_of(codes: Iterable[str]) -> frozenset[str]:
    """Which funds accounts are of, each by its code."""
    parts = (code.split(":") for code in codes)
    return frozenset(":".join(rest[:-1]) for head, *rest in parts if head == "fund")
