"""Events of a payment on its way: a card was declined, which books nothing and tells of card testing."""

from collections.abc import Sequence

from donations.models import Decline, Pledge, StripeEvent

from .plan import Handlers, Plan, Reads, pledge_uuid_of


def find(events: Sequence[StripeEvent], plan: Plan) -> None:
    """The declines known already, and the pledges the payments are for."""
    sources = [_source_of(event) for event in events]
    plan.declined |= set(
        Decline.objects.filter(source__in=sources).values_list("source", flat=True)
    )
    uuids = [uuid for event in events if (uuid := pledge_uuid_of(event))]
    plan.pledge_keys |= dict(Pledge.objects.filter(uuid__in=uuids).values_list("uuid", "pk"))


def declined(event: StripeEvent, plan: Plan) -> None:
    """payment_intent.payment_failed: one try at one card. The same payment may be tried again with another."""
    source = _source_of(event)
    if source in plan.declined:
        return
    plan.declined.add(source)
    uuid = pledge_uuid_of(event)
    plan.add(
        Decline(
            pledge_id=plan.pledge_keys.get(uuid) if uuid else None,
            currency=event.facts.get("currency") or "",
            code=event.facts.get("decline_code") or event.facts.get("error_code") or "",
            declined_at=event.created_at,
            source=source,
        )
    )


def _source_of(event: StripeEvent) -> str:
    """Each try has a charge of its own, which Stripe may tell of twice."""
    return f"stripe:{event.facts.get('latest_charge') or event.event_id}"


HANDLERS: Handlers = {"payment_intent.payment_failed": declined}
READS: Reads = {}
