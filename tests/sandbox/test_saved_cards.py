"""A card left for later, and charged without the supporter."""

import pytest
import stripe
from django.utils import timezone

from donations import stripe_api
from donations.sandbox import acts
from donations.sandbox.models import SandboxObject
from tests.sandbox.steps import create, event_types, kept_card, told_since

pytestmark = pytest.mark.django_db


def api():
    return stripe_api.client().v1


def charge(wish, key=None, **changes):
    params = {
        "amount": 2500,
        "currency": "eur",
        "customer": wish.customer,
        "payment_method": wish.payment_method,
        "off_session": True,
        "confirm": True,
        "metadata": {"pledge": "p-1"},
    }
    options = {"idempotency_key": key} if key else {}
    return api().payment_intents.create(params | changes, options)


def test_keeping_a_card_takes_no_money_and_leaves_customer_and_card():
    wish = kept_card(metadata={"pledge": "p-1"}, setup_intent_data={"metadata": {"pledge": "p-1"}})

    [session] = api().checkout.sessions.list().data
    assert (session.status, session.payment_status, session.amount_total) == (
        "complete",
        "no_payment_required",
        None,
    )
    assert (session.setup_intent, session.customer, session.metadata.pledge) == (
        wish.id,
        wish.customer,
        "p-1",
    )
    assert (wish.status, wish.usage, wish.metadata.pledge) == ("succeeded", "off_session", "p-1")
    [card] = api().payment_methods.list({"customer": wish.customer}).data
    assert (card.id, card.card.last4) == (wish.payment_method, "4242")
    assert event_types() == [
        "customer.created",
        "payment_method.attached",
        "setup_intent.created",
        "setup_intent.succeeded",
        "checkout.session.completed",
    ]


def test_card_the_bank_declines_is_not_kept():
    opened = api().checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "eur",
            "customer": api().customers.create({}).id,
            "success_url": "http://127.0.0.1/ok",
        }
    )
    acts.decline(opened.id, code="generic_decline", at=timezone.now())

    [wish] = api().setup_intents.list().data
    assert (wish.status, wish.last_setup_error.code) == ("requires_payment_method", "card_declined")
    assert event_types()[-1] == "setup_intent.setup_failed"
    acts.pay(opened.id, at=timezone.now())
    assert api().setup_intents.retrieve(wish.id).status == "succeeded"


def test_kept_card_is_charged_later():
    wish, before = kept_card(), event_types()

    intent = charge(wish)

    assert (intent.status, intent.amount_received, intent.metadata.pledge) == (
        "succeeded",
        2500,
        "p-1",
    )
    assert api().charges.retrieve(intent.latest_charge).customer == wish.customer
    assert told_since(before) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("0341", "card_declined", "generic_decline"),
        ("9995", "card_declined", "insufficient_funds"),
        ("3184", "authentication_required", "authentication_required"),
    ],
)
def test_banks_no_is_an_error_that_is_kept_with_the_payment(card, code, decline_code):
    wish, before = kept_card(card), event_types()

    with pytest.raises(stripe.CardError) as refusal:
        charge(wish, key="later-1")

    error = refusal.value.error
    assert (refusal.value.code, error.decline_code) == (code, decline_code)
    intent = api().payment_intents.retrieve(error.payment_intent.id)
    assert (intent.status, intent.last_payment_error.code) == ("requires_payment_method", code)
    assert told_since(before)[-1] == "payment_intent.payment_failed"
    # The same key is answered the same, and tries no second time.
    with pytest.raises(stripe.CardError):
        charge(wish, key="later-1")
    assert SandboxObject.objects.filter(kind="charge").count() == 1


def test_payment_made_ready_is_confirmed_or_given_up():
    wish = kept_card("3184")
    first = charge(wish, confirm=False, off_session=False)
    assert first.status == "requires_confirmation"

    asked = api().payment_intents.confirm(first.id)
    given_up = api().payment_intents.cancel(first.id, {"cancellation_reason": "abandoned"})

    assert (asked.status, given_up.status) == ("requires_action", "canceled")
    for call in (api().payment_intents.confirm, api().payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            call(first.id)
        assert refusal.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"amount": 0}, "amount"),
        ({"customer": None}, "payment_method"),
        ({"confirm": False}, None),
        ({"customer": "cus_none"}, "id"),
        ({"payment_method": "pm_none"}, "id"),
    ],
)
def test_charge_of_a_card_that_is_not_theirs_is_refused(changes, param):
    wish = kept_card()
    params = {name: value for name, value in changes.items() if value is not None}

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        if "customer" in changes and changes["customer"] is None:
            api().payment_intents.create(
                {"amount": 5, "currency": "eur", "payment_method": wish.payment_method}
            )
        else:
            charge(wish, **params)

    assert refusal.value.param == param
    assert not SandboxObject.objects.filter(kind="payment_intent").exists()


def test_detached_card_is_never_charged_again():
    wish = kept_card()

    assert api().payment_methods.detach(wish.payment_method).customer is None

    with pytest.raises(stripe.InvalidRequestError, match="not attached"):
        charge(wish)
    with pytest.raises(stripe.InvalidRequestError, match="impossible"):
        api().payment_methods.detach(wish.payment_method)


def test_card_of_a_payment_is_kept_when_asked_for():
    session = create(
        customer_creation="always", payment_intent_data={"setup_future_usage": "off_session"}
    )
    done = acts.pay(session.id, at=timezone.now())

    [card] = api().payment_methods.list({"customer": done["customer"]}).data
    intent = api().payment_intents.retrieve(done["payment_intent"])
    assert (intent.customer, intent.payment_method) == (done["customer"], card.id)


def test_customer_is_changed_by_the_api():
    customer = api().customers.create(
        {"email": "ana@example.org", "metadata": {"a": "1", "b": "2"}}
    )

    changed = api().customers.update(
        customer.id, {"email": "eva@example.org", "metadata": {"a": "", "c": "3"}}
    )

    assert (changed.email, changed.metadata.to_dict()) == ("eva@example.org", {"b": "2", "c": "3"})
    assert api().customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}
    wish = kept_card(customer=customer.id)
    preferred = {"invoice_settings": {"default_payment_method": wish.payment_method}}
    assert (
        api().customers.update(customer.id, preferred).invoice_settings.default_payment_method
        == wish.payment_method
    )
