"""What the proofs say of books with nothing in them yet, and of monthly gifts whose months are missing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from donations.models import MonthlyCharge, SubscriptionChange
from donations.proofs import prove
from tests.donations.monthly_gifts import make_subscription
from tests.factories import NOW


def wrong():
    return {proof.name: proof.examples for proof in prove() if not proof.holds}


def make_charge(subscription, *, days, donation=None):
    """A month that began so many days from now; tried in vain unless a donation is named."""
    now = timezone.now()
    return MonthlyCharge.objects.create(
        subscription=subscription,
        stripe_invoice_id=f"in_{subscription.pk}_{days}",
        due_on=(now + timedelta(days=days)).date(),
        amount=subscription.amount,
        state="paid" if donation else "failed",
        donation=donation,
        told_at=now,
    )


def test_empty_books_hold(db):
    assert wrong() == {}


@pytest.mark.parametrize(
    ("days", "next_in", "fields", "is_missed"),
    [
        ([-40, -10], 20, {}, False),
        ([-80, -10], 20, {}, True),
        ([-10], 60, {}, True),
        ([-33], -2, {}, False),
        ([-35], -4, {}, True),
        ([], 20, {"created_at": NOW}, True),
        ([], None, {"created_at": NOW, "ended_at": NOW}, False),
        ([-300], None, {"ended_at": NOW}, False),
    ],
)
def test_month_that_was_neither_charged_nor_tried_is_noticed(db, days, next_in, fields, is_missed):
    now = timezone.now()
    planned = None if next_in is None else now + timedelta(days=next_in)
    subscription = make_subscription(next_charge_at=planned, **fields)
    for day in days:
        make_charge(subscription, days=day)

    assert ("months" in wrong()) == is_missed


@pytest.mark.parametrize(
    ("kind", "asked", "is_missed"),
    [("pause", -60, False), ("pause", -90, True), ("stop", -60, True)],
)
def test_month_a_supporter_chose_to_leave_out_is_not_missed(db, kind, asked, is_missed):
    now = timezone.now()
    subscription = make_subscription(next_charge_at=now + timedelta(days=20))
    make_charge(subscription, days=-80)
    make_charge(subscription, days=-10)
    asked_at = now + timedelta(days=asked)
    SubscriptionChange.objects.create(
        subscription=subscription,
        kind=kind,
        idempotency_key="k",
        asked_at=asked_at,
        done_at=asked_at,
    )

    assert ("months" in wrong()) == is_missed
