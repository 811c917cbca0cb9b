"""What Stripe's events told before Stripe forgot them, read from the objects themselves as they stand now."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import stripe
from django.conf import settings

from donations.stripe_facts import Event, facts_of

from .connection import client, instant, translated_errors

# The type of an event that would tell how an object stands, and its instant in Stripe's seconds.
type Telling = tuple[str, int]


def list_objects(*, since: datetime, until: datetime) -> Iterator[Event]:
    """Events of our own making for each object made between two instants that has come to something.

    What it was in between is not told, only how it stands now. The event's name is the object's with its state, so that
    the same is kept once.
    """
    created = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
    for kind in KINDS:
        with translated_errors():
            pages = kind.service().list({"created": created, "limit": 100, **kind.params})
            for row in pages.auto_paging_iter():
                subject = row.to_dict()
                for type_, at in kind.tell(subject):
                    yield _event(subject, type_, at)


def _event(subject: Mapping[str, Any], type_: str, at: int) -> Event:
    return Event(
        id=f"read:{subject['id']}:{type_}:{subject.get('status') or ''}",
        type=type_,
        created_at=instant(at),
        # A refund does not say; the key that lists it does.
        livemode=subject.get("livemode", settings.STRIPE_LIVEMODE),
        account="",
        api_version=stripe.api_version,
        object_id=subject["id"],
        object_type=subject["object"],
        facts=facts_of(subject),
    )


@dataclass(frozen=True)
class Kind:
    """How one kind of object is listed, and what each of them tells."""

    service: Callable[[], Any]
    tell: Callable[[Mapping[str, Any]], Iterable[Telling]]
    params: Mapping[str, Any] = field(default_factory=dict)


def _of_session(session: Mapping[str, Any]) -> Iterator[Telling]:
    match session:
        case {"status": "expired", "expires_at": at}:
            yield "checkout.session.expired", at
        case {"status": "complete", "payment_intent": {"latest_charge": charge, "status": status}}:
            movement = charge["balance_transaction"]
            yield "checkout.session.completed", (movement or charge)["created"]
            if status == "requires_payment_method":
                # A bank debit that was refused after all.
                yield "checkout.session.async_payment_failed", charge["created"]
        case {"status": "complete", "created": at}:
            yield "checkout.session.completed", at


def _of_payment(payment: Mapping[str, Any]) -> Iterator[Telling]:
    match payment:
        case {"status": "succeeded", "latest_charge": {"created": at}}:
            yield "payment_intent.succeeded", at


def _of_invoice(invoice: Mapping[str, Any]) -> Iterator[Telling]:
    match invoice:
        case {"status": "paid", "status_transitions": {"paid_at": at}}:
            yield "invoice.paid", at
        case {"status": "void", "status_transitions": {"voided_at": at}}:
            yield "invoice.voided", at
        case {"status": "uncollectible", "status_transitions": {"marked_uncollectible_at": at}}:
            yield "invoice.marked_uncollectible", at
        case {"status": "open", "attempted": True, "created": at}:
            yield "invoice.payment_failed", at


def _of_subscription(subscription: Mapping[str, Any]) -> Iterator[Telling]:
    if ended := subscription.get("ended_at"):
        yield "customer.subscription.deleted", ended
    else:
        yield "customer.subscription.updated", subscription["created"]


def _of_refund(refund: Mapping[str, Any]) -> Iterator[Telling]:
    yield "refund.updated", refund["created"]


def _of_dispute(_dispute: Mapping[str, Any]) -> Iterator[Telling]:
    # Nothing in it says when it came to its present state.
    yield "charge.dispute.updated", int(time.time())


def _of_warning(warning: Mapping[str, Any]) -> Iterator[Telling]:
    yield "radar.early_fraud_warning.created", warning["created"]


# In the order in which one needs what another brings.
KINDS = (
    Kind(
        lambda: client().v1.checkout.sessions,
        _of_session,
        {"expand": ["data.payment_intent.latest_charge.balance_transaction"]},
    ),
    Kind(lambda: client().v1.payment_intents, _of_payment, {"expand": ["data.latest_charge"]}),
    Kind(lambda: client().v1.invoices, _of_invoice),
    Kind(lambda: client().v1.subscriptions, _of_subscription, {"status": "all"}),
    Kind(lambda: client().v1.refunds, _of_refund),
    Kind(lambda: client().v1.disputes, _of_dispute),
    Kind(lambda: client().v1.radar.early_fraud_warnings, _of_warning),
)
