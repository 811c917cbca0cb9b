"""What goes wrong on purpose, and that the fund's own calls live through it."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
import stripe
from django.db import IntegrityError, transaction
from django.utils import timezone

from donations import stripe_api
from donations.sandbox import acts, deliveries, faults
from donations.sandbox.models import SandboxDelivery, SandboxFaults, SandboxObject
from tests.sandbox.steps import in_minutes, left, open_session, paid

pytestmark = pytest.mark.django_db
Api = SandboxFaults.Api


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch):
    """The SDK pauses half a second and more between its tries."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0)


def set_faults(**fields):
    faults.reset()
    SandboxFaults.objects.create(**fields)


def sent(at):
    """The types of the events delivered at an instant, in the order they went out."""
    types = []

    def post(_url, body, headers):
        types.append(stripe_api.parse_event(body, headers["Stripe-Signature"]).type)
        return 200

    deliveries.deliver_due(at=at, post=post)
    return types


# --- Webhooks -----------------------------------------------------------------------------------


def test_nothing_goes_wrong_unless_it_was_asked_for():
    assert not faults.current().goes_wrong()
    paid()

    assert sent(timezone.now()) == ["payment_intent.succeeded", "checkout.session.completed"]


def test_every_webhook_goes_out_twice():
    set_faults(is_twice=True)
    left()

    assert sent(timezone.now()) == ["checkout.session.expired"] * 2


def test_webhooks_go_out_late():
    set_faults(late_seconds=60)
    at = timezone.now()
    acts.expire(open_session().id, at=at)

    assert sent(at + timedelta(seconds=59)) == []
    assert sent(at + timedelta(seconds=60)) == ["checkout.session.expired"]


def test_the_newest_webhook_goes_first():
    payment = paid()["payment_intent"]
    sent(timezone.now())
    set_faults(is_out_of_order=True)
    at = timezone.now()

    acts.refund(payment, amount=100, at=at)
    acts.open_dispute(payment, at=at)

    assert sent(at) == []
    assert sent(at + timedelta(seconds=2)) == [
        "charge.dispute.funds_withdrawn",
        "charge.dispute.created",
        "charge.refunded",
        "refund.created",
    ]


@pytest.mark.parametrize(("percent", "delivered"), [(0, 30), (100, 0)])
def test_all_or_no_webhooks_are_lost(percent, delivered):
    set_faults(drop_percent=percent)
    payment = paid("100")["payment_intent"]
    for _i in range(14):
        acts.refund(payment, amount=1, at=timezone.now())

    assert len(sent(timezone.now())) == delivered
    # They stand in Stripe's list all the same, as not delivered.
    missed = stripe_api.client().v1.events.list(
        {"delivery_success": False, "type": "refund.created", "limit": 100}
    )
    assert len(missed.data) == (14 if percent else 0)


def test_some_webhooks_are_lost():
    set_faults(drop_percent=50)
    payment = paid("100")["payment_intent"]
    for _i in range(50):
        acts.refund(payment, amount=1, at=timezone.now())

    lost = SandboxDelivery.objects.filter(last_answer=faults.DROPPED).count()
    assert 20 < lost < 80


def test_button_delivers_whatever_the_faults():
    set_faults(drop_percent=100)
    paid()
    event = SandboxObject.objects.events().get(data__type="checkout.session.completed")
    faults.reset()
    from_now_on = timezone.now()
    SandboxDelivery.objects.create(event=event, due_at=from_now_on)

    assert sent(from_now_on) == ["checkout.session.completed"]


# --- The API ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", Api.values)
@pytest.mark.parametrize("requests", [1, 2])
def test_one_or_two_failures_are_overcome_by_asking_again(fault, requests):
    set_faults(api_fault=fault, api_requests=requests)

    session = open_session()

    assert session.status == "open"
    assert SandboxObject.objects.sessions().count() == 1
    assert not faults.current().goes_wrong()


@pytest.mark.parametrize(
    ("fault", "done"), [(Api.ERROR, 0), (Api.TIMES_OUT, 0), (Api.DONE_THEN_ERROR, 1)]
)
def test_three_failures_are_felt_and_the_same_key_finds_what_was_done(fault, done):
    from_form = {"idempotency_key": "gift-1", "expires_at": in_minutes(40), "pledge_uuid": "p"}
    set_faults(api_fault=fault, api_requests=3)

    with pytest.raises(stripe_api.StripeUnavailable):
        open_session(**from_form)
    assert SandboxObject.objects.sessions().count() == done
    session = open_session(**from_form)

    assert SandboxObject.objects.sessions().get().id == session.id


def test_refund_done_and_answered_with_an_error_is_made_once():
    payment = paid("25")["payment_intent"]
    set_faults(api_fault=Api.DONE_THEN_ERROR, api_requests=3)
    asked = {"idempotency_key": "refund-1", "payment_intent_id": payment, "currency": "EUR"}
    asked |= {"number": uuid4(), "amount": Decimal(25)}

    with pytest.raises(stripe_api.StripeUnavailable):
        stripe_api.refund(**asked)
    made = stripe_api.refund(**asked)

    assert SandboxObject.objects.get(kind="refund").id == made["id"]


def test_reading_fails_only_when_it_is_asked_for():
    session = open_session()
    set_faults(api_fault=Api.ERROR, api_requests=3)
    assert stripe_api.retrieve_session(session.id).id == session.id
    assert faults.current().api_requests == 3

    set_faults(api_fault=Api.TIMES_OUT, api_requests=3, fails_reads=True)
    with pytest.raises(stripe_api.StripeUnavailable):
        stripe_api.retrieve_session(session.id)
    assert stripe_api.retrieve_session(session.id).id == session.id


@pytest.mark.parametrize(
    "fields",
    [
        {"id": 2},
        {"drop_percent": 101},
        {"late_seconds": 86_401},
        {"api_fault": "error", "api_requests": 0},
        {"api_fault": "", "api_requests": 1},
        {"api_fault": "explodes", "api_requests": 1},
    ],
)
def test_database_holds_one_row_of_faults_that_can_be(fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        SandboxFaults.objects.create(**fields)
