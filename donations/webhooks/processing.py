"""Keeps verified events, and takes them in batches through the topics that know what they mean."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from donations import stripe_api
from donations.models import StripeEvent, bulk, locks
from donations.models.stripe_event import StripeEventQuerySet
from donations.retries import next_try
from donations.stripe_facts import Event

from . import (
    disputes,
    fraud_warnings,
    invoices,
    kept_cards,
    payments,
    refunds,
    sessions,
    subscriptions,
)
from .plan import Handlers, NotYet, Plan, Reads, Refused, pledge_uuid_of

logger = logging.getLogger(__name__)

BATCH = 200
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=6)
# While a worker asks Stripe about an event the others leave it alone; killed meanwhile, it is asked again after this.
LEASE = timedelta(minutes=5)

KEEP = """
INSERT INTO donations_stripeevent (event_id, type, object_id, livemode, account, api_version, created_at, facts,
                                   received_at, due_at, attempts, error)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, '')
ON CONFLICT (event_id) DO NOTHING
"""


def receive(event: Event, *, at: datetime) -> bool:
    """Keeps a verified event; True when it is new.

    One statement and one commit; the database queues the job that will act on it in the same commit
    (migrations/0002_ledger.py, stripe_event_wake).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            KEEP,
            [
                event.id,
                event.type,
                event.object_id,
                event.livemode,
                event.account,
                event.api_version,
                event.created_at,
                json.dumps(event.facts),
                at,
                at,
            ],
        )
        return bool(cursor.rowcount)


def process_pending(*, at: datetime, limit: int = BATCH) -> int:
    """Acts on up to `limit` due events; returns how many it looked at, so that a caller goes on until 0.

    A batch is booked in one go. When that fails each event is tried alone, so that one bad event holds up no other;
    its failure is kept at its row and it is tried again later, after ever longer pauses. Any number of workers may do
    this at once: no two have the same event, or events of the same gift.
    """
    _read_on(at=at, limit=limit)
    with transaction.atomic():
        events = _hold(StripeEvent.objects.order_by("created_at", "pk"), at=at, limit=limit)
        if not events:
            return 0
        if _try(events, at=at) or len(events) == 1:
            _note(events)
            return len(events)
    # All of it is rolled back and let go, so that nobody waits for the many while they are tried one by one.
    for event in events:
        with transaction.atomic():
            for alone in _hold(StripeEvent.objects.filter(pk=event.pk), at=at, limit=1):
                _try([alone], at=at)
                _note([alone])
    return len(events)


def _hold(events: StripeEventQuerySet, *, at: datetime, limit: int) -> Sequence[StripeEvent]:
    """Due events for this transaction alone, and with them all that concerns the same gifts.

    Whatever is read after this is what other workers, and runs over Stripe's balance, left.
    """
    held = list(
        events.pending(at)
        .exclude(type__in=READS, read_at=None)
        .select_for_update(skip_locked=True)[:limit]
    )
    locks.hold(str(pledge_uuid_of(event) or event.object_id) for event in held)
    return held


def _note(events: Sequence[StripeEvent]) -> None:
    bulk.write(events, ["processed_at", "refused_at", "attempts", "error", "due_at"])


def _read_on(*, at: datetime, limit: int) -> None:
    """Asks Stripe what due events leave open, outside of any transaction. Without an answer they wait for the next turn."""
    events = _lease(at=at, limit=limit)
    answers: dict[tuple[str, str], tuple[datetime, dict[str, Any]]] = {}
    for event in events:
        asked = (event.type, event.object_id)
        if asked not in answers:
            read_at = timezone.now()
            try:
                answers[asked] = read_at, READS[event.type](event)
            except stripe_api.StripeUnavailable:
                logger.warning("Stripe does not answer; its events wait for the next turn")
                break
            except stripe_api.StripeRefused as refusal:
                answers[asked] = read_at, {"read_error": str(refusal)}
        event.read_at, facts = answers[asked]
        event.facts = event.facts | facts
    for event in events:
        event.due_at = at
    bulk.write(events, ["read_at", "facts", "due_at"])


@transaction.atomic
def _lease(*, at: datetime, limit: int) -> Sequence[StripeEvent]:
    """The due events of which Stripe has to be asked more; meanwhile no other worker asks the same."""
    events = list(
        StripeEvent.objects.pending(at)
        .filter(type__in=READS, read_at=None)
        .select_for_update(skip_locked=True)
        .order_by("created_at", "pk")[:limit]
    )
    StripeEvent.objects.filter(pk__in=[event.pk for event in events]).update(due_at=at + LEASE)
    return events


def _try(events: Sequence[StripeEvent], *, at: datetime) -> bool:
    """Whether all of them could be acted on; if not, nothing is written, and one alone has its failure in it."""
    try:
        with transaction.atomic():
            _book(events, at=at)
    except Exception as error:  # noqa: BLE001  see below
        # Whatever went wrong with one event is kept at that event and the others go on.
        if len(events) > 1:
            return False
        event = events[0]
        event.processed_at = event.refused_at = None
        event.attempts += 1
        event.error = f"{type(error).__name__}: {error}"
        event.due_at = next_try(at, event.attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)
        level = logging.INFO if isinstance(error, NotYet) else logging.ERROR
        logger.log(level, "%s %s: %s", event.event_id, event.type, type(error).__name__)
        return False
    return True


class Topic(Protocol):
    """One noun of Stripe's: HANDLERS by type of event, and find() for the rows of ours that such events speak of.

    READS names the types of which Stripe must be asked more before: each with the question.
    """

    HANDLERS: Handlers
    READS: Reads

    def find(self, events: Sequence[StripeEvent], plan: Plan) -> None: ...


# Stripe keeps no order: within a batch, what came in stands before what went out again.
TOPICS: tuple[Topic, ...] = (
    sessions,
    invoices,
    subscriptions,
    kept_cards,
    refunds,
    disputes,
    fraud_warnings,
    payments,
)
HANDLERS = {kind: handler for topic in TOPICS for kind, handler in topic.HANDLERS.items()}
READS = {kind: read for topic in TOPICS for kind, read in topic.READS.items()}


def _book(events: Sequence[StripeEvent], *, at: datetime) -> None:
    plan = Plan(at=at)
    for topic in TOPICS:
        if its_own := [event for event in events if event.type in topic.HANDLERS]:
            topic.find(its_own, plan)
    for topic in TOPICS:
        for event in events:
            if event.type in topic.HANDLERS:
                _act(event, plan)
    for event in events:
        if event.type not in HANDLERS:
            _act(event, plan)
    plan.write()


def _act(event: StripeEvent, plan: Plan) -> None:
    try:
        _check_origin(event)
        if handler := HANDLERS.get(event.type):
            handler(event, plan)
    except Refused as refusal:
        event.refused_at, event.error = plan.at, str(refusal)
        logger.warning("%s %s refused", event.event_id, event.type)
    else:
        event.processed_at, event.error = plan.at, ""


def _check_origin(event: StripeEvent) -> None:
    if event.livemode != settings.STRIPE_LIVEMODE:
        theirs, ours = ("live", "test") if event.livemode else ("test", "live")
        raise Refused(f"This is a {theirs} event and our key is a {ours} key.")
    # Stripe names an account only in events of accounts connected to ours, and nobody gives to those here.
    if event.account not in {"", settings.STRIPE_ACCOUNT}:
        raise Refused("The event is of another Stripe account.")


def retry(event: StripeEvent, *, at: datetime) -> None:
    """Has a failed event tried again now; one that was refused is looked at afresh."""
    if event.processed_at:
        raise ValidationError("This event was acted on already.")
    event.refused_at, event.due_at, event.read_at = None, at, None
    event.save(update_fields=["refused_at", "due_at", "read_at"])
