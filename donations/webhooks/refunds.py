"""Events of refunds: money goes back to a supporter, asked for by us or in Stripe's dashboard."""

from collections.abc import Sequence
from datetime import UTC, datetime

from donations.ledger import Posting
from donations.models import AccountKey, Entry, Refund, StripeEvent

from .plan import Handlers, NotYet, Plan, Reads, Refused, amount_of, find_donations


def find(events: Sequence[StripeEvent], plan: Plan) -> None:
    """The refunds known already, and the donations they take back."""
    plan.refunds |= Refund.objects.in_bulk(
        [event.object_id for event in events], field_name="stripe_refund_id"
    )
    find_donations(events, plan)


def refunded(event: StripeEvent, plan: Plan) -> None:
    """refund.created, refund.updated: the money is gone once the status is "succeeded"."""
    if event.facts.get("status") != "succeeded" or event.object_id in plan.refunds:
        return
    donation = plan.donations.get(str(event.facts.get("payment_intent")))
    if donation is None:
        raise NotYet("The refunded donation is not booked yet.")
    if event.facts.get("currency") != donation.currency:
        raise Refused(f"Refunded in {event.facts.get('currency')}, given in {donation.currency}.")
    # The refund's own time: it is the same in whichever of its events arrives first.
    refunded_at = datetime.fromtimestamp(event.facts["created"], UTC)
    refund = Refund(
        donation=donation,
        amount=amount_of(event, "amount"),
        refunded_at=refunded_at,
        stripe_refund_id=event.object_id,
    )
    plan.refunds[event.object_id] = refund
    plan.add(refund)
    plan.postings.append(
        Posting(
            kind=Entry.Kind.REFUND,
            debit=AccountKey.fund(donation.fund, donation.currency),
            credit=AccountKey.stripe(donation.currency),
            amount=refund.amount,
            booked_on=refunded_at.date(),
            source=f"stripe:{event.object_id}",
        )
    )


HANDLERS: Handlers = {
    "refund.created": refunded,
    "refund.updated": refunded,
}
READS: Reads = {}
