"""Webhooks over real HTTP: signed, retried after ever longer pauses, given up at last."""

import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import stripe
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from donations import stripe_api
from donations.sandbox import acts, deliveries, events
from donations.sandbox.models import SandboxDelivery, SandboxObject
from tests.sandbox.steps import left, open_session, paid

pytestmark = pytest.mark.django_db


@pytest.fixture
def door():
    """A real web server that answers what `answers` says, the last of them for ever; and keeps what it got."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.got.append((self.path, body, self.headers))
            answers = self.server.answers
            status = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere/")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Door)
    server.answers, server.got = [200], []
    server.url = f"http://127.0.0.1:{server.server_port}/stripe/webhook/"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_webhook_is_an_event_that_the_sdk_and_we_accept(door):
    session = paid()

    assert deliveries.deliver_due(at=timezone.now(), url=door.url) == 2

    # First the payment, then the page it was made on.
    (path, body, headers) = door.got[-1]
    signature = headers["Stripe-Signature"]
    event = stripe_api.client().construct_event(body, signature, settings.STRIPE_WEBHOOK_SECRETS[0])
    assert (path, event.type, event.data.object.id) == (
        "/stripe/webhook/",
        "checkout.session.completed",
        session["id"],
    )
    assert stripe.WebhookSignature.verify_header(body, signature, "whsec_sandbox", tolerance=300)
    assert headers["Host"] == settings.SITE_URL.split("//")[1]
    ours = stripe_api.parse_event(body, signature)
    assert (ours.object_type, ours.facts["payment_status"]) == ("checkout.session", "paid")
    # Somebody's details are in what is sent, and not in what we keep.
    assert b"somebody@example.org" in body
    assert "somebody" not in str(ours.facts).lower()
    delivery = SandboxDelivery.objects.latest("pk")
    assert (delivery.attempts, delivery.last_answer, delivery.delivered_at is not None) == (
        1,
        "200",
        True,
    )


def test_webhook_not_taken_is_tried_again_and_once_taken_never_again(door):
    door.answers = [500, 302, 200]
    session = left()
    now = timezone.now()

    tries = [
        deliveries.deliver_due(at=now + timedelta(seconds=s), url=door.url)
        for s in (0, 1, 2, 5, 6, 3600)
    ]

    # Due after two seconds, then after four more; a redirect is no answer.
    assert tries == [0, 0, 0, 0, 1, 0]
    assert [path for path, _b, _h in door.got] == ["/stripe/webhook/"] * 3
    assert len({body for _p, body, _h in door.got}) == 1
    delivery = SandboxDelivery.objects.get()
    assert (delivery.attempts, delivery.last_answer) == (3, "200")
    assert session["id"] == delivery.event.data["data"]["object"]["id"]


def test_closed_door_is_tried_again_and_given_up_at_last():
    left()
    at = timezone.now()

    for _i in range(deliveries.MAX_ATTEMPTS + 3):
        assert deliveries.deliver_due(at=at, url="http://127.0.0.1:9/") == 0
        at += timedelta(hours=2)

    delivery = SandboxDelivery.objects.get()
    assert (delivery.attempts, delivery.last_answer) == (
        deliveries.MAX_ATTEMPTS,
        "ConnectionRefusedError",
    )
    assert (delivery.delivered_at, delivery.given_up_at is not None) == (None, True)
    assert deliveries.next_due(after=timezone.now()) is None


def test_pauses_grow_to_an_hour():
    paid()
    at, pauses = timezone.now(), []

    for _i in range(deliveries.MAX_ATTEMPTS - 1):
        deliveries.deliver_due(at=at, post=lambda *_sent: 503)
        due = deliveries.next_due(after=at)
        pauses.append((due - at).total_seconds())
        at = due

    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_held_open_while_a_webhook_is_on_its_way():
    """Whoever else delivers meanwhile leaves it alone; one who is killed meanwhile leaves it for later."""
    left()
    at, others = timezone.now(), []

    def killed_on_the_way(*_sent):
        assert not transaction.get_connection().in_atomic_block
        others.append(deliveries.deliver_due(at=at, post=lambda *_sent: 200))
        raise SystemExit

    with pytest.raises(SystemExit):
        deliveries.deliver_due(at=at, post=killed_on_the_way)

    assert others == [0]
    assert deliveries.deliver_due(at=at + timedelta(seconds=29), post=lambda *_sent: 200) == 0
    assert deliveries.deliver_due(at=at + timedelta(seconds=30), post=lambda *_sent: 200) == 1


def test_event_can_be_delivered_again_and_one_nobody_asked_for_at_all(door):
    paid()
    deliveries.deliver_due(at=timezone.now(), url=door.url)
    for event in SandboxObject.objects.events().filter(
        data__type__in=["checkout.session.completed", "charge.succeeded"]
    ):
        events.deliver_again(event, at=timezone.now())

    assert deliveries.deliver_due(at=timezone.now(), url=door.url) == 2
    assert len({body for _p, body, _h in door.got}) == 3


def test_webhooks_go_out_in_the_order_they_fell_due(door):
    first, second = open_session(), open_session()
    acts.expire(second.id, at=timezone.now())
    acts.expire(first.id, at=timezone.now())

    deliveries.deliver_due(at=timezone.now(), url=door.url)

    assert [second.id, first.id] == [
        stripe_api.parse_event(body, headers["Stripe-Signature"]).object_id
        for _p, body, headers in door.got
    ]


@pytest.mark.django_db(transaction=True)
def test_webhook_of_what_was_rolled_back_is_never_sent():
    session = open_session()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        acts.pay(session.id, at=timezone.now())
        raise ZeroDivisionError

    assert not SandboxDelivery.objects.exists()
