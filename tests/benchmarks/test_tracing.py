"""What a gift paid for, among few entries and among a million; how fast they are followed."""

import random
import statistics
import time
from decimal import Decimal

import pytest

from donations import allocation, disbursement, tracing
from donations.models import AccountKey, Donation
from tests import factories
from tests.benchmarks.books import copy_gift
from tests.benchmarks.rows import settle
from tests.factories import NOW, TODAY

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db]

FEW, MANY = 60_000, 1_000_000
COSTS = 20


class Books:
    """A fund with as many gifts of 10 EUR as are asked for, a fifth of which costs spend as they come."""

    def __init__(self):
        self.by, self.other = factories.make_user(), factories.make_user()
        self.case = factories.make_case(by=self.by)
        self.fund = factories.make_fund("case", case=self.case)
        self.bank = factories.make_bank_account("EUR")
        self.pledge = factories.make_pledge(fund=self.fund, amount="10")
        self.gifts = self.spent = 0

    def grow_to(self, count):
        """Gifts of one statement, then followed; returns entries followed a second."""
        if not self.gifts:
            factories.make_donation(self.pledge, source="bench:0", fee=Decimal(0))
            factories.give(self.fund, "10", into=AccountKey.bank(self.bank), source="bench:0")
            self.gifts = 1
        more = count - self.gifts
        copy_gift("bench", more, after=self.gifts - 1)
        self.gifts = count
        started = time.perf_counter()
        while tracing.follow(10_000):
            pass
        return more / (time.perf_counter() - started)

    def spend(self, amount):
        cost = factories.make_cost(self.case, owed=str(amount), by=self.by)
        allocation.allocate(fund=self.fund, cost=cost, amount=Decimal(amount), by=self.by, at=NOW)
        row = disbursement.request(
            cost=cost,
            document=factories.make_document(cost),
            bank_account=self.bank,
            amount=Decimal(amount),
            by=self.by,
            at=NOW,
        )
        disbursement.approve(row, content_hash=row.content_hash, by=self.other, at=NOW)
        disbursement.pay(row, paid_on=TODAY, by=self.by, at=NOW)
        self.spent += amount

    def milliseconds(self, times=120):
        """Of reading one gift of those that the costs were paid of (of another there is less to read), and how many times
        as long as to find the gift itself, which is the same at any size: medians of as many as are asked for."""
        random.seed(self.gifts)
        took, quotients = [], []
        for _i in range(times):
            source = f"bench:{random.randrange(self.spent // 10)}"
            started = time.perf_counter()
            gift = Donation.objects.select_related("fund").get(source=source)
            found = time.perf_counter()
            [trace] = tracing.trace_all([gift])
            ended = time.perf_counter()
            assert (sum(use.amount for use in trace.uses), trace.held) == (10, 0)
            took.append((ended - found) * 1000)
            quotients.append((ended - found) / (found - started))
        return statistics.median(took), statistics.median(quotients)


@pytest.mark.django_db(transaction=True)
def test_one_gift_among_few_and_many(row):
    """With real commits, and swept as the database does by itself in time."""
    books = Books()
    took, quotient = {}, {}
    for size in (FEW, MANY):
        speed = books.grow_to(size)
        for _i in range(COSTS):
            books.spend(size * 10 // 5 // COSTS // 2)
        while tracing.follow(10_000):
            pass
        settle(
            "donations_donation", "donations_entry", "donations_lot", "donations_unfollowedentry"
        )
        took[size], quotient[size] = books.milliseconds()
        row(f"following, {size:,} entries", f"{speed:,.0f} a second", "–")
    row("one gift's trace", f"{took[MANY]:.2f} ms", "≤ 5 ms", f"among {MANY:,} entries")
    growth = quotient[MANY] / quotient[FEW]
    row(
        f"growth of a trace from {FEW:,} to {MANY:,}",
        f"{growth:.2f}",
        "≤ 1.2",
        "beside finding the gift",
    )

    assert took[MANY] <= 5
    assert growth <= 1.2
