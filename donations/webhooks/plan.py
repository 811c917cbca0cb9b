"""What a batch of events amounts to: the rows of ours it speaks of, and what is to be written for it, all at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Model

from donations import ledger
from donations.ledger import Posting
from donations.models import (
    Checkout,
    Decline,
    Dispute,
    Donation,
    FraudWarning,
    Letter,
    MonthlyCharge,
    Pledge,
    Refund,
    RefundRequest,
    StripeEvent,
    Subscription,
    SubscriptionChange,
    bulk,
)
from donations.models.subscription import TAKEN

# New rows are written in this order, each after what it points to.
NEW: tuple[type[Model], ...] = (
    Subscription,
    SubscriptionChange,
    Donation,
    MonthlyCharge,
    Refund,
    Dispute,
    FraudWarning,
    Letter,
    Decline,
)
# What of an old row an event may change.
CHANGING: dict[type[Model], Sequence[str]] = {
    Checkout: ("stripe_session_id", "completed_at", "failed_at", "expired_at"),
    Subscription: (*TAKEN, "amount", "fee_cover"),
    SubscriptionChange: ("done_at", "dropped_at"),
    MonthlyCharge: ("state", "donation", "told_at", "next_try_at"),
    Refund: ("status", "failure_reason"),
    Dispute: Dispute.TOLD,
}


class Refused(Exception):
    """The event contradicts our own rows or settings: kept with this sentence, nothing booked, not retried."""


class NotYet(Exception):
    """The event speaks of something whose own event has not been processed: tried again later."""


@dataclass
class Plan:
    """Found by Stripe's identifiers: `checkouts` by session, `donations` by payment, `charges` by invoice,
    the others each by its own.

    `subscriptions` by theirs, `pledges` by our own: those of monthly gifts alone.
    """

    at: datetime
    checkouts: dict[str, Checkout] = field(default_factory=dict)
    checkouts_by_pledge: dict[UUID, Checkout] = field(default_factory=dict)
    donations: dict[str, Donation] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    pledges: dict[UUID, Pledge] = field(default_factory=dict)
    # Gifts on condition, by our own identifier.
    conditional: dict[UUID, Pledge] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    charges: dict[str, MonthlyCharge] = field(default_factory=dict)
    # The invoice that paid a month, by Stripe's name of the subscription and the month's first day.
    paid_months: dict[tuple[str, date], str] = field(default_factory=dict)
    # Declined cards by their source; and the keys of the pledges they were for.
    declined: set[str] = field(default_factory=set)
    pledge_keys: dict[UUID, int] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    fraud_warnings: dict[str, FraudWarning] = field(default_factory=dict)

    # What Stripe tells of new refunds, by which a request of ours knows its own.
    told_refunds: list[tuple[Mapping[str, Any], Refund]] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    _new: dict[type[Model], list[Any]] = field(default_factory=dict)
    _changed: dict[type[Model], dict[int, Any]] = field(default_factory=dict)

    def add(self, row: Model) -> None:
        """Has a new row of one of the models in NEW written with the batch."""
        self._new.setdefault(type(row), []).append(row)

    def change(self, row: Model) -> None:
        """Has the fields that CHANGING names of an old row written with the batch; a new one is written anyway."""
        if row.pk:
            self._changed.setdefault(type(row), {})[row.pk] = row

    def write(self) -> None:
        """Writes everything: one statement for each model, whatever the number of events."""
        for model in NEW:
            model._default_manager.bulk_create(self._new.get(model, []))
        for changed, names in CHANGING.items():
            bulk.write(self._changed.get(changed, {}).values(), names)
        RefundRequest.objects.link(self.told_refunds)
        ledger.post_many(self.postings)


type Handlers = dict[str, Callable[[StripeEvent, Plan], None]]
# The answer is further facts of the event. Raises stripe_api.StripeUnavailable, StripeRefused.
type Reads = dict[str, Callable[[StripeEvent], dict[str, Any]]]


def amount_of(event: StripeEvent, name: str) -> Decimal:
    """The exact amount in the event's currency that stripe_facts put into the facts as text; raises Refused."""
    value = event.facts.get(name)
    if value is None:
        raise Refused(f"The event names no {name}.")
    return Decimal(value)


def pledge_uuid_of(event: StripeEvent) -> UUID | None:
    """The pledge our own metadata names, which Stripe carries along."""
    try:
        return UUID(event.facts["metadata"]["pledge"])
    except (KeyError, TypeError, ValueError):
        return None


def find_donations(events: Sequence[StripeEvent], plan: Plan) -> None:
    """Puts the donations into `plan.donations` whose payments the events name."""
    payments = {str(p) for event in events if (p := event.facts.get("payment_intent"))}
    missing = payments - plan.donations.keys()
    if missing:
        plan.donations |= {
            str(donation.stripe_payment_intent_id): donation
            for donation in Donation.objects.select_related("fund").filter(
                stripe_payment_intent_id__in=missing
            )
        }
