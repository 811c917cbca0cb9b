import itertools
import json
import time

import pytest
from django.db import connection

from donations.models import StripeEvent
from tests import factories, stripe_events
from tests.benchmarks.conftest import in_turns
from tests.benchmarks.urls import TABLE
from tests.stripe_events import event, signed

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.urls("tests.benchmarks.urls"),
    pytest.mark.django_db(transaction=True),
]
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
