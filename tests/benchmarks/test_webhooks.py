import itertools
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from donations import webhooks
from donations.models import Donation, Letter, StripeEvent
from tests import factories, stripe_events
from tests.benchmarks.conftest import in_turns
from tests.benchmarks.urls import TABLE
from tests.stripe_events import event, signed

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.urls("tests.benchmarks.urls"),
    pytest.mark.django_db(transaction=True),
]
LATER = datetime(2030, 1, 1, tzinfo=UTC)
numbers = itertools.count()


@pytest.fixture(autouse=True)
def table():
    with connection.cursor() as cursor:
        cursor.execute(TABLE)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_event")


@pytest.fixture
def body():
    """An event of a paid session, about 3 kB like Stripe's own."""
    checkout = factories.make_checkout()
    subject = stripe_events.session(checkout) | {"description": "x" * 2000}
    return event("checkout.session.completed", subject, id="evt_0")


def poster(client, path, payload, *, fresh):
    """Posts the event, each time under a new id if `fresh`; signing is not part of what is measured."""
    prepared = iter(
        [
            signed(payload | {"id": f"evt_{next(numbers)}"} if fresh else payload)
            for _i in range(8 * 200 if fresh else 1)
        ]
    )
    once = None if fresh else next(prepared)

    def post():
        raw, header = next(prepared) if fresh else once
        response = client.post(
            path, raw, content_type="application/json", headers={"Stripe-Signature": header}
        )
        assert response.status_code == 200

    return post


def test_new_event_against_a_bare_view(client, body, row):
    rates = in_turns(
        poster(client, "/stripe/webhook/", body, fresh=True),
        poster(client, "/bench/hook/", body, fresh=True),
        200,
    )

    row("webhook, new event / bare view", f"{rates.ratio:.2f}", "≥ 0.80", f"{rates.ours:.0f}/s")
    assert rates.ratio >= 0.8


def test_known_event_against_a_bare_view(client, body, row):
    rates = in_turns(
        poster(client, "/stripe/webhook/", body, fresh=False),
        poster(client, "/bench/hook/", body, fresh=False),
        200,
    )

    row("webhook, known event / bare view", f"{rates.ratio:.2f}", "≥ 0.90", f"{rates.ours:.0f}/s")
    assert rates.ratio >= 0.9


def test_bad_signature_against_hello(client, body, row):
    raw = json.dumps(body).encode()
    header = {"Stripe-Signature": f"t={int(time.time())},v1={'0' * 64}"}

    def ours():
        assert (
            client.post(
                "/stripe/webhook/", raw, content_type="application/json", headers=header
            ).status_code
            == 400
        )

    def reference():
        client.post("/bench/hello/", raw, content_type="application/json", headers=header)

    rates = in_turns(ours, reference, 200)

    row("webhook, bad signature / hello", f"{rates.ratio:.2f}", "≥ 0.90", f"{rates.ours:.0f}/s")
    assert StripeEvent.objects.count() == 0
    assert rates.ratio >= 0.9


def test_processing_stored_events(client, row):
    fund, appeal = factories.make_fund(), factories.make_appeal()
    rows = []
    created = datetime.fromtimestamp(stripe_events.CREATED, UTC)
    for number in range(1000):
        pledge = factories.make_pledge(
            appeal, fund, supporter=factories.make_supporter(f"p{number}@example.org")
        )
        checkout = factories.make_checkout(pledge)
        for kind in ("checkout.session.completed", "payment_intent.succeeded"):
            subject = {
                "amount_total": str(pledge.amount),
                "currency": "EUR",
                "payment_status": "paid",
                "payment_intent": f"pi_{number}",
                "metadata": {"pledge": str(pledge.uuid)},
            }
            rows.append(
                StripeEvent(
                    event_id=f"evt_{kind}_{number}",
                    type=kind,
                    object_id=str(checkout.stripe_session_id),
                    livemode=False,
                    created_at=created + timedelta(seconds=number),
                    received_at=created,
                    due_at=created,
                    facts=subject,
                )
            )
    StripeEvent.objects.bulk_create(rows)

    started = time.perf_counter()
    with CaptureQueriesContext(connection) as queries:
        while webhooks.process_pending(at=LATER):
            pass
    seconds = time.perf_counter() - started

    assert Donation.objects.count() == Letter.objects.count() == 1000
    rate, each = len(rows) / seconds, len(queries) / len(rows)
    row("events stored, booked, receipted", f"{rate:.0f}/s", "≥ 250/s", "one worker")
    row("queries an event", f"{each:.2f}", "≤ 6", "in batches")
    assert rate >= 250
    assert each <= 6
