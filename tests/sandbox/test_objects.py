"""What the stand-in answers has the shape the SDK's classes promise, down to the innermost."""

from datetime import timedelta
from typing import ForwardRef, Literal, Union, get_args, get_origin

import pytest
import stripe
from django.utils import timezone

from donations import stripe_api
from donations.sandbox import acts
from donations.sandbox.fees import fee_of
from donations.sandbox.models import SandboxObject
from tests.sandbox.steps import kept_card, open_session, paid, subscribed

CLASSES = {
    cls.OBJECT_NAME: cls
    for cls in (
        stripe.Balance,
        stripe.BalanceTransaction,
        stripe.Charge,
        stripe.checkout.Session,
        stripe.billing_portal.Session,
        stripe.Customer,
        stripe.Dispute,
        stripe.Event,
        stripe.Invoice,
        stripe.InvoiceLineItem,
        stripe.InvoicePayment,
        stripe.LineItem,
        stripe.PaymentIntent,
        stripe.PaymentMethod,
        stripe.Payout,
        stripe.Plan,
        stripe.Price,
        stripe.Product,
        stripe.radar.EarlyFraudWarning,
        stripe.Refund,
        stripe.SetupIntent,
        stripe.Subscription,
        stripe.SubscriptionItem,
    )
}


def wrong(value, shape, where):
    """Where `value` is not of the SDK's type, as a list of paths."""
    origin = get_origin(shape)
    if isinstance(shape, (str, ForwardRef)):  # another of Stripe's objects
        cls = isinstance(value, dict) and CLASSES.get(value.get("object"))
        return wrong_object(value, cls, where) if cls else []
    if origin is Union:
        choices = [choice for choice in get_args(shape) if choice is not type(None)]
        if value is None and type(None) in get_args(shape):
            return []
        # An enum that may grow is typed as Literal or str: the stand-in keeps to what is known.
        if any(get_origin(choice) is Literal for choice in choices):
            choices = [choice for choice in choices if choice is not str]
        return min((wrong(value, choice, where) for choice in choices), key=len)
    if origin is Literal:
        return [] if value in get_args(shape) else [f"{where}={value!r}"]
    if origin is list:
        if not isinstance(value, list):
            return [where]
        return [
            w
            for n, item in enumerate(value)
            for w in wrong(item, get_args(shape)[0], f"{where}[{n}]")
        ]
    if isinstance(shape, type) and shape in (str, int, bool, float):
        return [] if type(value) is shape else [f"{where}={value!r}"]
    if isinstance(origin or shape, type) and issubclass(origin or shape, stripe.StripeObject):
        return wrong_object(value, origin or shape, where)
    return []


def wrong_object(value, cls, where):
    if cls.__module__ == "stripe._list_object":
        return wrong_rows(value, where)
    if not isinstance(value, dict):
        return [f"{where}={value!r}"]
    if cls.__module__ == "stripe._stripe_object":
        return []
    hints = {k: v for k, v in cls.__annotations__.items() if "ClassVar" not in str(v)}
    unknown = [f"{where}.{name} is unknown" for name in value if name not in hints]
    missing = [
        f"{where}.{name} is missing"
        for name, hint in hints.items()
        if name not in value and type(None) not in get_args(hint)
    ]
    deeper = [
        w
        for name, hint in hints.items()
        if name in value
        for w in wrong(value[name], hint, f"{where}.{name}")
    ]
    return unknown + missing + deeper


def wrong_rows(value, where):
    """A list within an object: each row is checked as the class its own `object` names."""
    return [
        w
        for number, row in enumerate(value["data"])
        for w in wrong_object(row, CLASSES[row["object"]], f"{where}[{number}]")
    ]


@pytest.fixture(scope="module")
def made(rows_of_a_module):
    with rows_of_a_module():
        return make_everything()


@pytest.fixture
def everything(made, db):
    return made


def make_everything():
    """Each kind of object in each of its states."""
    now = timezone.now()
    refunded = paid()
    acts.refund(refunded["payment_intent"], at=now, amount=100, reason="duplicate")
    declined = open_session()
    acts.decline(declined.id, code="generic_decline", at=now)
    for succeeded in (True, False):
        session = open_session()
        acts.debit(session.id, at=now)
        acts.settle(session.id, succeeded=succeeded, at=now)
    acts.expire(open_session(email="ana@example.org").id, at=now)
    acts.fail_payout(acts.pay_out("eur", at=now)["id"], at=now)
    client = stripe_api.client()
    spare = client.v1.customers.create({"email": "ana@example.org", "metadata": {"a": "b"}})
    client.v1.customers.update(spare.id, {"email": "eva@example.org"})
    monthly(client, now)
    troubles(now)
    later(client)
    return SandboxObject.objects.all()


def monthly(client, now):
    """Regular gifts in every state, and their invoices."""
    subscription = subscribed()
    acts.announce(subscription.id, at=now)
    for outcome in ("succeeded", "insufficient_funds", "authentication_required", "processing"):
        acts.renew(subscription.id, at=now, outcome=outcome)
    waiting = SandboxObject.objects.get(kind="payment_intent", data__status="processing")
    acts.settle_payment(waiting.id, succeeded=True, at=now)
    client.v1.billing_portal.sessions.create({"customer": subscription.customer})
    flow = {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription.id}}
    client.v1.billing_portal.sessions.create({"customer": subscription.customer, "flow_data": flow})
    item = subscription["items"].data[0]
    price = {
        "currency": "eur",
        "product": item.price.product,
        "recurring": {"interval": "month"},
        "unit_amount": 5000,
    }
    client.v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": item.id, "price_data": price}],
            "pause_collection": {"behavior": "void"},
        },
    )
    acts.renew(subscription.id, at=now)
    client.v1.subscriptions.cancel(subscription.id)
    stopped = subscribed()
    client.v1.subscriptions.pause(stopped.id)
    client.v1.subscriptions.resume(stopped.id)


def troubles(now):
    """Disputes, warnings and refunds in every state."""
    for end in (acts.win, acts.lose):
        end(acts.open_dispute(paid()["payment_intent"], at=now)["id"], at=now)
    for end in (acts.close_inquiry, acts.escalate):
        asked = acts.open_dispute(paid()["payment_intent"], is_inquiry=True, at=now)
        acts.answer_dispute(asked["id"], {"evidence": {"uncategorized_text": "x"}}, at=now)
        end(asked["id"], at=now)
    warned = paid()["payment_intent"]
    acts.warn(warned, at=now)
    acts.fail_refund(acts.refund(warned, at=now)["id"], at=now)
    acts.arrive(acts.refund(warned, at=now, is_pending=True)["id"], at=now)


def later(client):
    """Cards kept for later, and charged."""
    refused = stripe_api.client().v1.checkout.sessions.create(
        {"mode": "setup", "currency": "eur", "success_url": "http://127.0.0.1/ok"}
    )
    acts.decline(refused.id, code="generic_decline", at=timezone.now())
    for card in ("4242", "0341", "3184"):
        wish = kept_card(card)
        params = {
            "amount": 700,
            "currency": "eur",
            "customer": wish.customer,
            "payment_method": wish.payment_method,
            "off_session": True,
            "confirm": True,
        }
        if card == "4242":
            client.v1.payment_intents.create(params)
        else:
            with pytest.raises(stripe.CardError):
                client.v1.payment_intents.create(params)
    waiting = client.v1.payment_intents.create(params | {"confirm": False, "off_session": False})
    client.v1.payment_intents.confirm(waiting.id)
    client.v1.payment_intents.cancel(waiting.id)
    client.v1.payment_methods.detach(wish.payment_method)


def test_objects_are_of_the_sdks_types(everything):
    kinds = {row.kind for row in everything}
    assert kinds == set(CLASSES) - {"balance", "item", "line_item", "plan", "subscription_item"}

    assert [
        w for row in everything for w in wrong_object(row.data, CLASSES[row.kind], row.kind)
    ] == []


def test_subjects_of_events_are_of_the_sdks_types(everything):
    events = list(everything.events())
    assert len({event.data["type"] for event in events}) >= 16

    assert [
        w
        for event in events
        for w in wrong_object(
            event.data["data"]["object"],
            CLASSES[event.data["data"]["object"]["object"]],
            event.data["type"],
        )
    ] == []


def test_balance_and_line_items_are_of_the_sdks_types(everything):
    balance = stripe_api.client().v1.balance.retrieve().to_dict()
    session = everything.sessions().first()
    items = stripe_api.client().v1.checkout.sessions.line_items.list(session.id)

    assert wrong_object(balance, stripe.Balance, "balance") == []
    assert [
        w for item in items.data for w in wrong_object(item.to_dict(), stripe.LineItem, "item")
    ] == []


def test_this_check_sees_what_is_wrong(everything):
    """A test of the test: each kind of fault is found."""
    charge = everything.filter(kind="charge").first().data
    faults = [
        charge | {"amount": "5"},
        charge | {"paid": 1},
        charge | {"status": "perhaps"},
        charge | {"billing_details": None},
        charge | {"billing_details": {"colour": "red"}},
        {name: value for name, value in charge.items() if name != "captured"},
    ]

    assert [len(wrong_object(fault, stripe.Charge, "charge")) for fault in faults] == [1] * 6


@pytest.mark.parametrize(
    ("units", "currency", "fee"),
    [(2500, "eur", 63), (2500, "usd", 68), (9000, "clp", 385), (1_500_000, "ars", 62_500), (10, "eur", 10), (10_000, "jpy", 150)],
)  # fmt: skip
def test_fees_are_a_share_and_a_fixed_part(units, currency, fee):
    assert fee_of(units, currency) == fee


def test_identifiers_grow_with_time(db):
    ids = [open_session().id for _i in range(5)]

    assert ids == sorted(ids)
    listed = stripe_api.client().v1.checkout.sessions.list(
        {"created": {"gte": int((timezone.now() - timedelta(hours=1)).timestamp())}}
    )
    assert [session.id for session in listed.data][:5] == ids[::-1]
