"""VERB: what a supporter changes of a monthly gift by card.

Each wish is committed with its idempotency key before Stripe is asked, outside of any transaction; what then counts is
Stripe's answer. Without an answer the wish stands, and settle() asks again until there is one.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from . import card_fees, stripe_api
from .models import Letter, Subscription, SubscriptionChange
from .models.subscription import TAKEN
from .tokens import gift_path

Kind = SubscriptionChange.Kind
# Days that every month has.
DAYS = range(1, 29)
# For so long the page that asked may still be waiting for Stripe's answer itself.
ANSWER_AWAITED = timedelta(minutes=2)
SETTLED_AT_ONCE = 50


class NotPossible(Exception):
    """The monthly gift does not stand so that this could be done; the argument says how: "ended", "paused" …"""


def change_amount(
    subscription: Subscription, *, amount: Decimal, covers_fee: bool, at: datetime
) -> None:
    """Each month from the next charge on `amount`, with its share of the card fees if wanted.

    Raises, as all of these, NotPossible; StripeRefused when Stripe will not; and StripeUnavailable when it has not
    answered: then the wish is kept and carried out as soon as it does.
    """
    cover = card_fees.cover_of(amount, subscription.currency) if covers_fee else None
    _ask(subscription, Kind.AMOUNT, at=at, amount=amount, fee_cover=cover or Decimal(0))


def change_day(subscription: Subscription, *, day: int, at: datetime) -> None:
    """Charged on this day of each month: for the first time on or after the charge that is planned now."""
    _ask(subscription, Kind.DAY, at=at, next_charge_at=first_on(subscription, day=day, at=at))


def first_on(subscription: Subscription, *, day: int, at: datetime) -> datetime:
    """When a monthly gift would be charged next if it were on another `day`; raises NotPossible.

    Never before the planned instant: so no month is charged twice, and two charges are in two calendar months.
    """
    assert day in DAYS
    planned = subscription.next_charge_at
    if not subscription.is_live:
        raise NotPossible("ended")
    if subscription.paused_at:
        raise NotPossible("paused")
    if planned is None or planned <= at or subscription.is_behind:
        raise NotPossible("charging")
    if planned.day == day:
        raise NotPossible("same_day")
    if planned.day > day:
        # From the first of a month to the first of the next.
        planned = (planned.replace(day=1) + timedelta(days=32)).replace(day=1)
    return planned.replace(day=day)


def pause(subscription: Subscription, *, at: datetime) -> None:
    """Not charged until it goes on; the months between are not asked for afterwards."""
    _ask(subscription, Kind.PAUSE, at=at)


def resume(subscription: Subscription, *, at: datetime) -> None:
    """Charged again from its next day on."""
    _ask(subscription, Kind.RESUME, at=at)


def stop(subscription: Subscription, *, at: datetime) -> None:
    """Ended at once and for good. Stopped already, it stays so."""
    if subscription.is_live:
        _ask(subscription, Kind.STOP, at=at)


def remind(subscription: Subscription, *, is_wanted: bool) -> None:
    """Whether the supporter is written to before each charge. Ours alone: Stripe need not know."""
    subscription.is_reminder_wanted = is_wanted
    subscription.save(update_fields=["is_reminder_wanted"])


def card_page(subscription: Subscription) -> str:
    """The address of Stripe's page to replace the card: made for this click, to be followed at once, kept nowhere."""
    if not subscription.is_live:
        raise NotPossible("ended")
    pledge = subscription.pledge
    return stripe_api.open_card_page(
        customer_id=subscription.stripe_customer_id,
        return_url=f"{settings.SITE_URL}{gift_path(pledge)}",
        locale=pledge.language,
        # It changes nothing and is used once: each click gets its own.
        idempotency_key=f"card-page-{uuid4()}",
    )


def _ask(subscription: Subscription, kind: Kind, *, at: datetime, **what: Any) -> None:
    change = _keep(subscription, kind, at=at, what=what)
    if change:
        _carry_out(change, at=at)
    subscription.refresh_from_db()


@transaction.atomic(durable=True)
def _keep(
    subscription: Subscription, kind: Kind, *, at: datetime, what: dict[str, Any]
) -> SubscriptionChange | None:
    """The wish as a row: the one that waits if it is the same, so that a double click is one. None when it is so already."""
    held = Subscription.objects.select_for_update(no_key=True).get(pk=subscription.pk)
    if not held.is_live:
        raise NotPossible("ended")
    waiting = held.changes.open().first()
    if waiting:
        if waiting.kind == kind and all(getattr(waiting, name) == what[name] for name in what):
            return waiting
        if waiting.kind == Kind.STOP:
            raise NotPossible("ended")
        # Whether Stripe carried it out or not, the new one decides; what it may have done, it will tell us.
        waiting.dropped_at = at
        waiting.save(update_fields=["dropped_at"])
    elif _is_so(held, kind, what):
        return None
    return SubscriptionChange.objects.create(
        subscription=held,
        kind=kind,
        idempotency_key=f"monthly-{held.stripe_subscription_id}-{held.changes.count() + 1}",
        asked_at=at,
        **what,
    )


def _is_so(subscription: Subscription, kind: Kind, what: dict[str, Any]) -> bool:
    match kind:
        case Kind.AMOUNT:
            return (subscription.amount, subscription.fee_cover) == (
                what["amount"],
                what["fee_cover"],
            )
        case Kind.PAUSE:
            return subscription.paused_at is not None
        case Kind.RESUME:
            return subscription.paused_at is None
    return False


def _carry_out(change: SubscriptionChange, *, at: datetime) -> None:
    name = change.subscription.stripe_subscription_id
    try:
        facts = _call(change)
    except stripe_api.StripeRefused:
        # A stop whose first answer was lost is refused when asked again: it is done.
        if not _note(change, stripe_api.retrieve_subscription(name), at=at):
            raise
    else:
        _note(change, facts, at=at)


def _call(change: SubscriptionChange) -> dict[str, Any]:
    """Asks Stripe; asked again with the same key it does nothing twice. Returns the facts of its answer."""
    subscription, key = change.subscription, change.idempotency_key
    name = subscription.stripe_subscription_id
    calls: dict[str, Callable[..., dict[str, Any]]] = {
        Kind.PAUSE: stripe_api.pause_subscription,
        Kind.RESUME: stripe_api.resume_subscription,
        Kind.STOP: stripe_api.stop_subscription,
    }
    if call := calls.get(change.kind):
        return call(name, idempotency_key=key)
    if change.kind == Kind.DAY:
        assert change.next_charge_at is not None
        return stripe_api.change_charge_day(
            name, next_charge_at=change.next_charge_at, idempotency_key=key
        )
    assert change.amount is not None and change.fee_cover is not None
    return stripe_api.change_monthly_amount(
        name,
        amount=change.amount,
        fee_cover=change.fee_cover,
        currency=subscription.currency,
        idempotency_key=key,
    )


@transaction.atomic(durable=True)
def _note(change: SubscriptionChange, facts: dict[str, Any], *, at: datetime) -> bool:
    """Believes what Stripe says: the wish is done when it shows, and True; else it is dropped."""
    held = Subscription.objects.select_for_update(no_key=True).get(pk=change.subscription_id)
    change = held.changes.select_for_update().get(pk=change.pk)
    was_live = held.is_live
    held.take(facts, read_at=max(at, held.read_at))
    if change.is_open:
        if change.is_shown_by(facts):
            held.settle(change, at=at)
        else:
            change.dropped_at = at
        change.save(update_fields=["done_at", "dropped_at"])
    held.save(update_fields=[*TAKEN, "amount", "fee_cover"])
    if was_live and not held.is_live and held.pledge.supporter_id:
        Letter.objects.create(
            kind=Letter.Kind.MONTHLY_STOPPED, pledge=held.pledge, created_at=at, due_at=at
        )
    return change.done_at is not None


def settle(*, at: datetime) -> int:
    """Asks Stripe again for every wish it has not answered; returns how many it now has. Raises StripeUnavailable."""
    waiting = SubscriptionChange.objects.open().filter(asked_at__lt=at - ANSWER_AWAITED)
    settled = 0
    for change in waiting.select_related("subscription").order_by("pk")[:SETTLED_AT_ONCE]:
        try:
            _carry_out(change, at=at)
        except stripe_api.StripeRefused:
            # Noted as dropped; the page shows how the gift stands.
            continue
        settled += 1
    return settled


def remind_due(*, at: datetime) -> None:
    """Queues a letter for each charge of the next days that its supporter wants to be told of before: one for each."""
    letters = [
        Letter(
            kind=Letter.Kind.UPCOMING_CHARGE,
            pledge_id=subscription.pledge_id,
            # Of one charge, however often this runs.
            occasion=subscription.next_charge_at.date().isoformat(),
            created_at=at,
            due_at=at,
        )
        for subscription in Subscription.objects.to_remind(at)
        if subscription.next_charge_at
    ]
    Letter.objects.bulk_create(letters, ignore_conflicts=True)
