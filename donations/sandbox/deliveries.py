"""Webhooks on their way: signed as Stripe signs them, posted over HTTP, tried again after ever longer pauses."""

import http.client
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import stripe
from django.conf import settings
from django.db import transaction

from donations.retries import next_try

from .models import SandboxDelivery

logger = logging.getLogger(__name__)

FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(hours=1)
MAX_ATTEMPTS = 15
TIMEOUT_SECONDS = 10
# While one process posts a webhook the others leave it alone; if it is killed meanwhile, this is when it is tried again.
LEASE = timedelta(seconds=30)

Post = Callable[[str, bytes, Mapping[str, str]], int]


def webhook_url() -> str:
    """Our own door on this machine, whatever name the site has outside."""
    return f"http://127.0.0.1:{settings.PORT}/stripe/webhook/"


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of the answer; a redirect is an answer like others, and counts as not taken, as with Stripe."""
    parts = urlsplit(url)
    assert parts.hostname  # our own loopback, see webhook_url
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", parts.path, body, dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


def deliver_due(*, at: datetime, url: str | None = None, post: Post = post) -> int:
    """Posts every webhook due at the instant `at`, once; returns how many were taken (2xx).

    `post` takes address, body and headers and returns the status. No transaction is open while it waits.
    """
    taken = 0
    while delivery := _claim(at):
        taken += _deliver(delivery, url or webhook_url(), post, at=at)
    return taken


@transaction.atomic
def _claim(at: datetime) -> SandboxDelivery | None:
    delivery = (
        SandboxDelivery.objects.due(at)
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("event")
        .order_by("due_at", "pk")
        .first()
    )
    if delivery:
        delivery.attempts += 1
        delivery.due_at = at + LEASE
        delivery.save(update_fields=["attempts", "due_at"])
    return delivery


def _deliver(delivery: SandboxDelivery, url: str, post: Post, *, at: datetime) -> bool:
    try:
        status = post(url, *_signed(delivery))
        delivery.last_answer, is_taken = str(status), 200 <= status < 300
    except (OSError, http.client.HTTPException) as error:
        delivery.last_answer, is_taken = type(error).__name__, False
    if is_taken:
        delivery.delivered_at = at
    else:
        delivery.due_at = next_try(at, delivery.attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)
        if delivery.attempts >= MAX_ATTEMPTS:
            delivery.given_up_at = at
        logger.warning("webhook %s not taken: %s", delivery.event_id, delivery.last_answer)
    delivery.save(update_fields=["last_answer", "delivered_at", "due_at", "given_up_at"])
    return is_taken


def _signed(delivery: SandboxDelivery) -> tuple[bytes, Mapping[str, str]]:
    body = json.dumps(delivery.event.data)
    signature = stripe.WebhookSignature.generate_signature_header(
        body, settings.STRIPE_WEBHOOK_SECRETS[0]
    )
    return body.encode(), {
        "Content-Type": "application/json; charset=utf-8",
        # The name the site is known by: it answers to no other.
        "Host": urlsplit(settings.SITE_URL).netloc,
        "Stripe-Signature": signature,
        "User-Agent": "Stripe/1.0 (sandbox)",
    }


def next_due(*, after: datetime) -> datetime | None:
    """When the next webhook that was not taken is due again."""
    later = SandboxDelivery.objects.waiting().filter(due_at__gt=after).order_by("due_at")
    return later.values_list("due_at", flat=True).first()


@transaction.atomic
def hasten(*, at: datetime) -> int:
    """Makes every webhook that waits for a later instant due now, in the order they were due; returns how many."""
    later = SandboxDelivery.objects.waiting().filter(due_at__gt=at)
    waiting = list(later.select_for_update().order_by("due_at", "pk"))
    SandboxDelivery.objects.filter(pk__in=[delivery.pk for delivery in waiting]).delete()
    # Put in anew, because that is what wakes the worker.
    for delivery in waiting:
        delivery.pk, delivery.due_at = None, at
    return len(SandboxDelivery.objects.bulk_create(waiting))
