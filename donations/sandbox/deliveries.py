"""Webhooks on their way: signed as Stripe signs them, posted over HTTP, tried again after ever longer pauses."""

import json
import logging
from datetime import datetime, timedelta
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import stripe
from django.conf import settings
from django.db import transaction

from .models import SandboxDelivery

logger = logging.getLogger(__name__)

FIRST_RETRY = timedelta(seconds=2)
MAX_ATTEMPTS = 12
TIMEOUT_SECONDS = 10


def webhook_url() -> str:
    """Our own door on this machine, whatever name the site has outside."""
    return f"http://127.0.0.1:{settings.PORT}/stripe/webhook/"


def deliver_due(*, at: datetime, url: str | None = None) -> int:
    """Posts every webhook due at the instant `at`; returns how many were taken (2xx)."""
    taken, tried = 0, list[int]()
    while True:
        with transaction.atomic():
            delivery = (
                SandboxDelivery.objects.due(at)
                .exclude(pk__in=tried)
                .select_for_update(skip_locked=True, of=("self",))
                .select_related("event")
                .order_by("due_at", "pk")
                .first()
            )
            if delivery is None:
                return taken
            tried.append(delivery.pk)
            taken += _deliver(delivery, url or webhook_url(), at=at)


def _deliver(delivery: SandboxDelivery, url: str, *, at: datetime) -> bool:
    body = json.dumps(delivery.event.data)
    signature = stripe.WebhookSignature.generate_signature_header(
        body, settings.STRIPE_WEBHOOK_SECRETS[0]
    )
    headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}
    delivery.attempts += 1
    try:
        # The address is our own loopback, never one from outside.
        with urlopen(Request(url, body.encode(), headers), timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
            delivery.last_answer, delivery.delivered_at = str(response.status), at
    except HTTPError as error:
        delivery.last_answer = str(error.code)
        error.close()
    except (URLError, TimeoutError, ConnectionError) as error:
        delivery.last_answer = type(error).__name__
    if delivery.delivered_at is None:
        delivery.due_at = at + FIRST_RETRY * 2 ** (delivery.attempts - 1)
        if delivery.attempts >= MAX_ATTEMPTS:
            delivery.given_up_at = at
        logger.warning("webhook %s not taken: %s", delivery.event_id, delivery.last_answer)
    delivery.save()
    return delivery.delivered_at is not None
