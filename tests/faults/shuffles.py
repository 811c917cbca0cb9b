"""One telling of a world's events: some lost, the others repeated and out of order, to several workers at once; then synced."""

import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from django.db import connections
from django.utils import timezone

from donations import payouts, webhooks
from donations.emails import ABOUT_A_CHARGE
from donations.ledger import ledger_hash
from donations.models import (
    BalanceTransaction,
    Checkout,
    Decline,
    Dispute,
    Donation,
    FraudWarning,
    Letter,
    MonthlyCharge,
    Payout,
    Refund,
    StripeEvent,
    Subscription,
)
from donations.proofs import prove
from donations.stripe_facts import Event

WORKERS = 4
MOST_DELIVERIES = 5
A_LONG_TIME = timedelta(days=100)


@dataclass(frozen=True)
class Outcome:
    """What stands at the end: the books' hash, the invariants that do not hold, the rows of ours by their table."""

    ledger_hash: str
    broken: tuple[str, ...]
    rows: dict[str, list[tuple]]


def play(events: Sequence[Event], *, seed: int, lost: float) -> Outcome:
    """Tells all but the share `lost` of the events, each up to five times, while four workers act on them; then syncs."""
    random = Random(seed)
    told = [event for event in events if random.random() >= lost]
    deliveries = [event for event in told for _n in range(random.randint(1, MOST_DELIVERIES))]
    random.shuffle(deliveries)
    is_over = threading.Event()
    now = timezone.now()
    # With every look a minute has passed: so what has to wait is tried again among all the rest.
    minutes = itertools.count()

    def work(_number: int) -> int:
        acted = 0
        try:
            while True:
                is_last = is_over.is_set()
                found = webhooks.process_pending(at=now + timedelta(minutes=next(minutes)))
                acted += found
                if not found and is_last:
                    return acted
                if not found:
                    time.sleep(0.005)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WORKERS) as pool:
        workers = [pool.submit(work, number) for number in range(WORKERS)]
        try:
            for event in deliveries:
                webhooks.receive(event, at=now)
        finally:
            is_over.set()
        for worker in workers:
            worker.result()
    sync(now + timedelta(minutes=next(minutes)))
    return outcome()


def sync(at) -> None:
    """As the timetable does: a night's run, and what is left over at the turns that follow."""
    since = at - A_LONG_TIME
    webhooks.catch_up(since=since, at=at)
    while webhooks.process_pending(at=at):
        pass
    later = at + timedelta(days=1)
    while webhooks.process_pending(at=later):
        pass
    payouts.sync(since=since)


def outcome() -> Outcome:
    return Outcome(
        ledger_hash(),
        tuple(
            f"{proof.name}: {proof.contradictions} of {proof.cases}, {proof.examples}"
            for proof in prove()
            if not proof.holds
        ),
        {
            "events left": _rows(
                StripeEvent.objects.filter(processed_at=None), "event_id", "type", "error"
            ),
            "donations": _rows(
                Donation.objects,
                *(
                    "source",
                    "amount",
                    "fee",
                    "currency",
                    "fund__code",
                    "pledge__uuid",
                    "received_at",
                ),
            ),
            "refunds": _rows(
                Refund.objects,
                *("stripe_refund_id", "amount", "refunded_at", "status", "failure_reason"),
                *("source", "return_source", "returned_at"),
            ),
            "disputes": _rows(
                Dispute.objects,
                *("stripe_dispute_id", "amount", "status", "opened_at", "due_by", "closed_at"),
            ),
            "warnings": _rows(
                FraudWarning.objects, "stripe_warning_id", "donation__source", "is_actionable"
            ),
            "movements": _rows(BalanceTransaction.objects, "stripe_id", "amount", "fee"),
            "payouts": _rows(Payout.objects, "stripe_payout_id", "amount", "returned_at"),
            "checkouts": _rows(
                Checkout.objects,
                *("stripe_session_id", "completed_at", "failed_at", "expired_at"),
            ),
            "monthly gifts": _rows(
                Subscription.objects,
                *(
                    "stripe_subscription_id",
                    "status",
                    "amount",
                    "fee_cover",
                    "next_charge_at",
                    "ended_at",
                ),
            ),
            "months": _rows(
                MonthlyCharge.objects,
                *(
                    "stripe_invoice_id",
                    "state",
                    "amount",
                    "due_on",
                    "donation__source",
                    "told_at",
                    "next_try_at",
                ),
            ),
            "declines": _rows(Decline.objects, "source", "pledge__uuid", "code", "declined_at"),
            "letters": _letters(),
        },
    )


def _letters() -> list[tuple]:
    """Those about a month that was paid in the end aside: they are for the time between, if there is any.

    Of a month that was not, either word may have come first: that the card failed, or that the bank asks.
    """
    paid = MonthlyCharge.objects.filter(state="paid").values("stripe_invoice_id")
    letters = Letter.objects.exclude(occasion__in=paid)
    return sorted(
        ("month unpaid" if kind in ABOUT_A_CHARGE else kind, *map(str, others))
        for kind, *others in letters.values_list(
            "kind", "pledge__uuid", "donation__source", "occasion"
        )
    )


def _rows(rows, *names: str) -> list[tuple]:
    return sorted(tuple(map(str, row)) for row in rows.values_list(*names))
