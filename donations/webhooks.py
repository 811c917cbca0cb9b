"""What Stripe says, kept and acted on: receive() stores a verified event, process_pending() books what it means."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from . import ledger, stripe_api
from .ledger import Posting
from .models import AccountKey, Checkout, Donation, Entry, Letter, Refund, StripeEvent
from .stripe_facts import Event

logger = logging.getLogger(__name__)

BATCH = 200
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=6)

KEEP = """
INSERT INTO donations_stripeevent (event_id, type, object_id, livemode, account, api_version, created_at, facts,
                                   received_at, due_at, attempts, error)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, '')
ON CONFLICT (event_id) DO NOTHING
"""


class Refused(Exception):
    """The event contradicts our own rows or settings: kept with this sentence, nothing booked, not retried."""


class NotYet(Exception):
    """The event speaks of something whose own event has not been processed: tried again later."""


def receive(event: Event, *, at: datetime) -> bool:
    """Keeps a verified event; True when it is new.

    One statement and one commit; the database queues the job that will act on it in the same commit
    (migrations/0002_ledger_rules.py, stripe_event_wake).
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
    its failure is kept at its row and it is tried again later, after ever longer pauses.
    """
    with transaction.atomic():
        events = list(
            StripeEvent.objects.pending(at)
            .select_for_update(skip_locked=True)
            .order_by("created_at", "pk")[:limit]
        )
        if events and not _try(events, at=at) and len(events) > 1:
            for event in events:
                _try([event], at=at)
        StripeEvent.objects.bulk_update(
            events, ["processed_at", "refused_at", "attempts", "error", "due_at"]
        )
    return len(events)


def _try(events: Sequence[StripeEvent], *, at: datetime) -> bool:
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
        event.due_at = at + min(FIRST_RETRY * 2 ** min(event.attempts - 1, 12), LONGEST_RETRY)
        level = logging.INFO if isinstance(error, NotYet) else logging.ERROR
        logger.log(level, "%s %s: %s", event.event_id, event.type, type(error).__name__)
        return False
    return True


@dataclass
class Plan:
    """What a batch of events amounts to, to be written at once; and the rows of ours they speak of."""

    at: datetime
    checkouts: dict[str, Checkout] = field(default_factory=dict)
    checkouts_by_pledge: dict[UUID, Checkout] = field(default_factory=dict)
    donations: dict[str, Donation] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)

    new_donations: list[Donation] = field(default_factory=list)
    new_refunds: list[Refund] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    changed_checkouts: list[Checkout] = field(default_factory=list)


def _book(events: Sequence[StripeEvent], *, at: datetime) -> None:
    plan = _rows_of(events, at=at)
    # What came in before what went out again, since Stripe keeps no order.
    for event in sorted(events, key=lambda event: event.type.startswith("refund.")):
        try:
            _check_origin(event)
            if handler := HANDLERS.get(event.type):
                handler(event, plan)
        except Refused as refusal:
            event.refused_at, event.error = at, str(refusal)
            logger.warning("%s %s refused", event.event_id, event.type)
        else:
            event.processed_at, event.error = at, ""
    Donation.objects.bulk_create(plan.new_donations)
    Refund.objects.bulk_create(plan.new_refunds)
    ledger.post_many(plan.postings)
    Letter.objects.bulk_create(
        [
            Letter(
                kind=Letter.Kind.RECEIPT,
                pledge=donation.pledge,
                donation=donation,
                created_at=at,
                due_at=at,
            )
            for donation in plan.new_donations
            if donation.pledge and donation.pledge.supporter_id
        ]
    )
    Checkout.objects.bulk_update(
        plan.changed_checkouts, ["stripe_session_id", "completed_at", "failed_at", "expired_at"]
    )


def _rows_of(events: Sequence[StripeEvent], *, at: datetime) -> Plan:
    """The rows the events speak of, in one query each however many events there are."""
    plan = Plan(at=at)
    sessions = [event for event in events if event.type.startswith("checkout.session.")]
    if sessions:
        found = Checkout.objects.select_related("pledge__fund").filter(
            stripe_session_id__in=[event.object_id for event in sessions]
        )
        plan.checkouts = {str(checkout.stripe_session_id): checkout for checkout in found}
        # Stripe's answer may never have reached us: then the checkout has no session yet, and the pledge tells.
        orphans = [_pledge_uuid(e) for e in sessions if e.object_id not in plan.checkouts]
        if orphans:
            for checkout in (
                Checkout.objects.select_related("pledge__fund")
                .filter(pledge__uuid__in=[u for u in orphans if u], stripe_session_id=None)
                .order_by("pk")
            ):
                plan.checkouts_by_pledge[checkout.pledge.uuid] = checkout
    payments = {str(p) for event in events if (p := event.facts.get("payment_intent"))}
    if payments:
        plan.donations = {
            str(donation.stripe_payment_intent_id): donation
            for donation in Donation.objects.select_related("fund").filter(
                stripe_payment_intent_id__in=payments
            )
        }
    refunds = [event.object_id for event in events if event.type.startswith("refund.")]
    if refunds:
        plan.refunds = Refund.objects.in_bulk(refunds, field_name="stripe_refund_id")
    return plan


def _pledge_uuid(event: StripeEvent) -> UUID | None:
    try:
        return UUID(event.facts["metadata"]["pledge"])
    except (KeyError, TypeError, ValueError):
        return None


def _check_origin(event: StripeEvent) -> None:
    if event.livemode != settings.STRIPE_LIVEMODE:
        theirs, ours = ("live", "test") if event.livemode else ("test", "live")
        raise Refused(f"This is a {theirs} event and our key is a {ours} key.")
    if settings.STRIPE_ACCOUNT and event.account not in {"", settings.STRIPE_ACCOUNT}:
        raise Refused("The event is of another Stripe account.")


def _amount(event: StripeEvent, name: str) -> Decimal:
    """The exact amount in the event's currency that stripe_api put into the facts as text."""
    value = event.facts.get(name)
    if value is None:
        raise Refused(f"The event names no {name}.")
    return Decimal(value)


# --- One handler for each type of event; each opens with when Stripe sends it -------------------


def _session_paid(event: StripeEvent, plan: Plan) -> None:
    """checkout.session.completed: the supporter finished on Stripe's page; by card it is paid, by bank debit not yet.
    checkout.session.async_payment_succeeded: the bank debit came through, days later."""
    checkout = _checkout_of(event, plan)
    pledge = checkout.pledge
    currency, amount = event.facts.get("currency"), _amount(event, "amount_total")
    if currency != pledge.currency:
        raise Refused(f"Paid in {currency}, pledged in {pledge.currency}.")
    if amount != pledge.amount:
        raise Refused(f"Paid {amount}, pledged {pledge.amount}.")
    if not checkout.completed_at:
        checkout.completed_at = event.created_at
        plan.changed_checkouts.append(checkout)
    if event.facts.get("payment_status") != "paid":
        return
    payment = event.facts.get("payment_intent")
    if not payment:
        raise Refused("The session is paid and names no payment.")
    if payment in plan.donations:
        return
    donation = Donation(
        pledge=pledge,
        fund=pledge.fund,
        method=Donation.Method.CARD,
        amount=amount,
        currency=currency,
        received_at=event.created_at,
        source=f"stripe:{payment}",
        stripe_payment_intent_id=payment,
    )
    plan.donations[payment] = donation
    plan.new_donations.append(donation)
    plan.postings.append(
        Posting(
            kind=Entry.Kind.DONATION,
            debit=AccountKey.stripe(currency),
            credit=AccountKey.fund(pledge.fund, currency),
            amount=amount,
            booked_on=event.created_at.date(),
            source=donation.source,
        )
    )


def _session_failed(event: StripeEvent, plan: Plan) -> None:
    """checkout.session.async_payment_failed: the bank debit was refused, days after the supporter confirmed it."""
    checkout = _checkout_of(event, plan)
    checkout.failed_at = event.created_at
    plan.changed_checkouts.append(checkout)


def _session_expired(event: StripeEvent, plan: Plan) -> None:
    """checkout.session.expired: the supporter left Stripe's page and did not come back in time."""
    checkout = _checkout_of(event, plan)
    if not checkout.completed_at and not checkout.failed_at:
        checkout.expired_at = event.created_at
        plan.changed_checkouts.append(checkout)


def _checkout_of(event: StripeEvent, plan: Plan) -> Checkout:
    checkout = plan.checkouts.get(event.object_id)
    if checkout is None and (uuid := _pledge_uuid(event)):
        checkout = plan.checkouts_by_pledge.get(uuid)
        if checkout:
            checkout.stripe_session_id = event.object_id
            plan.checkouts[event.object_id] = checkout
            plan.changed_checkouts.append(checkout)
    if checkout is None:
        raise Refused("No checkout of ours has this session.")
    return checkout


def _refund(event: StripeEvent, plan: Plan) -> None:
    """refund.created, refund.updated: money goes back to a supporter, asked for by us or in Stripe's dashboard;
    it is gone once the status is "succeeded"."""
    if event.facts.get("status") != "succeeded" or event.object_id in plan.refunds:
        return
    payment = event.facts.get("payment_intent")
    donation = plan.donations.get(str(payment))
    if donation is None:
        raise NotYet("The refunded donation is not booked yet.")
    if event.facts.get("currency") != donation.currency:
        raise Refused(f"Refunded in {event.facts.get('currency')}, given in {donation.currency}.")
    # The refund's own time: it is the same in whichever of its events arrives first.
    refunded_at = datetime.fromtimestamp(event.facts["created"], UTC)
    refund = Refund(
        donation=donation,
        amount=_amount(event, "amount"),
        refunded_at=refunded_at,
        stripe_refund_id=event.object_id,
    )
    plan.refunds[event.object_id] = refund
    plan.new_refunds.append(refund)
    plan.postings.append(
        Posting(
            kind=Entry.Kind.REFUND,
            debit=AccountKey.fund(donation.fund, donation.currency),
            credit=AccountKey.stripe(donation.currency),
            amount=refund.amount,
            booked_on=refunded_at.date(),
            source=f"stripe:{event.object_id}",
        )
    )


HANDLERS: dict[str, Callable[[StripeEvent, Plan], None]] = {
    "checkout.session.completed": _session_paid,
    "checkout.session.async_payment_succeeded": _session_paid,
    "checkout.session.async_payment_failed": _session_failed,
    "checkout.session.expired": _session_expired,
    "refund.created": _refund,
    "refund.updated": _refund,
}


# Stripe's list of events takes up to twenty types at once.
CATCH_UP_TYPES = [*HANDLERS]


def catch_up(*, since: datetime, at: datetime) -> int:
    """Keeps the events since an instant that never arrived here; returns how many those were.

    Webhooks are hints: with every one of them lost, this brings the same events to the same books.
    """
    events = list(stripe_api.list_events(since=since, types=CATCH_UP_TYPES))
    return sum(receive(event, at=at) for event in events)


def retry(event: StripeEvent, *, at: datetime) -> None:
    """Has a failed event tried again now; one that was refused is looked at afresh."""
    if event.processed_at:
        raise ValidationError("This event was acted on already.")
    event.refused_at, event.due_at = None, at
    event.save(update_fields=["refused_at", "due_at"])
