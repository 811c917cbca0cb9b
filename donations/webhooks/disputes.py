"""Events of disputes: a supporter's bank takes a payment back, or asks about it first.

They tell its state. The money itself is booked when it moves on Stripe's balance (donations/payouts).
"""

from collections.abc import Sequence

from donations.models import Dispute, StripeEvent

from .plan import Handlers, NotYet, Plan, Reads, Refused, amount_of, find_donations


def find(events: Sequence[StripeEvent], plan: Plan) -> None:
    """The disputes known already, and the donations they are about."""
    plan.disputes |= Dispute.objects.select_for_update().in_bulk(
        [event.object_id for event in events], field_name="stripe_dispute_id"
    )
    find_donations(events, plan)


def told(event: StripeEvent, plan: Plan) -> None:
    """charge.dispute.created: opened, as an inquiry or with the money gone. .funds_withdrawn and .funds_reinstated: the
    money moved. .updated: answered, or an inquiry became more. .closed: won, lost, or an inquiry that ended."""
    if known := plan.disputes.get(event.object_id):
        if known.hear(event.facts, at=event.created_at):
            plan.change(known)
        return
    donation = plan.donations.get(str(event.facts.get("payment_intent")))
    if donation is None:
        raise NotYet("The disputed donation is not booked yet.")
    if event.facts.get("currency") != donation.currency:
        raise Refused(f"Disputed in {event.facts.get('currency')}, given in {donation.currency}.")
    amount_of(event, "amount")
    dispute = Dispute.told(event.facts, donation, at=event.created_at)
    plan.disputes[event.object_id] = dispute
    plan.add(dispute)


HANDLERS: Handlers = {
    "charge.dispute.created": told,
    "charge.dispute.updated": told,
    "charge.dispute.closed": told,
    "charge.dispute.funds_withdrawn": told,
    "charge.dispute.funds_reinstated": told,
}
READS: Reads = {}
