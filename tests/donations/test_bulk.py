"""Many changed rows in one statement, each with its own values, and nothing cut off on the way."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DataError, IntegrityError, transaction

from donations.models import Donation, Letter, MonthlyCharge, Refund, StripeEvent, bulk
from tests import factories
from tests.donations.monthly_gifts import make_subscription
from tests.factories import NOW, TODAY

pytestmark = pytest.mark.django_db


def test_each_row_gets_its_own_values_of_every_kind(django_assert_num_queries):
    first, second, third = (factories.make_event(facts={"n": n}) for n in range(3))
    first.facts, first.processed_at, first.error = {"a": ["é", None, {"b": 1}]}, NOW, ""
    second.attempts, second.error, second.due_at = 3, "no \\ 'good'\n", NOW + timedelta(days=1)

    with django_assert_num_queries(1):
        bulk.write([first, second], ["facts", "processed_at", "attempts", "error", "due_at"])

    kept = StripeEvent.objects.in_bulk()
    for row in (first, second, third):
        for field in StripeEvent._meta.concrete_fields:
            assert getattr(kept[row.pk], field.attname) == getattr(row, field.attname)


def test_links_amounts_and_days_are_written():
    donation, subscription = factories.make_donation(), make_subscription()
    charge = MonthlyCharge.objects.create(
        subscription=subscription,
        stripe_invoice_id="in_1",
        due_on=TODAY,
        amount=Decimal(25),
        state="failed",
        told_at=NOW,
    )
    charge.state, charge.donation, charge.amount = "paid", donation, Decimal("0.001")
    charge.due_on = TODAY + timedelta(days=1)

    bulk.write([charge], ["state", "donation", "amount", "due_on"])

    charge.refresh_from_db()
    assert (charge.state, charge.donation, charge.amount, charge.due_on) == (
        "paid",
        donation,
        Decimal("0.001"),
        TODAY + timedelta(days=1),
    )


def test_link_to_a_row_that_was_saved_after_it_was_linked_is_written():
    charge = MonthlyCharge.objects.create(
        subscription=make_subscription(),
        stripe_invoice_id="in_1",
        due_on=TODAY,
        amount=Decimal(25),
        state="failed",
        told_at=NOW,
    )
    donation = factories.make_donation()
    donation.pk = None
    charge.state, charge.donation = "paid", donation
    donation.source, donation.stripe_payment_intent_id = "stripe:pi_new", "pi_new"
    Donation.objects.bulk_create([donation])

    bulk.write([charge], ["state", "donation"])

    assert MonthlyCharge.objects.get().donation == donation


def test_nothing_to_write_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        bulk.write([], ["error"])


def test_rows_that_are_gone_are_passed_over():
    letter = factories.make_receipt()
    Letter.objects.all().delete()

    bulk.write([letter], ["error"])

    assert not Letter.objects.exists()


def test_what_the_column_refuses_is_refused_and_not_cut_off():
    event = factories.make_event()
    event.type = "x" * 101
    with pytest.raises(DataError), transaction.atomic():
        bulk.write([event], ["type"])

    refund = Refund.objects.create(
        donation=Donation.objects.first() or factories.make_donation(),
        amount=5,
        refunded_at=NOW,
        stripe_refund_id="re_1",
    )
    refund.amount = -5
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.write([refund], ["amount"])


def test_new_keys_are_nobody_elses():
    before = factories.make_event().pk

    keys = bulk.new_keys(StripeEvent, 3)

    assert len({before, *keys, factories.make_event().pk}) == 5
    assert bulk.new_keys(StripeEvent, 0) == []
