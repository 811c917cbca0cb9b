"""What happened, as Stripe tells of it."""

from datetime import datetime

import stripe

from .base import Json, new


def event(
    type_: str, subject: Json, *, webhooks: int, at: datetime, before: Json | None = None
) -> Json:
    """`before` is the subject as it was, where the event is about a change of it."""
    data: Json = {"object": subject}
    if before is not None:
        data["previous_attributes"] = {
            name: before.get(name) for name, value in subject.items() if before.get(name) != value
        }
    return new(
        stripe.Event,
        "evt",
        at,
        {
            "api_version": stripe.api_version,
            "data": data,
            "pending_webhooks": webhooks,
            "request": {"id": None, "idempotency_key": None},
            "type": type_,
        },
    )
