"""One telling of a world's events: some lost, the others repeated and out of order, to several workers at once; then synced."""

import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from django.db import connections

from donations import catching_up, payouts, webhooks
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
TICK = timedelta(seconds=0.05)


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
    # The night thirty days after the world began: what Stripe keeps reaches back to there.
    now = night(events)
    ticks, is_over = itertools.count(), threading.Event()

    def work(number: int) -> None:
        try:
            while True:
                is_last = is_over.is_set()
                # Time goes on with every look, so that what has to wait is tried again among all the rest.
                at = now + TICK * next(ticks)
                found = webhooks.process_pending(at=at)
                if found and number == 0:
                    # As the job does after what it acted on.
                    payouts.sync(since=now - timedelta(days=1))
                if not found:
                    if is_last:
                        return
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
    sync(now)
    return outcome()


def night(events: Sequence[Event]) -> datetime:
    return events[0].created_at + catching_up.STRIPE_REMEMBERS


def sync(at: datetime) -> None:
    """As the timetable does: the night's run; what waits to be tried again; and the next night's."""
    since = at - catching_up.STRIPE_REMEMBERS
    catching_up.sync(since=since, at=at)
    catching_up.act(at=at + timedelta(days=1))
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
