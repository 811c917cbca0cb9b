"""Refunds, disputes and warnings of fraud, each from both sides: the books equal Stripe's balance to the cent."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from donations import (
    allocation,
    disputes,
    emails,
    jobs,
    ledger,
    payouts,
    refunds,
    webhooks,
)
from donations.models import (
    Account,
    AccountKey,
    BalanceTransaction,
    Dispute,
    Donation,
    Entry,
    FraudWarning,
    Letter,
    Refund,
    RefundRequest,
)
from donations.sandbox import acts
from donations.sandbox.models import SandboxObject
from donations.transparency import books
from tests import factories
from tests.donations.card_gifts import at_stripe, broken, catch_up, give_by_card, work
from tests.donations.conftest import make_fund
from tests.donations.monthly_gifts import begin_monthly
from tests.factories import NOW

pytestmark = pytest.mark.django_db
Kind = Entry.Kind


@pytest.fixture(scope="module")
def given(rows_of_a_module):
    with rows_of_a_module():
        give_by_card(make_fund(), "100")
        catch_up()
        return Donation.objects.get().pk


@pytest.fixture
def gift(given, db):
    """100 EUR by card, booked with its fee of 1.75; its Stripe payment is `gift.stripe_payment_intent_id`."""
    return Donation.objects.select_related("fund").get(pk=given)


@pytest.fixture
def treasurer(db):
    return factories.make_user()


@pytest.fixture
def approver(db):
    return factories.make_user()


def ask(gift, amount, by, **fields):
    return refunds.request(
        **{
            "donation": gift,
            "amount": Decimal(amount),
            "reason": "asked",
            "by": by,
            "at": timezone.now(),
        }
        | fields
    )


def moved():
    """(kind, signed amount for the fund) of all that is neither gift nor fee, in order."""
    return [
        (kind, amount if into_stripe else -amount)
        for kind, amount, into_stripe in Entry.objects.exclude(kind__in=["donation", "fee"])
        .order_by("pk")
        .values_list("kind", "amount", "debit__place")
    ]


def assert_equal_to_stripe(currency="EUR"):
    """Per currency, and movement by movement: what is booked is what Stripe says."""
    assert ledger.balance(AccountKey.stripe(currency)) == at_stripe(currency)
    assert broken() == {}
    for movement in BalanceTransaction.objects.exclude(type__in=["charge", "payout"]):
        parts = Entry.objects.filter(
            source__in=[f"stripe:{movement}", f"stripe:{movement}:fee"]
        ).values_list("amount", "debit__place")
        booked = sum(amount if place == "stripe" else -amount for amount, place in parts)
        assert booked == movement.net


def figures(fund):
    [shown] = [row for row in books(language="en", at=NOW).funds if row.code == fund.code]
    return shown


# --- Refunds ------------------------------------------------------------------------------------


def test_full_refund_from_the_office_goes_out_and_is_booked_once(gift, treasurer):
    request = ask(gift, "100", treasurer)
    assert (request.needs_two, request.state()) == (True, "approve")  # the fund has 98.25 left
    request = refunds.approve(
        request, content_hash=request.content_hash, by=factories.make_user(), at=timezone.now()
    )

    work()
    work()

    request.refresh_from_db()
    assert request.state() == RefundRequest.State.DONE
    assert (request.refund.amount, request.refund.status) == (Decimal(100), "succeeded")
    assert moved() == [(Kind.REFUND, Decimal(-100))]
    assert_equal_to_stripe()
    assert gift.refundable() == 0
    assert SandboxObject.objects.filter(kind="refund").count() == 1


def test_partial_and_several_refunds_end_where_nothing_is_left(gift, treasurer):
    for amount in ("30", "30", "30"):
        assert ask(gift, amount, treasurer).needs_two is False
        work()
    with pytest.raises(refunds.WrongAmount, match=r"Only €10\.00 of this donation"):
        ask(gift, "10.01", treasurer)

    assert moved() == [(Kind.REFUND, Decimal(-30))] * 3
    assert gift.refundable() == 10
    assert_equal_to_stripe()
    acts.refund(str(gift.stripe_payment_intent_id), at=timezone.now())
    work()
    with pytest.raises(refunds.WrongAmount, match="Nothing is left"):
        ask(gift, "0.01", treasurer)
    assert_equal_to_stripe()


def test_refund_from_stripes_dashboard_is_booked_without_a_request(gift):
    acts.refund(str(gift.stripe_payment_intent_id), amount=4000, at=timezone.now())

    work()

    assert not RefundRequest.objects.exists()
    assert (Refund.objects.get().amount, gift.refundable()) == (Decimal(40), Decimal(60))
    assert moved() == [(Kind.REFUND, Decimal(-40))]
    assert_equal_to_stripe()


def test_refund_that_fails_days_later_comes_back_and_can_be_asked_for_again(gift, treasurer):
    ask(gift, "50", treasurer)
    work()
    stripe_id = Refund.objects.get().stripe_refund_id
    acts.fail_refund(stripe_id, at=timezone.now() + timedelta(days=3))

    work()
    work()

    refund = Refund.objects.get()
    assert (refund.status, refund.failure_reason) == ("failed", "expired_or_canceled_card")
    assert refund.returned_at is not None
    assert moved() == [(Kind.REFUND, Decimal(-50)), (Kind.REFUND_RETURNED, Decimal(50))]
    assert RefundRequest.objects.get().state() == RefundRequest.State.FAILED
    assert figures(gift.fund).figures.refunded == 0
    assert_equal_to_stripe()
    ask(gift, "50", treasurer)
    work()
    assert gift.refundable() == 50
    assert_equal_to_stripe()


def test_refund_on_its_way_has_left_the_balance_and_arrives(gift):
    made = acts.refund(
        str(gift.stripe_payment_intent_id), amount=2000, is_pending=True, at=timezone.now()
    )
    work()
    assert Refund.objects.get().status == "pending"
    assert_equal_to_stripe()

    acts.arrive(made["id"], at=timezone.now())
    work()

    assert Refund.objects.get().status == "succeeded"
    assert moved() == [(Kind.REFUND, Decimal(-20))]
    assert_equal_to_stripe()


def test_failed_refund_and_its_repetition_found_in_one_run_are_both_booked(gift):
    payment, now = str(gift.stripe_payment_intent_id), timezone.now()
    first = acts.refund(payment, at=now)
    acts.fail_refund(first["id"], at=now)
    acts.refund(payment, at=now)

    catch_up()
    work()

    assert sorted(Refund.objects.values_list("status", flat=True)) == ["failed", "succeeded"]
    assert sorted(moved()) == sorted(
        [(Kind.REFUND, Decimal(-100))] * 2 + [(Kind.REFUND_RETURNED, Decimal(100))]
    )
    assert_equal_to_stripe()


def test_refund_known_to_have_failed_before_it_was_seen_to_leave_waits_for_a_longer_run(gift):
    payment, now = str(gift.stripe_payment_intent_id), timezone.now()
    made = acts.refund(payment, at=now - timedelta(days=2))
    acts.fail_refund(made["id"], at=now)
    acts.refund(payment, amount=1000, at=now)
    webhooks.catch_up(since=now - timedelta(days=3), at=now)
    webhooks.process_pending(at=now)

    short = payouts.sync(since=now - timedelta(hours=2))

    # The rest of the same run is booked.
    assert moved() == [(Kind.REFUND, Decimal(-10))]
    assert [item.split(": ")[1] for item in short.unplaced] == [
        "refund_failure of what has not left yet"
    ]
    assert payouts.sync(since=now - timedelta(days=3)).unplaced == []
    assert_equal_to_stripe()


def test_dispute_ended_when_its_event_says_so_whoever_saw_it_first(gift):
    payment, now = str(gift.stripe_payment_intent_id), timezone.now().replace(microsecond=0)
    opened = acts.open_dispute(payment, at=now - timedelta(days=2))
    acts.lose(opened["id"], at=now - timedelta(days=1))

    # The balance shows the dispute as it stands by now; then its events come, the oldest last.
    payouts.sync(since=now - timedelta(days=3))
    assert Dispute.objects.get().closed_at > now - timedelta(hours=1)
    webhooks.catch_up(since=now - timedelta(days=3), at=now)
    webhooks.process_pending(at=now)

    dispute = Dispute.objects.get()
    assert (dispute.status, dispute.closed_at) == ("lost", now - timedelta(days=1))


def test_part_of_the_fee_that_stripe_gives_back_lowers_the_donations_fee(gift):
    acts.refund(str(gift.stripe_payment_intent_id), at=timezone.now())
    row = SandboxObject.objects.get(kind="balance_transaction", data__type="refund")
    row.data |= {"fee": -125, "net": -9875}
    row.save(update_fields=["data"])

    work()

    gift.refresh_from_db()
    assert gift.fee == Decimal("0.50")
    assert figures(gift.fund).figures.processing_fees == Decimal("0.50")
    assert_equal_to_stripe()


def test_refund_stripe_refuses_has_failed_and_frees_the_money(gift, treasurer):
    request = ask(gift, "60", treasurer)
    # Somebody was quicker, in Stripe's dashboard.
    acts.refund(str(gift.stripe_payment_intent_id), amount=10_000, at=timezone.now())

    work()

    request.refresh_from_db()
    assert (request.state(), request.error) == ("failed", "charge_already_refunded")
    assert gift.refundable() == 0
    assert_equal_to_stripe()


@pytest.mark.parametrize("told_by", ["the same key", "the list of refunds", "the webhook"])
def test_refund_whose_answer_was_lost_is_made_once(gift, treasurer, told_by):
    request = ask(gift, "60", treasurer)
    now = timezone.now()
    refunds.send_due(at=now)
    # As if the machine had stopped between Stripe's yes and our note of it.
    RefundRequest.objects.filter(pk=request.pk).update(
        attempts=0 if told_by == "the same key" else 1
    )
    raw("UPDATE donations_refundrequest SET refund_id = NULL; DELETE FROM donations_refund")

    if told_by == "the webhook":
        catch_up()
    else:
        refunds.send_due(at=now + timedelta(hours=2))
    work()

    request.refresh_from_db()
    assert request.state() == RefundRequest.State.DONE
    assert SandboxObject.objects.filter(kind="refund").count() == Refund.objects.count() == 1
    assert_equal_to_stripe()


def raw(statements):
    """SQL past the tables' own triggers."""
    tables = ("donations_refundrequest", "donations_refund")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statements)
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


# --- Disputes -----------------------------------------------------------------------------------


def test_dispute_takes_amount_and_fee_at_once_and_shows_in_public(gift):
    acts.open_dispute(str(gift.stripe_payment_intent_id), at=timezone.now())

    work()

    dispute = Dispute.objects.with_money().get()
    assert (dispute.status, dispute.amount, dispute.reason) == (
        "needs_response",
        Decimal(100),
        "fraudulent",
    )
    assert (dispute.moved, dispute.fee) == (Decimal(-100), Decimal(20))
    assert dispute.due_by > timezone.now()
    assert moved() == [(Kind.DISPUTE, Decimal(-100)), (Kind.DISPUTE_FEE, Decimal(-20))]
    shown = figures(gift.fund)
    assert (shown.is_frozen, shown.figures.held) == (True, Decimal("-21.75"))
    assert gift.refundable() == 0
    assert_equal_to_stripe()


@pytest.mark.parametrize("gives_fee_back", [True, False])
def test_won_dispute_gives_the_amount_back_and_maybe_the_fee(gift, gives_fee_back):
    opened = acts.open_dispute(str(gift.stripe_payment_intent_id), at=timezone.now())
    work()
    acts.win(opened["id"], gives_fee_back=gives_fee_back, at=timezone.now())

    work()

    dispute = Dispute.objects.with_money().get()
    assert (dispute.status, dispute.moved, dispute.is_open) == ("won", 0, False)
    assert dispute.fee == (0 if gives_fee_back else 20)
    assert figures(gift.fund).figures.held == Decimal("98.25") - dispute.fee
    assert gift.refundable() == 100
    assert_equal_to_stripe()


def test_lost_dispute_keeps_amount_and_fee(gift):
    opened = acts.open_dispute(str(gift.stripe_payment_intent_id), amount=4000, at=timezone.now())
    work()
    acts.lose(opened["id"], at=timezone.now())

    work()

    dispute = Dispute.objects.with_money().get()
    assert (dispute.status, dispute.moved, dispute.fee) == ("lost", Decimal(-40), Decimal(20))
    assert dispute.closed_at is not None
    assert figures(gift.fund).figures.held == Decimal("38.25")
    assert gift.refundable() == 60
    assert_equal_to_stripe()


def test_inquiry_moves_nothing_and_leaves_the_gift_refundable(gift):
    opened = acts.open_dispute(
        str(gift.stripe_payment_intent_id), is_inquiry=True, at=timezone.now()
    )
    work()
    assert (Dispute.objects.get().is_inquiry, moved(), gift.refundable()) == (True, [], 100)

    acts.close_inquiry(opened["id"], at=timezone.now())
    work()

    assert Dispute.objects.get().status == "warning_closed"
    assert moved() == []
    assert_equal_to_stripe()


def test_inquiry_that_becomes_a_dispute_takes_the_money_then(gift):
    opened = acts.open_dispute(
        str(gift.stripe_payment_intent_id), is_inquiry=True, at=timezone.now()
    )
    work()
    acts.escalate(opened["id"], at=timezone.now())

    work()

    assert Dispute.objects.get().status == "needs_response"
    assert moved() == [(Kind.DISPUTE, Decimal(-100)), (Kind.DISPUTE_FEE, Decimal(-20))]
    assert_equal_to_stripe()


def test_accepted_dispute_is_lost_at_stripe(gift, treasurer):
    acts.open_dispute(str(gift.stripe_payment_intent_id), at=timezone.now())
    work()

    disputes.accept(Dispute.objects.get(), reason="Small.", by=treasurer, at=timezone.now())
    work()

    dispute = Dispute.objects.get()
    assert (dispute.status, dispute.accepted_by) == ("lost", treasurer)
    with pytest.raises(disputes.WrongState, match="has ended"):
        disputes.accept(dispute, reason="Again.", by=treasurer, at=timezone.now())
    assert_equal_to_stripe()


@pytest.mark.parametrize("webhooks_arrive", [True, False])
def test_dispute_is_booked_once_whoever_tells_first(gift, deliver, webhooks_arrive):
    opened = acts.open_dispute(str(gift.stripe_payment_intent_id), at=timezone.now())
    acts.win(opened["id"], at=timezone.now())
    if webhooks_arrive:
        for event in SandboxObject.objects.filter(kind="event").order_by("-pk"):
            deliver(event.data)

    work()
    work()

    assert Dispute.objects.get().status == "won"
    assert Entry.objects.filter(kind__in=["dispute", "dispute_won"]).count() == 2
    assert_equal_to_stripe()


@pytest.mark.parametrize(
    "doubt",
    [
        lambda payment: acts.open_dispute(payment, at=timezone.now()),
        lambda payment: acts.open_dispute(payment, is_inquiry=True, at=timezone.now()),
        lambda payment: acts.warn(payment, at=timezone.now()),
    ],
)
def test_monthly_gift_of_which_a_bank_doubts_a_charge_is_stopped(db, doubt):
    subscription = begin_monthly()
    other = begin_monthly(supporter=factories.make_supporter("bea@example.org"))
    doubt(Donation.objects.get(pledge=subscription.pledge).stripe_payment_intent_id)
    webhooks.catch_up(since=timezone.now() - timedelta(hours=1), at=timezone.now())

    jobs.process_events()
    catch_up()

    subscription.refresh_from_db()
    other.refresh_from_db()
    assert (subscription.is_live, other.is_live) == (False, True)
    assert subscription.changes.get().kind == "stop"


# --- After the fund is spent --------------------------------------------------------------------


def test_dispute_after_the_fund_is_spent_freezes_it_until_two_people_cover(
    gift, treasurer, approver
):
    fund, general = gift.fund, factories.make_fund(code="general")
    factories.give(general, "500", into=AccountKey.bank(factories.make_bank_account()))
    cost = factories.make_cost(fund.case, owed="98", by=treasurer)
    allocation.allocate(fund=fund, cost=cost, amount=Decimal(98), by=treasurer, at=NOW)
    opened = acts.open_dispute(str(gift.stripe_payment_intent_id), at=timezone.now())
    work()
    acts.lose(opened["id"], at=timezone.now())
    work()

    account = Account.objects.get(fund=fund)
    assert (ledger.balance(AccountKey.fund(fund, "EUR")), account.frozen_at is not None) == (
        Decimal("-119.75"),
        True,
    )
    shown = figures(fund)
    assert (shown.is_frozen, shown.figures.held, shown.figures.free) == (
        True,
        Decimal("-21.75"),
        Decimal("-119.75"),
    )
    with pytest.raises(allocation.Frozen):
        allocation.allocate(fund=fund, cost=factories.make_cost(fund.case, by=treasurer),
                            amount=Decimal(1), by=treasurer, at=NOW)  # fmt: skip

    def cover(amount):
        return allocation.request_cover(
            source=general, target=fund, amount=Decimal(amount), currency="EUR",
            reason="A dispute was lost.", by=treasurer, at=NOW,
        )  # fmt: skip

    first = cover("119.75")
    with pytest.raises(allocation.SamePerson):
        allocation.approve_cover(first, by=treasurer, at=NOW)
    allocation.refuse_cover(first, reason="Too much at once.", by=approver, at=NOW)
    with pytest.raises(allocation.WrongState, match="refused"):
        allocation.approve_cover(first, by=approver, at=NOW)
    allocation.approve_cover(cover("119.75"), by=approver, at=NOW)

    account.refresh_from_db()
    assert account.frozen_at is None
    assert figures(fund).is_frozen is False
    assert set(broken()) <= {"donations", "sources"}  # the invented gift in the bank alone
    assert ledger.balance(AccountKey.stripe("EUR")) == at_stripe()


# --- Warnings of fraud --------------------------------------------------------------------------


def test_small_gift_a_bank_warns_of_is_sent_back_by_the_system(gift):
    gift.pledge.supporter = factories.make_supporter()
    gift.pledge.save(update_fields=["supporter"])
    acts.warn(
        str(gift.stripe_payment_intent_id), at=timezone.now(), fraud_type="made_with_stolen_card"
    )

    work()
    work()

    warning, request = FraudWarning.objects.get(), RefundRequest.objects.get()
    assert (warning.answer, warning.request, warning.fraud_type) == (
        "refund",
        request,
        "made_with_stolen_card",
    )
    assert (request.requested_by, request.reason, request.needs_two, request.amount) == (
        None,
        "fraud",
        False,
        Decimal(100),
    )
    assert request.state() == RefundRequest.State.DONE
    assert SandboxObject.objects.get(kind="refund").data["reason"] == "fraudulent"
    # The address may be the thief's.
    assert not Letter.objects.filter(kind="refund").exists()
    assert moved() == [(Kind.REFUND, Decimal(-100))]
    assert_equal_to_stripe()


def test_large_gift_a_bank_warns_of_waits_for_a_persons_click(gift, settings, approver):
    settings.FRAUD_REFUND_LIMITS = {"EUR": Decimal("99.99")}
    acts.warn(str(gift.stripe_payment_intent_id), at=timezone.now())
    work()
    request = RefundRequest.objects.get()
    assert (request.state(), moved()) == (RefundRequest.State.TO_APPROVE, [])

    refunds.approve(request, content_hash=request.content_hash, by=approver, at=timezone.now())
    work()

    assert moved() == [(Kind.REFUND, Decimal(-100))]
    assert_equal_to_stripe()


def test_warning_after_part_went_back_sends_only_the_rest(gift):
    payment = str(gift.stripe_payment_intent_id)
    acts.refund(payment, amount=3000, at=timezone.now())
    acts.warn(payment, at=timezone.now())

    work()

    assert RefundRequest.objects.get().amount == 70
    assert gift.refundable() == 0
    assert_equal_to_stripe()


def test_warning_that_asks_for_nothing_is_kept_and_nothing_sent(gift):
    payment = str(gift.stripe_payment_intent_id)
    acts.open_dispute(payment, at=timezone.now())
    acts.warn(payment, at=timezone.now())

    work()

    assert FraudWarning.objects.get().answer == "not_actionable"
    assert not RefundRequest.objects.exists()
    assert_equal_to_stripe()


def test_warning_of_what_went_back_meanwhile_sends_nothing(gift):
    payment = str(gift.stripe_payment_intent_id)
    acts.warn(payment, at=timezone.now())
    acts.refund(payment, at=timezone.now())

    work()

    assert FraudWarning.objects.get().answer == "nothing_left"
    assert_equal_to_stripe()


# --- Letters ------------------------------------------------------------------------------------


def test_supporter_is_told_once_that_money_is_on_its_way(gift, treasurer, inbox):
    gift.pledge.supporter = factories.make_supporter()
    gift.pledge.save(update_fields=["supporter"])
    ask(gift, "40", treasurer)

    work()
    work()
    emails.send_due(at=timezone.now())

    letter = Letter.objects.get(kind="refund")
    assert (letter.donation, letter.sent_at is not None) == (gift, True)
    [(_to, text)] = [message for message in inbox.messages if "40,00" in message[1]]
    for word in ("sample", "legal", "defens", "solidar"):
        assert word not in text.split("\r\n\r\n")[0].lower().replace(
            "fondo de defensa solidario", ""
        )
