"""What is fetched from Stripe's balance: fees, disputes, payouts; each booked once, and nothing unknown swallowed."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from donations import ledger, payouts, stripe_api, webhooks
from donations.models import AccountKey, BalanceTransaction, Donation, Entry, Payout
from donations.payouts import itemising, syncing
from donations.proofs import prove
from donations.sandbox import acts
from donations.sandbox.models import SandboxObject
from donations.transparency import Figures, books
from tests import factories
from tests.donations.card_gifts import AN_HOUR, catch_up, end_payout, give_by_card
from tests.donations.reconciliation.files import make_line
from tests.factories import NOW
from tests.threads import in_parallel

STRIPE, TRANSIT = AccountKey.stripe("EUR"), AccountKey.transit("EUR")


def broken():
    return [proof.name for proof in prove() if not proof.holds]


def test_lost_webhooks_fees_and_payout_are_fetched_and_booked_once(fund):
    give_by_card(fund, "25")
    give_by_card(fund, "100")

    first, second = catch_up(), catch_up()

    assert (first.new_entries, first.unplaced) == (2, [])
    assert (second.new_entries, second.unplaced) == (0, [])
    assert sorted(Donation.objects.values_list("amount", "fee")) == [
        (Decimal(25), Decimal("0.63")),
        (Decimal(100), Decimal("1.75")),
    ]
    payout = acts.pay_out("eur", at=timezone.now())
    assert catch_up().new_entries == 1
    assert Payout.objects.get().stripe_payout_id == payout["id"]
    assert [ledger.balance(key) for key in (STRIPE, TRANSIT, AccountKey.fund(fund, "EUR"))] == [
        0,
        Decimal("122.62"),
        Decimal("122.62"),
    ]
    assert broken() == []


def test_fee_is_booked_on_stripes_day_out_of_the_gifts_fund(fund):
    give_by_card(fund, "100")
    catch_up()

    movement = SandboxObject.objects.get(kind="balance_transaction")
    entry = Entry.objects.select_related("debit", "credit").get(kind=Entry.Kind.FEE)
    assert (entry.source, entry.debit.code, entry.credit.code, entry.amount) == (
        f"stripe:{movement.id}:fee",
        "fund:case-sample:EUR",
        "stripe:EUR",
        Decimal("1.75"),
    )
    assert entry.booked_on == movement.created_at.date()


def test_books_end_the_same_whether_webhooks_arrive_or_not(fund, deliver):
    for amount in ("10", "20", "30"):
        give_by_card(fund, amount)
    catch_up()
    without = ledger.ledger_hash()
    for event in SandboxObject.objects.filter(kind="event"):
        deliver(event.data)
    catch_up()

    assert ledger.ledger_hash() == without
    assert Donation.objects.count() == 3


def test_refund_on_the_balance_is_not_booked_twice(fund):
    session = give_by_card(fund, "100")
    catch_up()
    acts.refund(session["payment_intent"], amount=4000, at=timezone.now())

    assert [catch_up().unplaced, catch_up().unplaced] == [[], []]

    assert list(Entry.objects.filter(kind="refund").values_list("amount", flat=True)) == [40]
    assert ledger.balance(STRIPE) == Decimal("58.25")
    assert broken() == []


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_payout_that_did_not_arrive_comes_back(fund, status):
    give_by_card(fund, "100")
    payout = acts.pay_out("eur", at=timezone.now())
    catch_up()
    end_payout(payout, status)

    assert [catch_up().new_entries, catch_up().new_entries] == [1, 0]

    assert (ledger.balance(TRANSIT), ledger.balance(STRIPE)) == (0, Decimal("98.25"))
    # Stripe expected it to arrive in two days: that is no day of the books.
    moved_at = BalanceTransaction.objects.get(type__startswith="payout_").created_at
    assert Payout.objects.get().returned_at == moved_at
    assert Entry.objects.get(kind="payout_returned").booked_on == moved_at.date()
    assert not Payout.objects.in_transit().exists()
    assert broken() == []


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_payout_that_ended_before_it_was_known_left_and_came_back(fund, status):
    give_by_card(fund, "100")
    end_payout(acts.pay_out("eur", at=timezone.now()), status)

    assert catch_up().new_entries == 3

    assert (ledger.balance(TRANSIT), ledger.balance(STRIPE)) == (0, Decimal("98.25"))
    assert broken() == []


def test_payout_the_bank_confirmed_and_stripe_took_back_is_left_to_a_person(fund):
    give_by_card(fund, "100")
    payout = acts.pay_out("eur", at=timezone.now())
    catch_up()
    row = Payout.objects.get()
    line = make_line("98.25")
    row.matches.create(
        line=line, amount=98.25, confirmed_by=factories.make_user(), confirmed_at=NOW
    )
    end_payout(payout, "failed")

    synced = catch_up()

    assert synced.new_entries == 0
    assert synced.unplaced == [f"{payout['id']}: came back, but a bank line says it arrived"]


def test_payout_stripe_collects_from_the_bank_is_left_to_a_person(fund):
    give_by_card(fund, "100")
    payout = acts.pay_out("eur", at=timezone.now())
    SandboxObject.objects.filter(id=payout["id"]).update(data=payout | {"amount": -1000})

    assert catch_up().unplaced == [f"{payout['id']}: payout of -10.00 EUR"]
    assert not Payout.objects.exists()


def test_dispute_and_its_fee_leave_the_gifts_fund_and_come_back_when_won(fund):
    session = give_by_card(fund, "100")
    catch_up()
    opened = acts.open_dispute(session["payment_intent"], at=timezone.now())

    assert catch_up().new_entries == 2
    [lost] = books(language="en", at=NOW).funds
    assert (lost.figures, lost.is_frozen) == (
        Figures(
            received=Decimal(100),
            refunded=Decimal(100),
            processing_fees=Decimal("1.75"),
            dispute_fees=Decimal(20),
            held=Decimal("-21.75"),
        ),
        True,
    )
    acts.win(opened["id"], at=timezone.now())

    assert [catch_up().new_entries, catch_up().new_entries] == [2, 0]
    [won] = books(language="en", at=NOW).funds
    assert (won.figures.refunded, won.figures.dispute_fees, won.figures.held) == (
        0,
        0,
        Decimal("98.25"),
    )
    assert ledger.balance(STRIPE) == Decimal("98.25")
    assert broken() == []


def test_movements_nobody_can_place_are_each_reported_and_not_booked(fund):
    give_by_card(fund, "100")
    catch_up()
    row = SandboxObject.objects.get(kind="balance_transaction")
    for name, type_ in (
        ("txn_1", "climate_order_purchase"),
        ("txn_2", "charge"),
        ("txn_3", "charge"),
    ):
        strange = row.data | {"id": name, "type": type_, "source": None}
        SandboxObject.objects.create(
            id=name, kind=row.kind, data=strange, created_at=timezone.now()
        )

    synced = catch_up()

    assert synced.new_entries == 0
    assert sorted(synced.unplaced) == [
        "txn_1: climate_order_purchase",
        "txn_2: charge without a donation",
        "txn_3: charge without a donation",
    ]


@pytest.mark.parametrize("gifts", [1, 3])
def test_sync_costs_the_same_with_many_gifts(fund, gifts, django_assert_num_queries):
    for _i in range(gifts):
        give_by_card(fund, "100")
    acts.pay_out("eur", at=timezone.now())
    catch_up()
    objects = list(stripe_api.balance_transactions(since=timezone.now() - AN_HOUR))
    out = list(stripe_api.payouts(since=timezone.now() - AN_HOUR))

    with django_assert_num_queries(14):
        syncing._book(objects, out, {}, read_at=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_four_syncs_at_once_book_everything_once():
    fund = factories.make_fund(code="case-sample")
    for _i in range(10):
        give_by_card(fund, "100")
    now = timezone.now()
    webhooks.catch_up(since=now - AN_HOUR, at=now)
    webhooks.process_pending(at=now)
    acts.pay_out("eur", at=timezone.now())

    new = in_parallel(4, lambda _number: payouts.sync(since=now - AN_HOUR).new_entries)

    assert sum(new) == 11
    assert (Payout.objects.count(), Entry.objects.filter(kind="fee").count()) == (1, 10)
    assert ledger.balance(STRIPE) == 0
    assert broken() == []


def test_only_what_is_awaited_is_listed_and_not_again(fund):
    now = timezone.now()
    asked = {"told_since": now, "at": now}
    assert payouts.awaited_since(**asked) is None

    give_by_card(fund, "25")
    webhooks.catch_up(since=now - AN_HOUR, at=now)
    while webhooks.process_pending(at=now):
        pass
    donation = Donation.objects.get()
    since = payouts.awaited_since(**asked)
    assert since is not None
    assert since < donation.received_at

    payouts.sync(since=since)
    assert payouts.awaited_since(**asked) is None


def test_fee_that_does_not_come_is_left_to_the_timetable(fund):
    factories.make_donation(factories.make_pledge(fund=fund), received_at=NOW)

    assert payouts.awaited_since(told_since=NOW, at=NOW + AN_HOUR) == NOW - syncing.MARGIN
    assert payouts.awaited_since(told_since=NOW, at=NOW + 2 * AN_HOUR) is None


@pytest.mark.parametrize("kind", ["payout.paid", "charge.dispute.created"])
def test_payout_or_dispute_told_of_has_the_balance_listed(db, kind):
    factories.make_event(kind, processed_at=NOW)

    assert payouts.awaited_since(told_since=NOW, at=NOW) == NOW - syncing.AWAITED
    assert payouts.awaited_since(told_since=NOW + AN_HOUR, at=NOW) is None


def test_payout_is_the_sum_of_its_movements_and_each_names_it(fund):
    give_by_card(fund, "25")
    give_by_card(fund, "100")
    paid = acts.pay_out("eur", at=timezone.now())
    give_by_card(fund, "40")

    catch_up()

    payout = Payout.objects.get(stripe_payout_id=paid["id"])
    assert payout.itemised_at
    assert sorted(payout.movements.values_list("amount", "fee")) == [
        (Decimal(25), Decimal("0.63")),
        (Decimal(100), Decimal("1.75")),
    ]
    assert [m.amount for m in BalanceTransaction.objects.filter(payout=None, type="charge")] == [40]
    # Once told, it stays, and a second run asks no more.
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        payout.movements.update(payout=None)
    assert itemising.fetch_items(list(stripe_api.payouts(since=timezone.now() - AN_HOUR))) == {}


def test_payout_that_is_not_the_sum_of_its_movements_is_left_to_a_person(fund):
    give_by_card(fund, "100")
    paid = acts.pay_out("eur", at=timezone.now())
    SandboxObject.objects.filter(id=paid["id"]).update(data=paid | {"amount": 9000})

    assert catch_up().unplaced == [f"{paid['id']}: its movements come to 98.25 EUR, it is 90.00"]
    assert Payout.objects.get().itemised_at is None
