"""What Stripe told in vain: fetched from its list of events, or from the objects themselves where it has forgotten those."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings

from donations import stripe_api
from donations.models import StripeEvent, Subscription
from donations.stripe_facts import Event

from .processing import HANDLERS, receive

CATCH_UP_TYPES = [*HANDLERS]
# What Stripe charges it tells within hours; after so long it is taken for lost.
OVERDUE = timedelta(days=3)


def catch_up(*, since: datetime, at: datetime) -> Counter[str]:
    """Keeps the events since an instant that never arrived here; returns how many those were, by type.

    Webhooks are hints: with every one of them lost, this brings the same events to the same books. Raises
    stripe_api.StripeUnavailable, StripeRefused.
    """
    return _keep(stripe_api.list_events(since=since, types=CATCH_UP_TYPES), at=at)


def look_through(*, since: datetime, until: datetime, at: datetime) -> Counter[str]:
    """Keeps what the objects made between two instants tell of how they stand, for events that Stripe has no more.

    Returns how many are told so for the first time, by type: also of those whose events had arrived.
    """
    return _keep(stripe_api.list_objects(since=since, until=until), at=at)


def _keep(told: Iterable[Event], *, at: datetime) -> Counter[str]:
    told = list(told)
    names = [event.id for event in told]
    known = set(StripeEvent.objects.filter(event_id__in=names).values_list("event_id", flat=True))
    return Counter(event.type for event in told if event.id not in known and receive(event, at=at))


def ask_after_overdue(*, at: datetime) -> datetime | None:
    """Has Stripe asked how each monthly gift stands of whose planned charge nothing was heard for days.

    Returns since when their months are to be fetched; None when there are none.
    """
    overdue = Subscription.objects.live().filter(paused_at=None, next_charge_at__lt=at - OVERDUE)
    since = None
    for subscription in overdue.order_by("-next_charge_at"):
        assert subscription.next_charge_at is not None
        since, name = subscription.next_charge_at, subscription.stripe_subscription_id
        receive(
            Event(
                # Once for each charge that was missed.
                id=f"overdue:{name}:{since:%Y-%m-%d}",
                type="customer.subscription.updated",
                created_at=at,
                livemode=settings.STRIPE_LIVEMODE,
                account="",
                api_version="",
                object_id=name,
                object_type="subscription",
                # The rest is read before it is acted on, as of every such event.
                facts={"id": name, "object": "subscription"},
            ),
            at=at,
        )
    return since
