from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from donations import ledger, monthly, stripe_api, webhooks
from donations.models import (
    AccountKey,
    Donation,
    Entry,
    Letter,
    MonthlyCharge,
    StripeEvent,
    Subscription,
    SubscriptionChange,
)
from donations.sandbox import acts
from donations.sandbox.models import SandboxFaults, SandboxObject
from tests import factories
from tests.donations.monthly_gifts import (
    at_stripe,
    begin_monthly,
    catch_up,
    make_monthly,
    make_subscription,
    renew,
)
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def kinds():
    return sorted(Letter.objects.values_list("kind", flat=True))


def errors():
    return list(StripeEvent.objects.exclude(error="").values_list("type", "error"))


def test_first_month_is_one_donation_whichever_event_comes_first():
    pledge = make_monthly(amount="25")

    catch_up()

    donation = Donation.objects.get()
    subscription = Subscription.objects.get()
    assert (donation.pledge, donation.amount, donation.currency) == (pledge, Decimal(25), "EUR")
    assert (subscription.pledge, subscription.status, subscription.total) == (
        pledge,
        "active",
        Decimal(25),
    )
    assert subscription.next_charge_at > timezone.now() + timedelta(days=27)
    assert MonthlyCharge.objects.get().donation == donation
    assert kinds() == ["receipt"]
    assert errors() == []


@pytest.mark.parametrize("first", ["invoice.paid", "checkout.session.completed"])
def test_events_of_the_first_month_in_any_order_and_twice(first):
    make_monthly()
    now = timezone.now()
    events = list(
        stripe_api.list_events(since=now - timedelta(hours=1), types=[*webhooks.CATCH_UP_TYPES])
    )
    for event in sorted(events, key=lambda event: event.type != first):
        webhooks.receive(event, at=now)
        while webhooks.process_pending(at=now):
            pass
    StripeEvent.objects.update(processed_at=None)
    while webhooks.process_pending(at=now):
        pass

    assert Donation.objects.count() == Entry.objects.count() == Subscription.objects.count() == 1
    assert errors() == []
    assert Subscription.objects.get().pledge.checkouts.get().completed_at


def test_renewal_is_a_donation_of_its_own_with_a_receipt():
    subscription = begin_monthly()
    at = renew(subscription)
    before = subscription.next_charge_at

    catch_up(at)
    catch_up(at)

    subscription.refresh_from_db()
    fund = subscription.pledge.fund
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == Decimal(50)
    assert [c.state for c in subscription.charges.all()] == ["paid", "paid"]
    assert subscription.charges.first().due_on == before.date()
    assert subscription.next_charge_at > before
    assert kinds() == ["receipt", "receipt"]


def test_failed_renewal_is_told_once_and_paid_later():
    subscription = begin_monthly()
    at = renew(subscription, outcome="generic_decline")
    catch_up(at)

    subscription.refresh_from_db()
    charge = subscription.charges.first()
    assert (charge.state, charge.donation, subscription.is_behind) == ("failed", None, True)
    assert kinds() == ["payment_failed", "receipt"]

    for outcome in ("insufficient_funds", "succeeded"):
        acts.pay_invoice(charge.stripe_invoice_id, at=at, outcome=outcome)
        catch_up(at)

    subscription.refresh_from_db()
    charge.refresh_from_db()
    assert (charge.state, subscription.is_behind) == ("paid", False)
    assert kinds() == ["payment_failed", "receipt", "receipt"]
    assert Donation.objects.count() == 2


def test_charge_the_bank_wants_confirmed_is_told_as_such():
    subscription = begin_monthly()
    at = renew(subscription, outcome="authentication_required")

    catch_up(at)

    assert subscription.charges.first().state == "action"
    assert len(kinds()) == 2
    assert set(kinds()) <= {"action_required", "payment_failed", "receipt"}


def test_change_of_amount_counts_from_the_next_charge_on():
    subscription = begin_monthly(amount="25")

    monthly.change_amount(subscription, amount=Decimal(40), covers_fee=False, at=timezone.now())
    monthly.change_amount(subscription, amount=Decimal(40), covers_fee=False, at=timezone.now())

    assert subscription.total == Decimal(40)
    change = SubscriptionChange.objects.get()
    assert (change.done_at is not None, change.dropped_at) == (True, None)
    catch_up(renew(subscription))
    assert sorted(Donation.objects.values_list("amount", flat=True)) == [Decimal(25), Decimal(40)]
    assert errors() == []


def test_fee_cover_is_a_line_of_its_own_added_changed_and_dropped():
    subscription = begin_monthly(amount="25", fee_cover=Decimal("0.64"))
    assert at_stripe(subscription)["amount"] == "25.64"
    assert Donation.objects.get().amount == Decimal("25.64")

    for amount, covers, total in (
        ("40", True, "40.87"),
        ("30", False, "30.00"),
        ("20", True, "20.56"),
    ):
        monthly.change_amount(
            subscription, amount=Decimal(amount), covers_fee=covers, at=timezone.now()
        )
        assert at_stripe(subscription)["amount"] == total
        assert subscription.total == Decimal(total)


def test_pause_skips_months_and_resume_goes_on():
    subscription = begin_monthly()

    monthly.pause(subscription, at=timezone.now())
    monthly.pause(subscription, at=timezone.now())
    assert subscription.paused_at
    catch_up(renew(subscription))
    assert Donation.objects.count() == 1

    subscription.refresh_from_db()
    monthly.resume(subscription, at=subscription.read_at)
    assert subscription.paused_at is None
    catch_up(renew(subscription))
    assert Donation.objects.count() == 2
    assert list(SubscriptionChange.objects.values_list("kind", flat=True)) == ["resume", "pause"]


def test_change_of_day_moves_the_next_charge_on_and_charges_nothing():
    subscription = begin_monthly()
    planned = subscription.next_charge_at
    day = 1 if planned.day != 1 else 2

    monthly.change_day(subscription, day=day, at=timezone.now())

    assert subscription.next_charge_at.day == day
    assert planned < subscription.next_charge_at < planned + timedelta(days=32)
    catch_up()
    assert Donation.objects.count() == 1
    catch_up(renew(subscription))
    subscription.refresh_from_db()
    assert (Donation.objects.count(), subscription.next_charge_at.day) == (2, day)
    assert errors() == []


@pytest.mark.parametrize(
    ("planned", "day", "expected"),
    [
        ("2026-04-10", 25, "2026-04-25"),
        ("2026-04-25", 5, "2026-05-05"),
        ("2026-12-28", 1, "2027-01-01"),
        ("2026-01-31", 28, "2026-02-28"),
    ],
)
def test_new_day_is_the_first_on_or_after_the_planned_charge(planned, day, expected):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    subscription = make_subscription(next_charge_at=datetime.fromisoformat(f"{planned}T08:00:00Z"))

    assert monthly.first_on(subscription, day=day, at=at).date().isoformat() == expected


@pytest.mark.parametrize(
    ("fields", "day", "why"),
    [
        ({"ended_at": NOW, "next_charge_at": None}, 5, "ended"),
        ({"paused_at": NOW}, 5, "paused"),
        ({"status": "past_due"}, 5, "charging"),
        ({"next_charge_at": NOW - timedelta(hours=1)}, 5, "charging"),
        ({}, 24, "same_day"),
    ],
)
def test_day_cannot_be_changed(fields, day, why):
    subscription = make_subscription(**fields)

    with pytest.raises(monthly.NotPossible, match=why):
        monthly.change_day(subscription, day=day, at=NOW)
    assert not SubscriptionChange.objects.exists()


def test_stop_ends_it_at_once_with_one_letter_and_twice_is_once():
    subscription = begin_monthly()

    monthly.stop(subscription, at=timezone.now())
    monthly.stop(subscription, at=timezone.now())
    catch_up()

    subscription.refresh_from_db()
    assert (subscription.is_live, subscription.next_charge_at) == (False, None)
    assert at_stripe(subscription)["status"] == "canceled"
    assert kinds() == ["monthly_stopped", "receipt"]
    with pytest.raises(monthly.NotPossible, match="ended"):
        monthly.pause(subscription, at=timezone.now())
    with pytest.raises(monthly.NotPossible, match="ended"):
        monthly.card_page(subscription)


def test_stop_in_the_dashboard_is_learned_and_told():
    subscription = begin_monthly()
    acts.cancel_subscription(subscription.stripe_subscription_id, {}, at=timezone.now())

    catch_up()

    subscription.refresh_from_db()
    assert not subscription.is_live
    assert kinds() == ["monthly_stopped", "receipt"]


def test_old_word_does_not_undo_newer():
    subscription = begin_monthly()
    before = at_stripe(subscription)
    monthly.pause(subscription, at=timezone.now())

    assert not subscription.take(before, read_at=subscription.read_at - timedelta(seconds=1))
    assert subscription.paused_at


def test_ended_is_final():
    subscription = begin_monthly()
    before = at_stripe(subscription)
    monthly.stop(subscription, at=timezone.now())

    assert not subscription.take(before, read_at=timezone.now())
    assert not subscription.is_live


def test_card_page_is_made_for_each_click_and_kept_nowhere():
    subscription = begin_monthly()

    one, two = monthly.card_page(subscription), monthly.card_page(subscription)

    assert one != two
    assert "/sandbox/portal/" in one


# --- Contradictions -----------------------------------------------------------------------------


def test_sum_nobody_agreed_to_is_kept_as_an_error():
    subscription = begin_monthly(amount="25")
    # Somebody changes it in Stripe's dashboard.
    stripe_api.change_monthly_amount(
        subscription.stripe_subscription_id,
        amount=Decimal(99),
        fee_cover=Decimal(0),
        currency="EUR",
        idempotency_key="dashboard",
    )

    catch_up(renew(subscription))

    assert errors() == [("invoice.paid", "Charged 99.00, agreed 25.000.")]
    assert Donation.objects.count() == 1


def test_second_charge_of_a_month_is_kept_as_an_error():
    subscription = begin_monthly()
    now = timezone.now()
    first = StripeEvent.objects.get(type="invoice.paid")
    facts = first.facts | {"id": "in_other", "payment_intent": "pi_other"}
    StripeEvent.objects.create(
        event_id="evt_other",
        type="invoice.paid",
        object_id="in_other",
        livemode=False,
        created_at=now,
        received_at=now,
        due_at=now,
        read_at=now,
        facts=facts,
    )

    catch_up()

    assert errors() == [("invoice.paid", f"This month was paid already, by {first.object_id}.")]
    assert Donation.objects.count() == 1
    with (
        pytest.raises(IntegrityError, match="monthly_charge_paid_once_a_month"),
        transaction.atomic(),
    ):
        MonthlyCharge.objects.create(
            subscription=subscription,
            stripe_invoice_id="in_third",
            due_on=subscription.charges.get().due_on,
            amount=1,
            state="paid",
            donation=factories.make_donation(),
            told_at=now,
        )


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"amount": 0}, "subscription_amount_positive"),
        ({"fee_cover": -1}, "subscription_fee_cover_not_negative"),
        ({"ended_at": NOW}, "subscription_ended_is_not_charged"),
        ({"amount": Decimal("1.005")}, "subscription_amounts_exact"),
    ],
)
def test_database_refuses_what_no_monthly_gift_is(changes, rule):
    subscription = make_subscription()

    with pytest.raises(IntegrityError, match=rule):
        Subscription.objects.filter(pk=subscription.pk).update(**changes)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"kind": "amount"}, "subscription_change_says_what"),
        ({"kind": "day", "amount": 5, "fee_cover": 0}, "subscription_change_says_what"),
        ({"kind": "stop", "next_charge_at": NOW}, "subscription_change_says_what"),
        (
            {"kind": "stop", "done_at": NOW, "dropped_at": NOW},
            "subscription_change_done_or_dropped",
        ),
        ({"kind": "stop"}, "subscription_one_open_change"),
    ],
)
def test_database_refuses_what_no_change_is(fields, rule):
    subscription = make_subscription()
    SubscriptionChange.objects.create(
        subscription=subscription, kind="pause", idempotency_key="k1", asked_at=NOW
    )

    with pytest.raises(IntegrityError, match=rule):
        SubscriptionChange.objects.create(
            subscription=subscription, idempotency_key="k2", asked_at=NOW, **fields
        )


@pytest.mark.parametrize(
    ("state", "donation"), [("paid", False), ("failed", True), ("action", True)]
)
def test_database_refuses_a_month_paid_without_a_donation_or_the_other_way(state, donation):
    with pytest.raises(IntegrityError, match="monthly_charge_paid_is_a_donation"):
        MonthlyCharge.objects.create(
            subscription=make_subscription(),
            stripe_invoice_id="in_1",
            due_on=NOW.date(),
            amount=1,
            state=state,
            donation=factories.make_donation() if donation else None,
            told_at=NOW,
        )


def test_second_subscription_of_one_pledge_is_kept_as_an_error():
    subscription = begin_monthly()
    now = timezone.now()
    completed = StripeEvent.objects.get(type="checkout.session.completed")
    StripeEvent.objects.create(
        event_id="evt_second",
        type="checkout.session.completed",
        object_id=completed.object_id,
        livemode=False,
        created_at=now,
        received_at=now,
        due_at=now,
        facts=completed.facts | {"subscription": "sub_second"},
    )

    catch_up()

    assert errors() == [
        (
            "checkout.session.completed",
            "Its pledge has another subscription already: one of the two is to be ended.",
        )
    ]
    assert Subscription.objects.get() == subscription


# --- Reminders ----------------------------------------------------------------------------------


def test_who_wants_to_be_reminded_is_once_before_each_charge():
    at = NOW + timedelta(days=12)
    wanted = make_subscription(next_charge_at=at + timedelta(days=2), is_reminder_wanted=True)
    make_subscription(next_charge_at=at + timedelta(days=2))
    make_subscription(next_charge_at=at + timedelta(days=5), is_reminder_wanted=True)
    make_subscription(next_charge_at=at + timedelta(days=2), is_reminder_wanted=True, paused_at=NOW)

    monthly.remind_due(at=at)
    monthly.remind_due(at=at + timedelta(hours=1))

    letter = Letter.objects.get()
    assert (letter.kind, letter.pledge, letter.occasion) == (
        "upcoming_charge",
        wanted.pledge,
        (at + timedelta(days=2)).date().isoformat(),
    )


# --- When Stripe does not answer ----------------------------------------------------------------


def break_api(fault, requests=3):
    """So many requests fail; the SDK tries each twice more."""
    SandboxFaults.objects.update_or_create(
        id=SandboxFaults.ONLY, defaults={"api_fault": fault, "api_requests": requests}
    )


@pytest.mark.parametrize("fault", ["error", "times_out", "done_then_error"])
@pytest.mark.parametrize("told_by", ["settle", "webhook and settle"])
def test_wish_that_stripe_did_not_answer_is_kept_and_carried_out_once(fault, told_by):
    subscription = begin_monthly()
    at = timezone.now()
    break_api(fault)

    with pytest.raises(stripe_api.StripeUnavailable):
        monthly.pause(subscription, at=at)
    change = SubscriptionChange.objects.get()
    assert change.is_open
    # Clicked again meanwhile: the same wish, not a second one.
    break_api(fault)
    with pytest.raises(stripe_api.StripeUnavailable):
        monthly.pause(subscription, at=at)
    assert SubscriptionChange.objects.count() == 1

    if told_by.startswith("webhook"):
        catch_up()
    monthly.settle(at=at + timedelta(minutes=3))
    monthly.settle(at=at + timedelta(minutes=4))

    change.refresh_from_db()
    subscription.refresh_from_db()
    assert (change.done_at is not None, change.dropped_at) == (True, None)
    assert subscription.paused_at
    assert at_stripe(subscription)["paused"]


def test_stop_that_stripe_carried_out_without_answering_is_told_by_one_letter():
    subscription = begin_monthly()
    at = timezone.now()
    break_api("done_then_error", 1)

    monthly.stop(subscription, at=at)
    catch_up()

    subscription.refresh_from_db()
    assert not subscription.is_live
    assert SubscriptionChange.objects.get().done_at
    assert kinds() == ["monthly_stopped", "receipt"]


def test_later_wish_takes_the_place_of_one_without_an_answer():
    subscription = begin_monthly(amount="25")
    at = timezone.now()
    break_api("done_then_error")
    with pytest.raises(stripe_api.StripeUnavailable):
        monthly.change_amount(subscription, amount=Decimal(40), covers_fee=False, at=at)

    monthly.change_amount(subscription, amount=Decimal(30), covers_fee=False, at=at)

    assert (subscription.total, at_stripe(subscription)["amount"]) == (Decimal(30), "30.00")
    dropped = SubscriptionChange.objects.get(amount=40)
    assert (dropped.done_at, dropped.dropped_at) == (None, at)


def test_wish_that_stripe_refuses_is_dropped_and_changes_nothing():
    subscription = begin_monthly()
    acts.cancel_subscription(subscription.stripe_subscription_id, {}, at=timezone.now())

    with pytest.raises(stripe_api.StripeRefused):
        monthly.pause(subscription, at=timezone.now())

    subscription.refresh_from_db()
    assert SubscriptionChange.objects.get().dropped_at
    assert not subscription.is_live


def test_events_wait_while_stripe_does_not_say_more_about_them():
    make_monthly()
    now = timezone.now()
    webhooks.catch_up(since=now - timedelta(hours=1), at=now)
    SandboxFaults.objects.create(api_fault="error", api_requests=9, fails_reads=True)

    while webhooks.process_pending(at=now):
        pass
    assert not Donation.objects.exists()
    waiting = StripeEvent.objects.filter(type="invoice.paid").get()
    assert (waiting.attempts, waiting.error, waiting.read_at) == (0, "", None)

    SandboxFaults.objects.all().delete()
    catch_up()
    assert Donation.objects.count() == 1
    assert errors() == []


def test_all_webhooks_lost_come_to_the_same_books():
    subscription = begin_monthly()
    at = renew(subscription, outcome="generic_decline")
    charge = SandboxObject.objects.filter(kind="invoice").newest_first().first()
    acts.pay_invoice(charge.id, at=at, outcome="succeeded")
    monthly.pause(subscription, at=at)

    catch_up(at)

    subscription.refresh_from_db()
    assert Donation.objects.count() == 2
    assert [c.state for c in subscription.charges.all()] == ["paid", "paid"]
    assert subscription.paused_at
    assert errors() == []


@pytest.mark.parametrize("fault", ["error", "times_out"])
def test_stop_without_an_answer_stands_and_nothing_else_is_done_before(fault):
    subscription = begin_monthly()
    at = timezone.now()
    break_api(fault)
    with pytest.raises(stripe_api.StripeUnavailable):
        monthly.stop(subscription, at=at)

    with pytest.raises(monthly.NotPossible, match="ended"):
        monthly.pause(subscription, at=at)
    assert monthly.settle(at=at + timedelta(minutes=3)) == 1

    subscription.refresh_from_db()
    assert not subscription.is_live
    assert kinds() == ["monthly_stopped", "receipt"]


def test_pause_in_the_dashboard_is_learned_and_explains_the_missing_months():
    subscription = begin_monthly()
    name = subscription.stripe_subscription_id
    stripe_api.pause_subscription(name, idempotency_key="dashboard-1")
    catch_up()
    subscription.refresh_from_db()
    assert subscription.paused_at

    stripe_api.resume_subscription(name, idempotency_key="dashboard-2")
    catch_up()

    subscription.refresh_from_db()
    assert subscription.paused_at is None
    changes = SubscriptionChange.objects.order_by("pk")
    assert [(c.kind, c.done_at == c.asked_at) for c in changes] == [
        ("pause", True),
        ("resume", True),
    ]


def test_months_of_a_pause_nobody_heard_of_in_time_are_told_by_their_invoices():
    subscription = begin_monthly()
    name = subscription.stripe_subscription_id
    stripe_api.pause_subscription(name, idempotency_key="dashboard-1")
    acts.renew(name, at=subscription.next_charge_at)
    stripe_api.resume_subscription(name, idempotency_key="dashboard-2")

    # Asked now, Stripe knows of no pause any more.
    catch_up()

    assert not SubscriptionChange.objects.exists()
    assert list(subscription.charges.values_list("state", flat=True)) == ["void", "paid"]
    assert Donation.objects.count() == 1
