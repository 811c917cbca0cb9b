"""A month's statement depends on the entries up to its end and on nothing else; months are summed as the ledger has them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256

import pytest
from django.db import connection
from django.utils.translation import override

from donations import ledger, reports
from donations.ledger import Posting
from donations.models import AccountKey, Entry
from donations.month_days import months_later
from donations.reports import MonthSums
from tests import factories
from tests.factories import TODAY, give


def text(day):
    return "".join(reports.canonical(day))


def test_canonical_month_is_what_closing_keeps_the_hash_of(db):
    fund = factories.make_fund(code="general")
    give(fund, "10.50", booked_on=date(2026, 1, 31), source="test:a")
    give(fund, "4", booked_on=date(2026, 2, 28), source="test:b")
    give(fund, "99", booked_on=date(2026, 3, 1), source="test:c")

    said = text(date(2026, 2, 17))

    assert said.splitlines() == [
        "month|2026-02",
        "account|fund:general:EUR|EUR|10.5|0|4|14.5",
        "account|stripe:EUR|EUR|10.5|4|0|14.5",
        "entry|2026-02-28||test:b|donation|stripe:EUR|fund:general:EUR|4|EUR",
    ]
    with connection.cursor() as cursor:
        cursor.execute("SELECT donations_period_sha256('2026-02-01')")
        assert cursor.fetchone() == (sha256(said.encode()).hexdigest(),)


def test_canonical_month_is_the_same_to_the_byte_whatever_comes_later(db):
    fund = factories.make_fund(code="general")
    give(fund, "10", booked_on=date(2026, 2, 1))
    before = text(date(2026, 2, 1))

    give(fund, "10", booked_on=date(2026, 3, 1))
    fund.name = "Renamed"
    fund.save()

    with override("es"):
        assert text(date(2026, 2, 28)) == before


@pytest.mark.parametrize("form", sorted(reports.FORMS))
def test_statement_of_a_month_is_the_same_to_the_byte_whatever_comes_later(db, form):
    fund = factories.make_fund(code="general")
    give(fund, "10", booked_on=date(2026, 2, 1))
    _type, write = reports.FORMS[form]
    before = write(reports.of_books(reports.month_of(date(2026, 2, 1))))

    give(fund, "10", booked_on=date(2026, 3, 1))
    fund.name = "Renamed"
    fund.save()

    assert write(reports.of_books(reports.month_of(date(2026, 2, 1)))) == before


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


def test_in_and_out_leaves_out_what_was_taken_back_in_whatever_month(db):
    fund, by = factories.make_fund(), factories.make_user()

    def undo(entry, month):
        at = datetime(2026, month, 5, tzinfo=UTC)
        return ledger.reverse(entry, by=by, reason="matched wrongly", at=at)

    def entry(amount):
        return give(fund, amount, booked_on=date(2026, 2, 3), source=f"test:{amount}")

    give(fund, "10", booked_on=date(2026, 2, 28))
    for amount in ("5", "7", "90"):
        entry(amount)
    entries = {e.source: e for e in Entry.objects.all()}
    undo(entries["test:5"], 2)
    undo(entries["test:7"], 3)
    # Taken back by mistake: it did come in.
    undo(undo(entries["test:90"], 3), 4)

    sums = reports.in_and_out(last=date(2026, 4, 30), months=3)["EUR"]

    assert [(each.came_in, each.went_out) for each in sums] == [(100, 0), (0, 0), (0, 0)]
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == 100


def test_months_are_counted_across_years():
    assert months_later(date(2026, 1, 1), -1) == date(2025, 12, 1)
    assert months_later(date(2026, 12, 1), 1) == date(2027, 1, 1)
    assert reports.month_of(date(2028, 2, 10)) == reports.Span(date(2028, 2, 1), date(2028, 2, 29))


def test_in_and_out_leaves_out_what_only_moved_within(busy):
    """Allocations and payouts are neither: the sums are those of the statement of the same days."""
    sums = reports.in_and_out(last=TODAY, months=1)["EUR"]
    kinds = next(
        t for t in reports.of_books(reports.month_of(TODAY)).tables if (t.key, t.currency) == ("kinds", "EUR")
    )  # fmt: skip

    assert [(each.came_in, each.went_out) for each in sums] == [(kinds.total[2], kinds.total[3])]
    assert kinds.total[4] == 80
