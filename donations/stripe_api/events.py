"""What Stripe says: signed webhooks, and its own list of them."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import batched
from typing import Any

from django.conf import settings
from stripe import SignatureVerificationError, WebhookSignature

from donations.stripe_facts import EVENT_TYPES, Event, facts_of

from .connection import client, instant, translated_errors

# Stripe's list of events takes up to this many types at once.
TYPES_AT_ONCE = 20
# The age up to which Stripe's own libraries take a signature.
WEBHOOK_TOLERANCE_SECONDS = 300


class InvalidWebhook(Exception):
    """The request is no event signed by Stripe; the message says what it is instead."""


def parse_event(body: bytes, signature: str | None) -> Event:
    """The event Stripe signed with one of settings.STRIPE_WEBHOOK_SECRETS; raises InvalidWebhook.

    Several secrets are tried, because both the old and the new one are in use while it is being changed.
    """
    if not any(_is_signed(body, signature, secret) for secret in settings.STRIPE_WEBHOOK_SECRETS):
        raise InvalidWebhook("bad signature")
    # Read as plain JSON: the SDK's object tree costs more than all the rest and nothing here needs it.
    try:
        data = json.loads(body)
    except ValueError as error:
        raise InvalidWebhook("not JSON") from error
    if not isinstance(data, dict) or data.get("object") != "event":
        raise InvalidWebhook("not an event")
    return _event(data)


def _is_signed(body: bytes, signature: str | None, secret: str) -> bool:
    try:
        WebhookSignature.verify_header(body, signature, secret, WEBHOOK_TOLERANCE_SECONDS)
    except SignatureVerificationError:
        return False
    except UnicodeDecodeError as error:
        raise InvalidWebhook("not UTF-8") from error
    return True


def _event(data: dict[str, Any]) -> Event:
    try:
        subject = data["data"]["object"]
        return Event(
            id=data["id"],
            type=data["type"],
            created_at=instant(data["created"]),
            livemode=data["livemode"],
            account=data.get("account") or "",
            api_version=data.get("api_version") or "",
            object_id=subject.get("id") or "",
            object_type=subject.get("object") or "",
            facts=facts_of(subject),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InvalidWebhook("not an event") from error


def list_events(*, since: datetime, types: Iterable[str] = EVENT_TYPES) -> Iterator[Event]:
    """Stripe's events since `since` (it keeps 30 days), the newest first: what webhooks may have missed.

    More than 20 types are asked for in several lists, each the newest first.
    """
    with translated_errors():
        for some in batched(types, TYPES_AT_ONCE):
            pages = client().v1.events.list(
                {"created": {"gte": int(since.timestamp())}, "types": [*some], "limit": 100}
            )
            for event in pages.auto_paging_iter():
                yield _event(event.to_dict())
