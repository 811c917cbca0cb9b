"""What Stripe told in vain is found, however long ago, and said in words; what it told is not acted on twice."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from donations import catching_up, checkout, jobs, webhooks
from donations.models import (
    Checkout,
    Donation,
    Entry,
    FraudWarning,
    RefundRequest,
    StripeEvent,
    Subscription,
)
from donations.sandbox import acts
from donations.sandbox.models import SandboxFaults, SandboxObject
from tests import factories
from tests.donations.card_gifts import catch_up, give_by_card
from tests.donations.monthly_gifts import begin_monthly, make_monthly

pytestmark = pytest.mark.django_db
A_DAY = timedelta(days=1)


def forget_events():
    """Stripe keeps its events for thirty days."""
    SandboxObject.objects.events().delete()


def sync(days=1):
    now = timezone.now()
    return catching_up.sync(since=now - timedelta(days=days), at=now)


def grow_old(days, *kinds):
    """Sets the objects of the stand-in back, as if all this had been so long ago."""
    for row in SandboxObject.objects.filter(kind__in=kinds):
        row.created_at -= timedelta(days=days)
        row.data["created"] -= days * 86400
        row.save()


@pytest.fixture
def fund():
    return factories.make_fund(code="sample")


def test_command_says_in_words_what_it_found(fund, capsys):
    session = give_by_card(fund, "100")
    acts.refund(session["payment_intent"], amount=1000, at=timezone.now())
    acts.pay_out("eur", at=timezone.now())

    call_command("sync_stripe")

    assert capsys.readouterr().out.splitlines() == [
        "Events that had not arrived: 3 (payment pages 1, payments 1, refunds 1).",
        "New in the books: 4 entries (donation 1, payout left Stripe 1, processing fee 1, refund 1).",
    ]


def test_command_says_that_nothing_was_missing(fund, capsys):
    give_by_card(fund, "100")
    sync()

    call_command("sync_stripe")

    assert capsys.readouterr().out.splitlines() == [
        "Every event had arrived.",
        "Nothing new in the books.",
    ]


def test_command_names_what_a_person_has_to_look_at(fund, capsys):
    session = give_by_card(fund, "100")
    Checkout.objects.update(amount=99)
    [movement] = SandboxObject.objects.filter(kind="balance_transaction")

    call_command("sync_stripe")

    assert capsys.readouterr().out.splitlines() == [
        "Events that had not arrived: 2 (payment pages 1, payments 1).",
        "Nothing new in the books.",
        f"On Stripe's balance and not placed: {movement.id}: charge without a donation",
        "Events not acted on: 1. The office lists them with their reasons.",
    ]
    assert StripeEvent.objects.get(object_id=session["id"]).refused_at


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01"])
def test_command_refuses_a_bad_day(day):
    with pytest.raises(CommandError, match="write a day like"):
        call_command("sync_stripe", since=day)


def test_command_says_when_stripe_is_away(fund, capsys):
    give_by_card(fund, "100")
    SandboxFaults.objects.create(api_fault="error", api_requests=50, fails_reads=True)

    with pytest.raises(CommandError, match="Nothing is lost"):
        call_command("sync_stripe")

    assert not Entry.objects.exists()


def test_payment_whose_events_stripe_has_forgotten_is_found_by_its_page(fund):
    # Ours is written down before Stripe makes its own.
    created_at = timezone.now() - 40 * A_DAY
    give_by_card(fund, "100")
    forget_events()
    grow_old(40, "checkout.session")
    Checkout.objects.update(created_at=created_at, expires_at=created_at)

    jobs._ask_again()
    catching_up.act(at=timezone.now())

    assert Donation.objects.get().amount == 100
    assert Checkout.objects.get().completed_at
    assert checkout.look_up(at=timezone.now()) is None


def test_page_whose_event_was_refused_is_asked_about_ever_more_seldom(fund):
    give_by_card(fund, "100")
    Checkout.objects.update(amount=99)
    over = Checkout.objects.get().expires_at
    minutes = [
        minute
        for minute in range(1, 61)
        if checkout.look_up(at=over + timedelta(minutes=minute)) is not None
    ]

    assert minutes == [3, 6, 12, 24, 48]


def test_month_whose_events_stripe_has_forgotten_is_found():
    subscription = begin_monthly()
    acts.renew(subscription.stripe_subscription_id, at=subscription.next_charge_at)
    forget_events()
    # Forty days later nothing was heard of that month.
    grow_old(69, "invoice")
    planned = timezone.now() - 40 * A_DAY
    Subscription.objects.update(next_charge_at=planned)

    found = catching_up.sync_far(at=timezone.now())

    subscription.refresh_from_db()
    assert Donation.objects.count() == 2
    assert subscription.next_charge_at > timezone.now()
    assert found.read["invoice.paid"] == 1
    assert catching_up.sync_far(at=timezone.now()).booked.total() == 0


def test_end_whose_event_stripe_has_forgotten_is_found():
    subscription = begin_monthly()
    acts.cancel_subscription(subscription.stripe_subscription_id, {}, at=timezone.now())
    forget_events()
    Subscription.objects.update(next_charge_at=timezone.now() - 40 * A_DAY)

    catching_up.sync_far(at=timezone.now())

    subscription.refresh_from_db()
    assert not subscription.is_live
    assert webhooks.ask_after_overdue(at=timezone.now()) is None


def test_first_month_whose_events_stripe_has_forgotten_is_found():
    make_monthly()
    forget_events()
    grow_old(40, "checkout.session", "invoice", "subscription")

    sync(days=41)

    assert Donation.objects.get().monthly_charge.state == "paid"


def test_warning_of_fraud_that_a_sync_brought_is_answered(fund):
    session = give_by_card(fund, "100")
    acts.warn(session["payment_intent"], at=timezone.now())

    sync()

    assert FraudWarning.objects.get().answer == "refund"
    assert RefundRequest.objects.get().amount == 100


def test_what_arrived_in_time_is_not_found_again(fund):
    give_by_card(fund, "100")
    catch_up()

    found = sync()

    assert (found.told.total(), found.read.total(), found.booked.total()) == (0, 0, 0)


@pytest.mark.parametrize("job", [jobs.sync_stripe, jobs.sync_stripe_nightly])
def test_timetable_finds_what_was_lost_and_waits_for_stripe_to_come_back(fund, job, caplog):
    session = give_by_card(fund, "100")
    acts.refund(session["payment_intent"], amount=1000, at=timezone.now())
    SandboxFaults.objects.create(api_fault="error", api_requests=3, fails_reads=True)

    job(timestamp=0)
    assert not Entry.objects.exists()
    assert "trying again at the next turn" in caplog.text
    job(timestamp=0)
    job(timestamp=0)

    kinds = Entry.objects.order_by("kind").values_list("kind", flat=True)
    assert list(kinds) == ["donation", "fee", "refund"]
