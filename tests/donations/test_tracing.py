"""What a gift paid for: first in, first out, exact over all gifts and any life of a fund, and nobody named without consent."""

from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from appeals import consent
from donations import allocation, disbursement, exchange, ledger, tracing
from donations.exchange import Deal, Document
from donations.models import (
    AccountKey,
    Donation,
    Entry,
    Exchange,
    PartnerPayment,
    Refund,
    SurplusMove,
)
from donations.proofs import PROOFS, _look
from donations.tracing import gifts_of, trace_all
from donations.transparency import books
from tests import factories
from tests.appeals.factories import make_consent
from tests.donations.conftest import pay
from tests.donations.partner import LIMITS, PARTNER, approve, ask
from tests.donations.partner import pay as partner_pay
from tests.factories import NOW, PDF, TODAY

pytestmark = pytest.mark.django_db


class World:
    """A published case with its fund and a general one it falls back to, a treasurer, and two bank accounts."""

    def __init__(self):
        self.by, self.other = factories.make_user(), factories.make_user()
        self.case = factories.make_case(by=self.by)
        self.general = factories.make_fund()
        self.fund = factories.make_fund("case", case=self.case, fallback=self.general)
        self.bank = factories.make_bank_account("EUR")
        self.pesos = factories.make_bank_account("ARS")
        self.facts = 0

    def give(self, amount, fund=None, fee="0", currency="EUR"):
        """A gift, booked in the bank, less its fee."""
        fund = fund or self.fund
        pledge = factories.make_pledge(fund=fund, amount=amount, currency=currency)
        gift = factories.make_donation(pledge, fee=Decimal(fee))
        into = self.bank if currency == "EUR" else self.pesos
        factories.give(
            fund, amount, currency=currency, into=AccountKey.bank(into), source=gift.source
        )
        if Decimal(fee):
            self.leave(Entry.Kind.FEE, gift, fee)
        return gift

    def leave(self, kind, gift, amount):
        """Money of a gift leaves its fund by a movement on Stripe's balance."""
        movement = factories.make_balance_transaction(
            stripe_payment_intent_id=gift.stripe_payment_intent_id
        )
        source = f"stripe:{movement.stripe_id}"
        if kind == Entry.Kind.REFUND:
            Refund.objects.create(
                donation=gift,
                amount=amount,
                refunded_at=NOW,
                stripe_refund_id=source,
                source=source,
            )
        self.post(kind, gift.fund, amount, source=source if kind == "refund" else f"{source}:fee")

    def post(self, kind, fund, amount, *, source=None):
        self.facts += 1
        ledger.post(
            ledger.Posting(
                kind=kind,
                debit=AccountKey.fund(fund, "EUR"),
                credit=AccountKey.bank(self.bank),
                amount=Decimal(amount),
                booked_on=TODAY,
                source=source or f"test:{kind}:{fund.pk}:{self.facts}",
            )
        )

    def cost(self, owed, kind="fees", currency="EUR"):
        return factories.make_cost(self.case, owed=owed, by=self.by, kind=kind, currency=currency)

    def set_aside(self, cost, amount, fund=None):
        allocation.allocate(
            fund=fund or self.fund, cost=cost, amount=Decimal(amount), by=self.by, at=NOW
        )

    def release(self, cost, amount, fund=None):
        allocation.release(
            fund=fund or self.fund, cost=cost, amount=Decimal(amount), by=self.by, at=NOW
        )

    def pay(self, cost, amount):
        self.facts += 1
        bank = self.bank if cost.currency == "EUR" else self.pesos
        row = disbursement.request(
            cost=cost,
            document=factories.make_document(cost, f"%PDF-1.4 {self.facts}".encode()),
            bank_account=bank,
            amount=Decimal(amount),
            by=self.by,
            at=NOW,
        )
        disbursement.approve(row, content_hash=row.content_hash, by=self.other, at=NOW)
        return disbursement.pay(row, paid_on=TODAY, by=self.by, at=NOW)

    def spend(self, amount, *, set_aside=(), kind="fees"):
        """A cost of `amount`, paid; money set aside by (fund, amount), by default all of it by the case's fund."""
        cost = self.cost(amount, kind)
        for fund, part in set_aside or [(self.fund, amount)]:
            self.set_aside(cost, part, fund)
        pay(cost, amount, by=self.by, bank=self.bank)
        return cost

    def exchange(self, given, received, fund=None, back=False):
        there = (self.bank, self.pesos)
        here, into = reversed(there) if back else there
        row = exchange.record(
            fund=fund or self.fund,
            deal=Deal(Decimal(given), here, Decimal(received), into, Exchange.Market.MEP, TODAY),
            document=Document("application/pdf", PDF),
            by=self.by,
            at=NOW,
        )
        return exchange.approve(row, by=self.other, at=NOW)

    def move_rest(self, fund=None, currency="EUR"):
        move = allocation.request_surplus(
            fund=fund or self.fund,
            currency=currency,
            cause=SurplusMove.Cause.CASE_ENDED,
            by=self.by,
            at=NOW,
        )
        allocation.approve_surplus(move, by=self.other, at=NOW)

    def pass_on(self, costs, currency, fund):
        """The rest of a fund to the partner, while none of the costs needs it."""
        ended = [allocation.end_cost(cost, ending="settled", by=self.by, at=NOW) for cost in costs]
        row = ask(
            self,
            fund=fund,
            currency=currency,
            cause=SurplusMove.Cause.NOT_NEEDED,
            bank_account=self.bank if currency == "EUR" else self.pesos,
        )
        partner_pay(self, approve(self, row))
        for cost in ended:
            allocation.reopen_cost(cost, by=self.by, at=NOW)

    def give_back(self, cost, amount):
        allocation.bail_returned(
            cost=cost, amount=Decimal(amount), into=self.bank, happened_on=TODAY, by=self.by, at=NOW
        )

    def keep(self, cost, amount):
        allocation.bail_forfeited(
            cost=cost,
            amount=Decimal(amount),
            document=cost.documents.first(),
            happened_on=TODAY,
            by=self.by,
            at=NOW,
        )


@pytest.fixture
def world():
    return World()


def taken_back(row, *, by):
    exchange.request_undo(row, reason="Another day.", by=by, at=NOW)
    exchange.take_back(row, by=factories.make_user(), at=NOW)


def told(*gifts):
    """({what: amount}, still held) of the gifts' one trace."""
    [trace] = trace_all(gifts)
    uses = {}
    for use in trace.uses:
        uses[use.label] = uses.get(use.label, 0) + use.amount
    return uses, trace.held


def waiting(gift):
    """({what: amount set aside}, {fund elsewhere: amount}, still in its fund) of a gift."""
    [trace] = trace_all([gift])
    return (
        {use.label: use.amount for use in trace.set_aside},
        {place.title: place.amount for place in trace.elsewhere},
        trace.kept,
    )


def proved(*names):
    while tracing.follow(1000):
        pass
    return {name: _look(name, *PROOFS[name], []).examples for name in names or ("lots", "gifts")}


def test_money_nobody_spent_is_still_there(world):
    assert told(world.give("25", fee="0.65")) == (
        {"Fees of the payments": Decimal("0.65")},
        Decimal("24.35"),
    )


def test_first_gift_is_spent_first(world):
    first, second, third = world.give("100"), world.give("50"), world.give("30")

    world.spend("120")

    assert told(first) == ({"Lawyers' fees": 100}, 0)
    assert told(second) == ({"Lawyers' fees": 20}, 30)
    assert told(third) == ({}, 30)


def test_fees_and_refunds_are_the_gifts_own(world):
    first, second = world.give("100", fee="10"), world.give("50")
    world.leave(Entry.Kind.REFUND, second, "40")

    world.spend("90")

    assert told(first) == ({"Fees of the payments": 10, "Lawyers' fees": 90}, 0)
    assert told(second) == ({"Sent back to supporters": 40}, 10)


def test_what_is_sent_back_of_a_spent_gift_comes_from_the_oldest_money(world):
    first, second, third = world.give("100"), world.give("50"), world.give("50")
    world.spend("100")

    world.leave(Entry.Kind.REFUND, first, "60")

    assert told(first) == ({"Lawyers' fees": 100}, 0)
    assert told(second) == ({"Sent back to supporters": 50}, 0)
    assert told(third) == ({"Sent back to supporters": 10}, 40)


def test_what_left_before_there_was_money_is_the_next_gifts(world):
    first = world.give("30")
    world.post(Entry.Kind.BANK_FEE, world.fund, "50")
    assert told(first) == ({"Bank fees": 30}, 0)

    second = world.give("100")

    assert told(second) == ({"Bank fees": 20}, 80)
    assert proved() == {"lots": (), "gifts": ()}


def test_no_unit_is_told_of_two_gifts(world):
    gifts = [world.give(amount, fee="0.37") for amount in ("10.11", "20.22", "33.33", "70")]
    world.spend("41.99")
    world.spend("17.03", kind="experts")
    world.post(Entry.Kind.BANK_FEE, world.fund, "4.50")

    uses = [told(gift)[0] for gift in gifts]
    held = sum(told(gift)[1] for gift in gifts)

    sums = {label: sum(use.get(label, 0) for use in uses) for label in {k for u in uses for k in u}}
    assert sums == {
        "Fees of the payments": Decimal("1.48"),
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


def test_money_set_aside_is_not_spent_and_comes_back_to_its_gift(world):
    gift = world.give("100")
    cost = world.cost("80")
    world.set_aside(cost, "80")
    assert told(gift) == ({}, 100)
    assert waiting(gift) == ({"Lawyers' fees": 80}, {}, 20)

    world.release(cost, "30")

    assert waiting(gift) == ({"Lawyers' fees": 50}, {}, 50)


def test_what_is_released_is_spent_next_as_if_it_had_never_left(world):
    first, second = world.give("100"), world.give("100")
    cost = world.cost("150")
    world.set_aside(cost, "150")
    world.release(cost, "120")

    world.spend("90", kind="experts")

    assert told(first) == ({"Experts and translators": 70}, 30)
    assert told(second) == ({"Experts and translators": 20}, 80)


def test_bail_is_held_comes_back_or_is_lost(world):
    first, second = world.give("70"), world.give("100")
    cost = world.cost("100", "bail")
    world.set_aside(cost, "100")
    world.pay(cost, "100")
    assert waiting(first) == ({"Bail, held by the court": 70}, {}, 0)
    assert told(first) == ({}, 70)

    world.give_back(cost, "50")
    world.keep(cost, "40")

    assert told(first) == ({"Bail (a deposit)": 40}, 30)
    assert waiting(first) == ({"Bail, held by the court": 10}, {}, 20)
    assert waiting(second) == ({}, {}, 100)


def test_reversed_payment_was_not_made(world):
    gift = world.give("100")
    world.spend("70")
    entry = Entry.objects.get(kind=Entry.Kind.DISBURSEMENT)
    ledger.reverse(entry, by=world.by, reason="Never left the bank.", at=NOW)

    assert told(gift) == ({}, 100)


def test_rest_of_a_fund_is_followed_into_its_fallback(world):
    own, general = world.give("100"), world.give("10", fund=world.general)
    world.spend("60")
    world.move_rest()
    assert waiting(own) == ({}, {"General fund": 40}, 0)

    world.spend("30", set_aside=[(world.general, "30")], kind="experts")

    # The general fund's own gift came there first.
    assert told(general) == ({"Experts and translators": 10}, 0)
    assert told(own) == ({"Lawyers' fees": 60, "Experts and translators": 20}, 20)


def test_gift_keeps_its_worth_through_an_exchange(world):
    first, second = world.give("100"), world.give("50")
    world.exchange("120", "180000")
    cost = world.cost("165000", currency="ARS")
    world.set_aside(cost, "165000")
    world.pay(cost, "157500")

    assert told(first) == ({"Lawyers' fees": 100}, 0)
    assert told(second) == ({"Lawyers' fees": 5}, 45)
    [trace] = trace_all([second])
    assert (trace.kept, trace.exchanged) == (40, ((22_500, "ARS"),))
    assert gifts_of([cost.pk]) == {cost.pk: 2}
    assert proved() == {"lots": (), "gifts": ()}


def test_exchange_taken_back_gives_every_gift_its_own_again(world):
    gifts = [world.give("33.33"), world.give("33.34")]
    row = world.exchange("50", "70001.01")
    assert [told(gift)[1] for gift in gifts] == [Decimal("33.33"), Decimal("33.34")]

    taken_back(row, by=world.by)

    traces = [trace_all([gift])[0] for gift in gifts]
    assert [(t.kept, t.exchanged) for t in traces] == [
        (Decimal("33.33"), ()),
        (Decimal("33.34"), ()),
    ]


def test_payment_says_which_exchange_brought_its_money(world):
    world.give("1000")
    cheap, dear = world.exchange("100", "100000"), world.exchange("100", "150000")
    cost = world.cost("200000", currency="ARS")
    world.set_aside(cost, "200000")
    first, second = world.pay(cost, "60000"), world.pay(cost, "120000")
    proved()

    def parts(row):
        source = f"disbursement:{row.number}"
        return tracing.parts_of_payments([cost.pk], [source]).get(source, [])

    assert parts(first) == [(cheap, 60_000)]
    assert parts(second) == [(cheap, 40_000), (dear, 80_000)]

    # Its bank sent the first back; then the match that said so was taken back, and it stands after the second.
    came_back = ledger.reverse(
        ledger.latest(f"disbursement:{first.number}"), by=world.by, reason="x", at=NOW
    )
    proved()
    assert (parts(first), parts(second)) == ([], [(cheap, 100_000), (dear, 20_000)])
    ledger.reverse(came_back, by=world.by, reason="x", at=NOW)
    proved()
    assert (parts(first), parts(second)) == (
        [(dear, 60_000)],
        [(cheap, 100_000), (dear, 20_000)],
    )


def test_other_currency_is_another_purse(world):
    euros = world.give("100")
    pesos = world.give("9000", currency="ARS")
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

    make_consent(cost.defendant, by=world.by)
    [use] = trace_all([gift])[0].uses
    assert (use.person, use.names) == ("Zoraida Canary", {cost.defendant.key: "Zoraida Canary"})

    world.case.published_at = world.case.published_by = None
    world.case.save()
    [use] = trace_all([gift])[0].uses
    assert (use.label, use.case, use.person) == ("Lawyers' fees", None, "")


def test_gift_that_is_not_booked_yet_is_all_there(world):
    pledge = factories.make_pledge(fund=world.fund, amount="50")

    assert told(factories.make_donation(pledge, fee=Decimal(2))) == ({}, 48)


@pytest.mark.parametrize("count", [1, 3])
def test_trace_costs_the_same_however_much_was_spent(world, django_assert_num_queries, count):
    gift = world.give("100")
    for _i in range(count):
        world.spend("10")
    trace_all([gift])

    with django_assert_num_queries(3):
        trace_all([gift])


# --- Any life whatever --------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["give", "give", "give", "fee", "refund", "bank_fee", "set_aside", "set_aside", "release",
             "pay", "pay", "reverse", "exchange", "exchange_back", "take_back", "move_rest",
             "move_back", "to_partner", "back_from_partner", "give_back", "keep", "follow"]
        ),
        st.integers(1, 20_000),
        st.integers(0, 5),
    ),
    min_size=5,
    max_size=30,
)  # fmt: skip
REFUSED = (
    allocation.AllocationError,
    disbursement.DisbursementError,
    exchange.ExchangeError,
    ledger.LedgerError,
)


def live(world, costs, step):
    """One step of a fund's life; what is refused did not happen."""
    act, cents, pick = step
    amount = Decimal(cents) / 100
    fund = (world.fund, world.general)[pick % 2]
    cost = costs[pick % len(costs)]
    gifts = Donation.objects.order_by("pk")
    gift = gifts[pick % gifts.count()] if gifts.count() else None
    paid = Entry.objects.filter(kind="disbursement", reverses=None, reversed_by=None).first()
    match act:
        case "give":
            world.give(amount, fund, currency="EUR" if pick < 5 else "ARS")
        case "fee" | "refund" if gift and gift.currency == "EUR":
            left = gift.amount - sum(refund.amount for refund in gift.refunds.all())
            if left:
                world.leave(Entry.Kind(act), gift, min(amount, left))
        case "bank_fee":
            world.post(Entry.Kind.BANK_FEE, fund, amount)
        case "set_aside":
            world.set_aside(cost, amount, fund)
        case "release":
            world.release(cost, amount, fund)
        case "pay":
            world.pay(cost, min(amount, ledger.free(AccountKey.cost(cost))))
        case "reverse" if paid:
            ledger.reverse(paid, by=world.by, reason="Test.", at=NOW)
        case "exchange":
            world.exchange(amount, amount * 3 / 2 if pick % 2 else Decimal("7.77"), fund)
        case "exchange_back":
            world.exchange(amount, "0.33", fund, back=True)
        case "take_back" if row := Exchange.objects.booked().order_by("pk").first():
            taken_back(row, by=world.by)
        case "move_rest":
            world.move_rest(world.fund, "EUR" if pick < 3 else "ARS")
        case "move_back" if move := SurplusMove.objects.filter(undone_at=None).first():
            allocation.request_surplus_undo(move, reason="Test.", by=world.by, at=NOW)
            allocation.undo_surplus(move, by=world.other, at=NOW)
        case "to_partner":
            world.pass_on(costs, "EUR" if pick < 4 else "ARS", fund)
        case "back_from_partner" if row := PartnerPayment.objects.standing().first():
            allocation.request_partner_undo(row, reason="Test.", by=world.by, at=NOW)
            allocation.undo_partner_payment(row, by=world.other, at=NOW)
        case "give_back":
            world.give_back(costs[2], min(amount, ledger.balance(AccountKey.bail(costs[2]))))
        case "keep":
            world.keep(costs[2], min(amount, ledger.balance(AccountKey.bail(costs[2]))))
        case "follow":
            tracing.follow(3)


@settings(max_examples=15)
@given(steps=STEPS)
def test_any_life_of_a_fund_is_told_to_the_cent(db, steps):
    """What the gifts say adds up: to each gift, to each account, and, by cost and fund, to what the public books say."""
    with transaction_undone():
        world = World()
        factories.make_policy(
            kinds=("fees", "bail"),
            limits=LIMITS,
            surplus_order=["others", "partner"],
            partner=PARTNER,
        )
        world.treasurer, world.approver = world.by, world.other
        world.partner = factories.make_payee(PARTNER)
        costs = [
            world.cost("300"),
            world.cost("300", currency="ARS"),
            world.cost("300", kind="bail"),
        ]
        factories.make_document(costs[2])
        world.give("150")
        for step in steps:
            try:
                with transaction.atomic():
                    live(world, costs, step)
            except REFUSED:
                continue

        assert proved() == {"lots": (), "gifts": ()}
        assert paid_by_lots() == paid_in_public()
        assert passed_on_by_lots() == sum(f.figures.passed_on for f in in_public())
        assert proved("partner_payments") == {"partner_payments": ()}
        for gift in Donation.objects.all():
            [trace] = trace_all([gift])
            assert sum(use.amount for use in trace.uses) + trace.held == gift.amount


@contextmanager
def transaction_undone():
    """Each life begins in an empty database."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def paid_by_lots():
    """By fund and currency, what costs were paid of its money, as the lots tell."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT f.code, a.currency, sum(l.spent) FROM donations_lot l
            JOIN donations_account a ON a.id = l.account_id AND a.kind = 'cost'
            JOIN donations_lot p ON p.id = l.parent_id JOIN donations_account o ON o.id = p.account_id
            JOIN donations_fund f ON f.id = o.fund_id
            GROUP BY f.code, a.currency HAVING sum(l.spent) > 0"""
        )
        return {(code, currency): amount for code, currency, amount in cursor.fetchall()}


def passed_on_by_lots():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(spent), 0) FROM donations_lot WHERE kind = 'partner_payment'"
        )
        return cursor.fetchone()[0]


def paid_in_public():
    return {(f.code, f.currency): f.figures.paid for f in in_public() if f.figures.paid}


def in_public():
    return books(language="en", at=NOW).funds
