"""Events of monthly gifts: how they stand at Stripe, whoever changed them there."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from donations import stripe_api
from donations.models import Letter, Pledge, StripeEvent, Subscription, SubscriptionChange

from .plan import Handlers, Plan, Reads, Refused, pledge_uuid_of


def find(events: Sequence[StripeEvent], plan: Plan) -> None:
    find_monthly(events, plan)


def find_monthly(events: Iterable[StripeEvent], plan: Plan) -> None:
    """Puts the monthly gifts into the plan that the events name; of new ones, the pledges they are made of."""
    events = list(events)
    names = {name for event in events if (name := name_of(event))} - plan.subscriptions.keys()
    plan.subscriptions |= {
        row.stripe_subscription_id: row
        # Held, because its supporter may be changing it at this moment.
        for row in Subscription.objects.select_for_update(no_key=True, of=("self",))
        .select_related("pledge__fund")
        .prefetch_related("changes")
        .filter(stripe_subscription_id__in=names)
        .order_by("pk")
    }
    new = [event for event in events if name_of(event) not in plan.subscriptions]
    if uuids := {uuid for event in new if (uuid := pledge_uuid_of(event))} - plan.pledges.keys():
        plan.pledges |= {
            pledge.uuid: pledge
            for pledge in Pledge.objects.select_related("fund", "subscription").filter(
                uuid__in=uuids, frequency=Pledge.Frequency.MONTHLY, method=Pledge.Method.CARD
            )
        }


def name_of(event: StripeEvent) -> str:
    """Stripe's name of the subscription an event is about, or of the one its invoice or session is for."""
    if event.type.startswith("customer.subscription."):
        return event.object_id
    return event.facts.get("subscription") or ""


def subscription_of(event: StripeEvent, plan: Plan) -> Subscription:
    """The monthly gift of an event; a new one where its pledge has none yet. Raises Refused."""
    name = name_of(event)
    if not name:
        raise Refused("It is of no subscription.")
    if known := plan.subscriptions.get(name):
        return known
    uuid = pledge_uuid_of(event)
    pledge = plan.pledges.get(uuid) if uuid else None
    if pledge is None:
        raise Refused("No monthly gift of ours has this subscription.")
    others = {row.pledge_id for row in plan.subscriptions.values()}
    if hasattr(pledge, "subscription") or pledge.pk in others:
        raise Refused("Its pledge has another subscription already: one of the two is to be ended.")
    subscription = Subscription(
        pledge=pledge,
        stripe_subscription_id=name,
        stripe_customer_id=event.facts.get("customer") or "",
        status="active",
        amount=pledge.amount,
        fee_cover=pledge.fee_cover,
        currency=pledge.currency,
        created_at=event.created_at,
        read_at=event.created_at,
    )
    plan.subscriptions[name] = subscription
    plan.add(subscription)
    return subscription


def take(
    subscription: Subscription, facts: dict[str, Any], plan: Plan, *, read_at: datetime
) -> None:
    """Takes over how Stripe says the monthly gift stands; a wish it shows to be carried out is done."""
    was_live, was_paused = subscription.is_live, subscription.paused_at is not None
    if not subscription.take(facts, read_at=read_at):
        return
    plan.change(subscription)
    for change in subscription.changes.all() if subscription.pk else ():
        if change.is_open and change.is_shown_by(facts):
            subscription.settle(change, at=plan.at)
            plan.change(change)
            was_paused = subscription.paused_at is not None
    if subscription.is_live and was_paused != (subscription.paused_at is not None):
        _note_pause(subscription, plan, read_at=read_at)
    if was_live and not subscription.is_live and subscription.pledge.supporter_id:
        plan.add(
            Letter(
                kind=Letter.Kind.MONTHLY_STOPPED,
                pledge=subscription.pledge,
                created_at=plan.at,
                due_at=plan.at,
            )
        )


def _note_pause(subscription: Subscription, plan: Plan, *, read_at: datetime) -> None:
    """Paused, or gone on, in Stripe's dashboard: the months that are missing for it are explained (proofs, "months")."""
    kinds = SubscriptionChange.Kind
    kind = kinds.PAUSE if subscription.paused_at else kinds.RESUME
    plan.add(
        SubscriptionChange(
            subscription=subscription,
            kind=kind,
            idempotency_key=f"told-{subscription.stripe_subscription_id}-{kind}-{read_at.timestamp()}",
            asked_at=read_at,
            done_at=read_at,
        )
    )


def changed(event: StripeEvent, plan: Plan) -> None:
    """customer.subscription.updated, .paused, .resumed: another amount or day, a pause, a charge that waits."""
    check_read(event)
    assert event.read_at is not None  # of these types every event is read
    take(subscription_of(event, plan), event.facts, plan, read_at=event.read_at)


def ended(event: StripeEvent, plan: Plan) -> None:
    """customer.subscription.deleted: stopped by the supporter, in Stripe's dashboard, or after too many refusals."""
    subscription = subscription_of(event, plan)
    # Final, whatever was read before.
    take(subscription, event.facts, plan, read_at=max(event.created_at, subscription.read_at))


def check_read(event: StripeEvent) -> None:
    """Raises Refused when Stripe refused to say more about the event."""
    if error := event.facts.get("read_error"):
        raise Refused(f"Stripe refused to say how it stands: {error}.")


def read(event: StripeEvent) -> dict[str, Any]:
    """How the subscription stands now: Stripe keeps no order, and another event may have overtaken this one."""
    return stripe_api.retrieve_subscription(event.object_id)


HANDLERS: Handlers = {
    "customer.subscription.updated": changed,
    "customer.subscription.paused": changed,
    "customer.subscription.resumed": changed,
    "customer.subscription.deleted": ended,
}
READS: Reads = {kind: read for kind, handler in HANDLERS.items() if handler is changed}
