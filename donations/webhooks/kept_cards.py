"""Events of payments with a kept card: they have no page of Stripe's that would tell of them."""

from collections.abc import Sequence

from donations.models import Donation, Pledge, StripeEvent

from .plan import Handlers, Plan, Reads, Refused, amount_of, find_donations, pledge_uuid_of
from .sessions import book


def find(events: Sequence[StripeEvent], plan: Plan) -> None:
    """The gifts on condition the payments are for, and what is booked of them already."""
    uuids = [uuid for event in events if (uuid := pledge_uuid_of(event))]
    conditional = Pledge.objects.select_related("fund").filter(
        uuid__in=uuids, method=Pledge.Method.KEPT_CARD
    )
    plan.conditional |= {pledge.uuid: pledge for pledge in conditional}
    find_donations(events, plan)
    known = Donation.objects.select_related("fund").filter(
        stripe_payment_intent_id__in=[event.object_id for event in events]
    )
    plan.donations |= {str(donation.stripe_payment_intent_id): donation for donation in known}


def succeeded(event: StripeEvent, plan: Plan) -> None:
    """payment_intent.succeeded: of a kept card this books; of all other payments their pages and invoices do."""
    uuid = pledge_uuid_of(event)
    pledge = plan.conditional.get(uuid) if uuid else None
    if pledge is None or event.object_id in plan.donations:
        return
    currency, amount = event.facts.get("currency"), amount_of(event, "amount_received")
    if (amount, currency) != (pledge.amount, pledge.currency):
        raise Refused(f"Paid {amount} {currency}, pledged {pledge.amount} {pledge.currency}.")
    donation = Donation(
        pledge=pledge,
        fund=pledge.fund,
        method=Donation.Method.CARD,
        amount=amount,
        currency=currency,
        received_at=event.created_at,
        source=f"stripe:{event.object_id}",
        stripe_payment_intent_id=event.object_id,
    )
    book(donation, plan)


HANDLERS: Handlers = {"payment_intent.succeeded": succeeded}
READS: Reads = {}
