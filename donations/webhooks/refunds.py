"""Events of refunds: money on its way back to a supporter, asked for here or in Stripe's dashboard.

They tell how far it has come. The money itself is booked when it moves on Stripe's balance (donations/payouts).
"""

from collections.abc import Sequence

from donations.models import Refund, StripeEvent

from .plan import Handlers, NotYet, Plan, Reads, Refused, amount_of, find_donations


def find(events: Sequence[StripeEvent], plan: Plan) -> None:
    """The refunds known already, and the donations they take back."""
    plan.refunds |= Refund.objects.select_for_update().in_bulk(
        [event.object_id for event in events], field_name="stripe_refund_id"
    )
    find_donations(events, plan)


def told(event: StripeEvent, plan: Plan) -> None:
    """refund.created, refund.updated, refund.failed: the last one perhaps days after the money seemed to have arrived."""
    if known := plan.refunds.get(event.object_id):
        if known.hear(event.facts):
            plan.change(known)
        return
    donation = plan.donations.get(str(event.facts.get("payment_intent")))
    if donation is None:
        raise NotYet("The refunded donation is not booked yet.")
    if event.facts.get("currency") != donation.currency:
        raise Refused(f"Refunded in {event.facts.get('currency')}, given in {donation.currency}.")
    amount_of(event, "amount")
    refund = Refund.told(event.facts, donation)
    plan.refunds[event.object_id] = refund
    plan.add(refund)
    plan.told_refunds.append((event.facts, refund))


HANDLERS: Handlers = {
    "refund.created": told,
    "refund.updated": told,
    "refund.failed": told,
}
READS: Reads = {}
