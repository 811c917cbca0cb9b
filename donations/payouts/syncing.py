"""Reads what moved on Stripe's balance, and books it in one transaction, each movement once."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Min, Sum
from django.utils import timezone

from donations import ledger, stripe_api, stripe_facts
from donations.models import (
    BalanceTransaction,
    Donation,
    MovementExplanation,
    StripeBalance,
    StripeEvent,
    locks,
)
from donations.models.stripe_event import BALANCE_TYPES

from .itemising import Items, fetch_items, keep_items
from .movements import Booking
from .to_bank import book_payouts

logger = logging.getLogger(__name__)

# Older ones are left to the timetable: what Stripe has not said within an hour it does not say in seconds.
AWAITED = timedelta(hours=1)
# Clocks differ, and Stripe counts in whole seconds.
MARGIN = timedelta(minutes=1)


@dataclass
class Synced:
    """What a run found: how many entries are new, and each movement on Stripe's balance it could not place."""

    new_entries: int = 0
    unplaced: list[str] = field(default_factory=list)


def awaited_since(*, told_since: datetime, at: datetime) -> datetime | None:
    """From when on Stripe's balance holds something for us that we have not seen; None when there is nothing.

    Gifts of late without their fee, and payouts, refunds and disputes told of since `told_since`. So each movement is listed
    once or twice, however many gifts come in, and not again with every one of them.
    """
    without_fee = Donation.objects.filter(
        method=Donation.Method.CARD, fee=None, received_at__gte=at - AWAITED
    ).aggregate(first=Min("received_at"))["first"]
    told = StripeEvent.objects.filter(
        type__in=BALANCE_TYPES, processed_at__gte=told_since
    ).aggregate(first=Min("created_at"))["first"]
    # A payout is told of when it leaves, and lists by when it was made.
    instants = [without_fee and without_fee - MARGIN, told and told - AWAITED]
    return min((instant for instant in instants if instant), default=None)


def sync(*, since: datetime, is_weighed: bool = False) -> Synced:
    """Books what moved on Stripe's balance since an instant, and its payouts; run again it changes nothing.

    With `is_weighed` Stripe's own balance is read, too, to be held against all movements we know. Raises
    stripe_api.StripeUnavailable or StripeRefused, with nothing booked.
    """
    read_at = timezone.now()
    before = stripe_api.balances() if is_weighed else {}
    payouts = list(stripe_api.payouts(since=since))
    items = fetch_items(payouts)
    # A payout may bring money of long before.
    movements = {m.id: m for m in stripe_api.balance_transactions(since=since)}
    movements |= {m.id: m for listed in items.values() for m in listed}
    # Where it changed while the list was read, the next run compares.
    after = stripe_api.balances() if is_weighed else {}
    steady = {
        currency: amount for currency, amount in before.items() if after.get(currency) == amount
    }
    synced = _book([*movements.values()], payouts, items, read_at=read_at)
    _keep_balances(steady, at=read_at)
    for item in synced.unplaced:
        logger.warning("unplaced on Stripe's balance: %s", item)
    return synced


@transaction.atomic
def _book(
    movements: Sequence[stripe_facts.BalanceTransaction],
    payouts: Sequence[stripe_facts.Payout],
    items: Items,
    *,
    read_at: datetime,
) -> Synced:
    # Their events may come at the same moment, or another run.
    locks.hold(movement.source_id for movement in movements if movement.source_facts)
    _keep(movements)
    donations = {
        str(donation.stripe_payment_intent_id): donation
        for donation in Donation.objects.select_related("fund", "pledge").filter(
            stripe_payment_intent_id__in={m.payment_intent_id for m in movements}
        )
    }
    explained = set(
        MovementExplanation.objects.standing()
        # What is a gift is booked as all gifts are.
        .exclude(meaning=MovementExplanation.Meaning.GIFT)
        .filter(movement__stripe_id__in=[m.id for m in movements])
        .values_list("movement__stripe_id", flat=True)
    )
    booking = Booking(donations, explained=explained, read_at=read_at)
    # In the order they happened: what came back stands before what was sent again.
    for movement in sorted(movements, key=lambda moved: (moved.created_at, moved.id)):
        booking.place(movement)
    booking.write()
    synced = Synced(unplaced=booking.unplaced)
    postings = [*booking.postings, *book_payouts(payouts, synced.unplaced)]
    keep_items(items, synced.unplaced, at=read_at)
    synced.new_entries = ledger.post_many(postings)
    return synced


@transaction.atomic
def _keep_balances(amounts: Mapping[str, Decimal], *, at: datetime) -> None:
    if not amounts:
        return
    known = BalanceTransaction.objects.filter(currency__in=amounts).order_by()
    nets = known.values_list("currency").annotate(moved=Sum(F("amount") - F("fee")))
    moved: dict[str, Decimal] = dict(nets)
    StripeBalance.objects.bulk_create(
        [
            StripeBalance(
                currency=currency, amount=amount, moved=moved.get(currency, Decimal(0)), read_at=at
            )
            for currency, amount in sorted(amounts.items())
        ],
        update_conflicts=True,
        unique_fields=["currency"],
        update_fields=["amount", "moved", "read_at"],
    )


def _keep(movements: Sequence[stripe_facts.BalanceTransaction]) -> None:
    """What Stripe said, to hold the books against; also of what nobody can place."""
    BalanceTransaction.objects.bulk_create(
        [
            BalanceTransaction(
                stripe_id=movement.id,
                type=movement.type,
                category=movement.reporting_category,
                amount=movement.amount,
                fee=movement.fee,
                currency=movement.currency,
                created_at=movement.created_at,
                source_id=movement.source_id,
                stripe_payment_intent_id=movement.payment_intent_id,
                is_dispute=movement.is_dispute,
            )
            for movement in movements
        ],
        ignore_conflicts=True,
    )
