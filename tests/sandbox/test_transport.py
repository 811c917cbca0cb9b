"""The stand-in as the SDK's transport: who may ask, and what asking twice does."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
import stripe
from django.db import transaction
from django.utils import timezone

from donations import stripe_api
from donations.sandbox import transport
from donations.sandbox.models import SandboxObject, SandboxRequest
from donations.sandbox.transport import SandboxHTTPClient
from tests.sandbox.steps import create, in_minutes, open_session
from tests.threads import in_parallel

pytestmark = pytest.mark.django_db


def same_facts():
    return {"idempotency_key": "key", "pledge_uuid": uuid4(), "expires_at": in_minutes(40)}


def test_repeated_key_gives_the_same_session():
    facts = same_facts()

    assert open_session(**facts) == open_session(**facts)
    assert SandboxObject.objects.count() == 1


def test_repeated_key_with_other_facts_is_refused():
    facts = same_facts()
    open_session(**facts)

    with pytest.raises(stripe_api.StripeRefused, match="IdempotencyError"):
        open_session(**facts | {"amount": Decimal(30)})
    assert SandboxObject.objects.count() == 1


def test_refused_request_can_be_mended_under_the_same_key():
    facts = same_facts()
    with pytest.raises(stripe_api.StripeRefused, match="amount_too_large"):
        open_session(**facts | {"amount": Decimal(1_000_000)})

    assert open_session(**facts).amount == Decimal("25.50")


def test_key_is_forgotten_after_a_day():
    facts = same_facts()
    first = open_session(**facts)
    SandboxRequest.objects.update(created_at=timezone.now() - timedelta(hours=24))
    second = open_session(**facts)

    assert first.id != second.id
    assert transport.forget_old_answers(at=timezone.now()) == 0
    assert transport.forget_old_answers(at=timezone.now() + timedelta(hours=24)) == 1
    assert not SandboxRequest.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_same_key_at_once_opens_one_session():
    facts = same_facts()

    sessions = in_parallel(6, lambda _number: open_session(**facts).id)

    session = SandboxObject.objects.get(kind="checkout.session")
    assert sessions == [session.id] * 6


@pytest.mark.django_db(transaction=True)
def test_stripe_is_not_asked_within_a_transaction():
    """What Stripe did stays done when we roll back, so a verb that could undo it must not ask."""
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        open_session()


def test_other_key_and_other_version_are_refused():
    with pytest.raises(stripe.AuthenticationError) as refusal:
        stripe.StripeClient(
            "sk_live_of_nobody", http_client=SandboxHTTPClient()
        ).v1.balance.retrieve()
    with pytest.raises(stripe.InvalidRequestError, match="speaks version"):
        stripe_api.client().v1.balance.retrieve({}, {"stripe_version": "2020-08-27"})

    assert refusal.value.request_id.startswith("req_")


def test_asynchronous_calls_are_answered_too():
    call = SandboxHTTPClient().request_async(
        "get", "https://api.stripe.com/v1/nothing", {"Authorization": "Bearer x"}
    )

    # Answered at once: there is nothing to wait for, so no loop is needed.
    with pytest.raises(StopIteration) as answered:
        call.send(None)
    body, status, headers = answered.value.value

    assert (status, b"Invalid API Key" in body, list(headers)) == (401, True, ["request-id"])


def test_unknown_object_and_unknown_address_are_404():
    client = stripe_api.client()
    for call in (
        lambda: client.v1.charges.retrieve("ch_none"),
        lambda: client.v1.customers.retrieve("cus_none"),
        lambda: client.v1.checkout.sessions.expire("cs_none"),
        lambda: client.v1.checkout.sessions.line_items.list("cs_none"),
        lambda: client.v1.refunds.create({"payment_intent": "pi_none"}),
        lambda: client.v1.subscriptions.cancel("sub_none"),
        lambda: client.v1.coupons.list(),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            call()
        assert refusal.value.http_status == 404


def test_random_key_of_the_sdk_makes_each_call_a_new_one():
    assert create().id != create().id
