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


def event_types():
    """The types of all events so far, in the order they happened."""
    events = SandboxObject.objects.events().newest_first().reverse()
    return list(events.values_list("data__type", flat=True))
