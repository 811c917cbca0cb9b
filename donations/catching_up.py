"""What the timetable and `sync_stripe` do: act on what Stripe told, and fetch what it told in vain."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from . import pausing, payouts, refunds, webhooks
from .models import Entry

STRIPE_REMEMBERS = timedelta(days=30)


@dataclass(frozen=True)
class Found:
    """What a run found: `told` the events that had not arrived, by type; `booked` the new entries, by kind.

    `read` is what objects told whose events Stripe has no more, by the type those had. `unplaced` names each movement
    on Stripe's balance that a person must place.
    """

    told: Counter[str]
    read: Counter[str]
    booked: Counter[str]
    unplaced: list[str]


def sync(*, since: datetime, at: datetime) -> Found:
    """Brings the books to where they would be had every webhook since an instant arrived; run again it changes nothing.

    Raises stripe_api.StripeUnavailable, StripeRefused: what was booked until then stands, and nothing is lost.
    """
    last = Entry.objects.aggregate(last=Max("pk"))["last"] or 0
    told, read = fetch(since=since, at=at)
    act(at=at)
    synced = payouts.sync(since=since, is_weighed=True)
    kinds = Entry.objects.filter(pk__gt=last).order_by().values_list("kind", flat=True)
    return Found(
        told=told,
        read=read,
        booked=Counter(kinds),
        unplaced=synced.unplaced,
    )


def sync_far(*, at: datetime) -> Found:
    """As far back as Stripe keeps its events; further where a monthly gift waits for longer."""
    since = at - STRIPE_REMEMBERS
    overdue_since = webhooks.ask_after_overdue(at=at)
    return sync(since=min(since, overdue_since or since), at=at)


def fetch(*, since: datetime, at: datetime) -> tuple[Counter[str], Counter[str]]:
    """Keeps what had not arrived, to be acted on: events, and what older objects tell; how many, by type."""
    told = webhooks.catch_up(since=since, at=at)
    forgotten = at - STRIPE_REMEMBERS
    if since >= forgotten:
        return told, Counter()
    # A day more, so that nothing falls between the two ways of looking.
    until = forgotten + timedelta(days=1)
    return told, webhooks.look_through(since=since, until=until, at=at)


def act(*, at: datetime) -> int:
    """Acts on every event that is due; returns how many those were."""
    total = 0
    while looked_at := webhooks.process_pending(at=at):
        total += looked_at
        # After each batch: while thousands of cards are tried, the next batch is too late.
        pausing.pause_what_fails(at=at)
    # Whoever processed them, and whatever came of it.
    refunds.answer_warnings(at=at)
    return total
