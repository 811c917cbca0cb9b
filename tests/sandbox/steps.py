"""First steps shared by the sandbox's tests: a session opened through the real SDK, and paid."""

from datetime import timedelta
from decimal import Decimal
from itertools import count
from uuid import uuid4

from django.utils import timezone

from donations import stripe_api
from donations.sandbox import acts
from donations.sandbox.models import SandboxObject

_numbers = count(1)


def in_minutes(minutes):
    return timezone.now().replace(microsecond=0) + timedelta(minutes=minutes)


def open_session(**changes):
    """stripe_api.create_session with sample facts."""
    return stripe_api.create_session(
        **{
            "idempotency_key": f"key-{next(_numbers)}",
            "amount": Decimal("25.50"),
            "currency": "EUR",
            "description": "Sample fund",
            "pledge_uuid": uuid4(),
            "locale": "en",
            "success_url": "http://127.0.0.1:8000/ok",
            "cancel_url": "http://127.0.0.1:8000/back",
            "expires_at": in_minutes(40),
        }
        | changes
    )


def create(**changes):
    """A session asked for with raw parameters, as the SDK sends them."""
    params = {
        "mode": "payment",
        "success_url": "http://127.0.0.1/ok",
        "line_items": [line(2500)],
    }
    return stripe_api.client().v1.checkout.sessions.create(params | changes)


def line(units, currency="eur", **fields):
    price = {"currency": currency, "unit_amount": units, "product_data": {"name": "Gift"}}
    return {"quantity": 1, "price_data": price} | fields


def paid(amount="25.50", **changes):
    """A paid session as Stripe shows it."""
    session = open_session(amount=Decimal(amount), **changes)
    return acts.pay(session.id, at=timezone.now())


def left():
    """A session whose page was left and is closed now, as Stripe shows it: one webhook tells of it."""
    return acts.expire(open_session().id, at=timezone.now())


def create_monthly(units=2500, **changes):
    """A session for a monthly gift, asked for with raw parameters."""
    item = line(units)
    item["price_data"]["recurring"] = {"interval": "month"}
    wanted = {
        "mode": "subscription",
        "line_items": [item],
        "subscription_data": {"description": "Sample fund", "metadata": {"pledge": "p-1"}},
    }
    return create(**wanted | changes)


def subscribed(card="4242", **changes):
    """A monthly gift that was paid the first time, as Stripe shows the subscription."""
    session = acts.pay(create_monthly(**changes).id, card=card, at=timezone.now())
    return stripe_api.client().v1.subscriptions.retrieve(session["subscription"])


def kept_card(card="4242", **changes):
    """A card kept for later, as Stripe shows the wish to keep it."""
    params = {"mode": "setup", "currency": "eur", "success_url": "http://127.0.0.1/ok"}
    if "customer" not in changes:
        params["customer_creation"] = "always"
    opened = stripe_api.client().v1.checkout.sessions.create(params | changes)
    session = acts.pay(opened.id, card=card, at=timezone.now())
    return stripe_api.client().v1.setup_intents.retrieve(session["setup_intent"])


def told_since(before):
    """The types of the events after those in `before`, a list event_types() gave earlier."""
    return event_types()[len(before) :]


def event_types():
    """The types of all events so far, in the order they happened."""
    events = SandboxObject.objects.events().newest_first().reverse()
    return list(events.values_list("data__type", flat=True))
