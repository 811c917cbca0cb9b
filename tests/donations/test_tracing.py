"""What a gift paid for: first in, first out, exact over all gifts, and nobody named without consent."""

from datetime import timedelta
from decimal import Decimal

import pytest

from appeals import consent
from donations import allocation, ledger
from donations.models import AccountKey, Entry, Refund
from donations.tracing import trace_all
from tests import factories
from tests.donations.conftest import pay
from tests.factories import NOW, TODAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    """A published case with its fund and a general one, a treasurer, and a bank account that gifts arrive in."""

    class World:
        by = factories.make_user()
        case = factories.make_case(by=by)
        fund = factories.make_fund("case", case=case)
        general = factories.make_fund()
        bank = factories.make_bank_account("EUR")
        days = 0

        def give(self, amount, fund=None, fee="0"):
            """A gift a day after the one before, booked in the bank less its fee."""
            fund = fund or self.fund
            pledge = factories.make_pledge(fund=fund, amount=amount)
            self.days += 1
            gift = factories.make_donation(
                pledge, fee=Decimal(fee), received_at=NOW - timedelta(days=100 - self.days)
            )
            on = gift.received_at.date()
            factories.give(
                fund, amount, into=AccountKey.bank(self.bank), booked_on=on, source=gift.source
            )
            if Decimal(fee):
                self.post(Entry.Kind.FEE, fund, fee, on=on)
            return gift

        def post(self, kind, fund, amount, *, on=TODAY):
            ledger.post(
                ledger.Posting(
                    kind=kind,
                    debit=AccountKey.fund(fund, "EUR"),
                    credit=AccountKey.bank(self.bank),
                    amount=Decimal(amount),
                    booked_on=on,
                    source=f"test:{kind}:{fund.pk}:{on}",
                )
            )

        def spend(self, amount, *, set_aside=(), kind="fees"):
            """A cost of `amount`, paid; money set aside by (fund, amount), by default all of it by the case's fund."""
            cost = factories.make_cost(self.case, owed=amount, by=self.by, kind=kind)
            for fund, part in set_aside or [(self.fund, amount)]:
                allocation.allocate(fund=fund, cost=cost, amount=Decimal(part), by=self.by, at=NOW)
            pay(cost, amount, by=self.by, bank=self.bank)
            return cost

    return World()


def told(*gifts):
    """({what: amount}, still held) of the gifts' one trace."""
    [trace] = trace_all(gifts)
    uses = {}
    for use in trace.uses:
        uses[use.label] = uses.get(use.label, 0) + use.amount
    return uses, trace.held


def test_money_nobody_spent_is_still_there(world):
    assert told(world.give("25", fee="0.65")) == ({}, Decimal("24.35"))


def test_first_gift_is_spent_first(world):
    first, second, third = world.give("100"), world.give("50"), world.give("30")

    world.spend("120")

    assert told(first) == ({"Lawyers' fees": 100}, 0)
    assert told(second) == ({"Lawyers' fees": 20}, 30)
    assert told(third) == ({}, 30)


def test_fees_and_refunds_are_the_gifts_own(world):
    first, second = world.give("100", fee="10"), world.give("50")
    Refund.objects.create(donation=first, amount=40, refunded_at=NOW, stripe_refund_id="re_1")

    world.spend("60")

    assert told(first) == ({"Lawyers' fees": 50}, 0)
    assert told(second) == ({"Lawyers' fees": 10}, 40)


def test_no_unit_is_told_of_two_gifts(world):
    gifts = [world.give(amount, fee="0.37") for amount in ("10.11", "20.22", "33.33", "70")]
    world.spend("41.99")
    world.spend("17.03", kind="experts")
    world.post(Entry.Kind.BANK_FEE, world.fund, "4.50")

    uses = [told(gift)[0] for gift in gifts]
    held = sum(told(gift)[1] for gift in gifts)

    sums = {label: sum(use.get(label, 0) for use in uses) for label in {k for u in uses for k in u}}
    assert sums == {
        "Lawyers' fees": Decimal("41.99"),
        "Experts and translators": Decimal("17.03"),
        "Bank fees": Decimal("4.50"),
    }
    assert held == ledger.balance(AccountKey.fund(world.fund, "EUR"))
    assert told(*gifts) == (sums, held)


def test_cost_of_two_funds_is_paid_by_who_set_aside_first(world):
    broad = world.give("100", fund=world.general)
    narrow = world.give("100")

    world.spend("90", set_aside=[(world.general, "60"), (world.fund, "30")])

    assert told(broad) == ({"Lawyers' fees": 60}, 40)
    assert told(narrow) == ({"Lawyers' fees": 30}, 70)


def test_money_set_aside_is_not_spent(world):
    gift = world.give("100")
    cost = factories.make_cost(world.case, owed="80", by=world.by)
    allocation.allocate(fund=world.fund, cost=cost, amount=Decimal(80), by=world.by, at=NOW)

    assert told(gift) == ({}, 100)


def test_bail_that_came_back_was_not_spent(world):
    gift = world.give("100")
    cost = world.spend("70", kind="bail")
    assert told(gift) == ({"Bail (a deposit)": 70}, 30)

    ledger.post(
        ledger.Posting(
            kind=Entry.Kind.BAIL_RETURNED,
            debit=AccountKey.bank(world.bank),
            credit=AccountKey.bail(cost),
            amount=Decimal(50),
            booked_on=TODAY,
            source="test:bail",
        )
    )

    assert told(gift) == ({"Bail (a deposit)": 20}, 80)


def test_reversed_payment_was_not_made(world):
    gift = world.give("100")
    world.spend("70")
    entry = Entry.objects.get(kind=Entry.Kind.DISBURSEMENT)
    ledger.reverse(entry, by=world.by, reason="Never left the bank.", at=NOW)

    assert told(gift) == ({}, 100)


def test_other_currency_is_another_purse(world):
    euros = world.give("100")
    pesos = factories.make_donation(
        factories.make_pledge(fund=world.fund, amount="9000", currency="ARS")
    )
    world.spend("40")

    traces = {trace.currency: trace.held for trace in trace_all([euros, pesos])}

    assert traces == {"EUR": 60, "ARS": 9000}


def test_people_and_cases_are_named_as_public_pages_name_them(world):
    gift = world.give("100")
    cost = world.spend("40")
    [use] = trace_all([gift])[0].uses
    assert (use.case.title, use.person) == ("Sample case (en)", "Ana (sample)")

    consent.identify(defendant=cost.defendant, name="Zoraida Canary")
    [use] = trace_all([gift])[0].uses
    assert use.person == "Ana (sample)"

    world.case.published_at = world.case.published_by = None
    world.case.save()
    [use] = trace_all([gift])[0].uses
    assert (use.label, use.case, use.person) == ("Lawyers' fees", None, "")


@pytest.mark.parametrize("count", [1, 3])
def test_trace_costs_the_same_however_much_was_spent(world, django_assert_num_queries, count):
    gift = world.give("100")
    for _i in range(count):
        world.spend("10")
    gift.refresh_from_db()

    with django_assert_num_queries(10):
        trace_all([gift])
