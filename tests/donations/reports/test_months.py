"""A month's canonical report depends on the month's entries and on nothing else."""

import json
from datetime import date
from decimal import Decimal

from django.utils.translation import override

from donations import ledger, reports
from donations.ledger import Posting
from donations.models import AccountKey, Entry
from donations.reports import MonthSums
from tests import factories
from tests.factories import give


def test_canonical_month_says_what_moved_by_account_and_kind(db):
    fund = factories.make_fund(code="general")
    give(fund, "10.50", booked_on=date(2026, 2, 1), source="test:a")
    give(fund, "4", booked_on=date(2026, 2, 28), source="test:b")
    give(fund, "99", booked_on=date(2026, 3, 1), source="test:c")

    said = json.loads(reports.canonical(date(2026, 2, 17)))

    digest = said.pop("sha256")
    assert len(digest) == 64
    assert said == {
        "month": "2026-02",
        "entries": 2,
        "accounts": [
            {"account": "fund:general:EUR", "kind": "donation", "entries": 2, "debit": "0.00", "credit": "14.50"},
            {"account": "stripe:EUR", "kind": "donation", "entries": 2, "debit": "14.50", "credit": "0.00"},
        ],
    }  # fmt: skip


def test_canonical_month_is_the_same_to_the_byte_whatever_happens_outside_it(db):
    fund = factories.make_fund(code="general")
    give(fund, "10", booked_on=date(2026, 2, 1))
    before = reports.canonical(date(2026, 2, 1))

    give(fund, "10", booked_on=date(2026, 1, 31))
    give(fund, "10", booked_on=date(2026, 3, 1))
    fund.name = "Renamed"
    fund.save()

    with override("es"):
        assert reports.canonical(date(2026, 2, 28)) == before


def test_canonical_month_does_not_know_the_order_of_arrival(db):
    funds = [factories.make_fund(code=code) for code in ("one", "two")]
    for month, order in ((1, (0, 1)), (2, (1, 0))):
        for nth in order:
            give(funds[nth], "5", booked_on=date(2026, month, 3), source=f"test:{month}:{nth}")

    january, february = (json.loads(reports.canonical(date(2026, m, 1))) for m in (1, 2))

    assert january["accounts"] == february["accounts"]


def test_canonical_month_without_entries_is_empty(db):
    assert json.loads(reports.canonical(date(2026, 2, 1)))["accounts"] == []


def test_in_and_out_has_every_month_also_the_quiet_ones(db):
    fund = factories.make_fund()
    give(fund, "10", booked_on=date(2026, 2, 28))
    give(fund, "5", booked_on=date(2026, 4, 1))
    give(fund, "7000", currency="CLP", booked_on=date(2026, 4, 1))
    give(fund, "99", booked_on=date(2026, 1, 31))
    ledger.post(
        Posting(
            Entry.Kind.FEE,
            AccountKey.fund(fund, "EUR"),
            AccountKey.stripe("EUR"),
            Decimal("0.40"),
            date(2026, 4, 2),
            "test:fee",
        )
    )

    sums = reports.in_and_out(last=date(2026, 4, 15), months=3)

    none = Decimal(0)
    assert sums == {
        "CLP": [
            MonthSums(date(2026, 2, 1), none, none),
            MonthSums(date(2026, 3, 1), none, none),
            MonthSums(date(2026, 4, 1), Decimal(7000), none),
        ],
        "EUR": [
            MonthSums(date(2026, 2, 1), Decimal(10), none),
            MonthSums(date(2026, 3, 1), none, none),
            MonthSums(date(2026, 4, 1), Decimal(5), Decimal("0.40")),
        ],
    }


def test_months_are_counted_across_years():
    assert reports.months_later(date(2026, 1, 1), -1) == date(2025, 12, 1)
    assert reports.months_later(date(2026, 12, 1), 1) == date(2027, 1, 1)
    assert reports.month_of(date(2028, 2, 10)) == reports.Span(date(2028, 2, 1), date(2028, 2, 29))
