from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone, translation
from procrastinate.contrib.django.models import ProcrastinateJob

from donations import checkout, pausing
from donations.models import Checkout, Decline, PaymentPause
from donations.sandbox import acts
from donations.tokens import gift_path
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

CARD = PaymentPause.Method.CARD
HOUR = timedelta(hours=1)


def decline(count, *, at=NOW, currency="EUR", pledge=None):
    first = Decline.objects.count()
    Decline.objects.bulk_create(
        Decline(pledge=pledge, currency=currency, declined_at=at, source=f"stripe:ch_{number}")
        for number in range(first, first + count)
    )


def pause(**fields):
    return pausing.pause(
        **{
            "method": CARD,
            "currency": "EUR",
            "reason": "Sample.",
            "by": factories.make_user(),
            "at": NOW,
        }
        | fields
    )


def test_pause_shuts_one_method_in_one_currency():
    made = pause()

    assert PaymentPause.objects.paused_methods("EUR") == {"card"}
    assert PaymentPause.objects.paused_methods("USD") == frozenset()
    with pytest.raises(pausing.AlreadyPaused):
        pause()
    assert PaymentPause.objects.get() == made


def test_reopened_way_can_be_paused_again():
    made, by = pause(), factories.make_user()

    pausing.reopen(made, reason=" Calm. ", by=by, at=NOW + HOUR)

    made.refresh_from_db()
    assert (made.reopened_at, made.reopened_by, made.reopening_reason) == (NOW + HOUR, by, "Calm.")
    assert PaymentPause.objects.paused_methods("EUR") == frozenset()
    with pytest.raises(pausing.AlreadyOpen):
        pausing.reopen(made, reason="Again.", by=by, at=NOW + HOUR)
    assert pause(at=NOW + HOUR).pk != made.pk


def test_neither_goes_without_a_reason():
    with pytest.raises(pausing.NoReason):
        pause(reason="  ")
    made = pause()
    with pytest.raises(pausing.NoReason):
        pausing.reopen(made, reason="", by=factories.make_user(), at=NOW)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"reason": ""}, "payment_pause_with_reason"),
        ({"reopened_at": NOW}, "payment_pause_reopened_by_a_person"),
        ({"reopening_reason": "x"}, "payment_pause_reopened_by_a_person"),
    ],
)
def test_database_refuses_half_a_pause(changes, constraint):
    fields = {"method": CARD, "currency": "EUR", "reason": "x", "paused_at": NOW} | changes

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        PaymentPause.objects.create(**fields)


def test_database_refuses_an_end_before_the_beginning():
    made = pause()

    with pytest.raises(IntegrityError, match="ends_after"), transaction.atomic():
        pausing.reopen(made, reason="x", by=factories.make_user(), at=NOW - HOUR)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE donations_paymentpause SET reason = 'other'",
        "UPDATE donations_paymentpause SET paused_by_id = NULL",
        "DELETE FROM donations_paymentpause",
    ],
)
def test_database_keeps_a_pause_as_it_was(change):
    pause()

    with (
        pytest.raises(IntegrityError, match="ended by reopening"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)


def test_ended_pause_is_final():
    made = pausing.reopen(pause(), reason="x", by=factories.make_user(), at=NOW)
    made.reopening_reason = "other"

    with pytest.raises(IntegrityError, match="ended by reopening"), transaction.atomic():
        made.save(update_fields=["reopening_reason"])


# --- By itself ----------------------------------------------------------------------------------


def test_most_cards_declined_shuts_the_currency_and_no_other():
    decline(20)
    decline(19, currency="USD")

    (made,) = pausing.pause_what_fails(at=NOW + HOUR / 2)

    assert (made.method, made.currency, made.paused_by, made.paused_at) == (
        "card",
        "EUR",
        None,
        NOW + HOUR / 2,
    )
    # In no language; each reader has it in theirs.
    assert made.reason == "20 of 20 in 1 h"
    assert made.why == "20 of 20 cards were declined within 1 h."
    with translation.override("es"):
        assert made.why == "Se rechazaron 20 de 20 tarjetas en 1 h."
    # Once is enough.
    assert pausing.pause_what_fails(at=NOW + HOUR / 2) == []


def test_busy_hour_with_many_gifts_shuts_nothing():
    decline(20)
    for _i in range(7):
        factories.make_donation(received_at=NOW)

    assert pausing.pause_what_fails(at=NOW + HOUR / 2) == []


def test_slow_testing_is_found_within_a_day():
    for hours in range(12):
        decline(4, at=NOW + hours * HOUR)
    assert pausing.pause_what_fails(at=NOW + 12 * HOUR) == []

    decline(12, at=NOW + 12 * HOUR)

    (made,) = pausing.pause_what_fails(at=NOW + 12 * HOUR)
    assert made.why == "60 of 60 cards were declined within 24 h."


def test_after_reopening_the_count_begins_anew():
    decline(30)
    (made,) = pausing.pause_what_fails(at=NOW)
    pausing.reopen(made, reason="Calm.", by=factories.make_user(), at=NOW + HOUR / 4)

    assert pausing.pause_what_fails(at=NOW + HOUR / 4) == []
    decline(20, at=NOW + HOUR / 2)
    assert len(pausing.pause_what_fails(at=NOW + HOUR / 2)) == 1


def test_quiet_times_cost_one_query(django_assert_num_queries):
    with django_assert_num_queries(1):
        pausing.pause_what_fails(at=NOW)


def test_each_treasurer_is_told_and_nobody_else(inbox):
    factories.make_user("tess", "treasurer", email="tess@example.org")
    factories.make_user("tom", "treasurer", email="tom@example.org")
    factories.make_user("gone", "treasurer", email="gone@example.org", is_active=False)
    factories.make_user("mute", "treasurer")
    factories.make_user("omar", "organizer", email="omar@example.org")
    decline(20)
    (made,) = pausing.pause_what_fails(at=NOW)

    jobs = ProcrastinateJob.objects.filter(task_name="tell_of_pause")
    assert {job.args["pause_id"] for job in jobs} == {made.pk}
    for job in jobs:
        pausing.tell_of_pause(**job.args)

    assert sorted(recipients[0] for recipients, _text in inbox.messages) == [
        "tess@example.org",
        "tom@example.org",
    ]
    text = inbox.messages[0][1]
    assert "Card payments in EUR are paused" in text
    assert "20 of 20 cards were declined within 1 h." in text
    assert "/admin/donations/paymentpause/" in text


def test_nobody_to_tell_is_an_error_in_the_log(caplog):
    decline(20)
    pausing.pause_what_fails(at=NOW)

    assert "No treasurer has an address" in caplog.text


# --- One page, many cards -----------------------------------------------------------------------


def test_page_on_which_many_cards_were_tried_is_closed():
    now = timezone.now()
    pledge, other = factories.make_pledge(), factories.make_pledge()
    url, other_url = checkout.start(pledge, at=now), checkout.start(other, at=now)
    decline(Checkout.MOST_DECLINES, pledge=pledge)
    decline(Checkout.MOST_DECLINES - 1, pledge=other)

    assert pausing.close_tried_pages(at=now) == 1
    # It is closed at Stripe; until its event came, asking again does nothing.
    assert pausing.close_tried_pages(at=now) == 0

    with pytest.raises(checkout.TooManyDeclines):
        checkout.start(pledge, at=now)
    assert checkout.start(other, at=now) == other_url != url


def test_page_paid_in_the_meantime_stays_paid():
    now = timezone.now()
    pledge = factories.make_pledge()
    checkout.start(pledge, at=now)
    decline(Checkout.MOST_DECLINES, pledge=pledge)
    acts.pay(pledge.checkouts.get().stripe_session_id, at=now)

    assert pausing.close_tried_pages(at=now) == 0


def test_page_of_an_unpaid_gift_offers_no_payment_that_is_paused(client):
    pledge = factories.make_pledge(language="en")
    pausing.pause(method="card", currency="EUR", reason="x", by=factories.make_user(), at=NOW)

    def answer():
        return client.post(f"{gift_path(pledge)}pay/").content.decode()

    assert "Card payments in EUR are paused" in answer()
    assert "Go to the payment" not in answer()
    assert "whenever you like" not in answer()
    assert "Go to the payment" in client.get(gift_path(pledge)).content.decode()
