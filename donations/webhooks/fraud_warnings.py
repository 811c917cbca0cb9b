"""Events of early fraud warnings: a card's bank suspects that somebody else paid with it. Kept here, answered by a job."""

from collections.abc import Sequence
from datetime import UTC, datetime

from donations.models import FraudWarning, StripeEvent

from .plan import Handlers, NotYet, Plan, Reads, find_donations


def find(events: Sequence[StripeEvent], plan: Plan) -> None:
    """The warnings known already, and the donations they are about."""
    plan.fraud_warnings |= FraudWarning.objects.in_bulk(
        [event.object_id for event in events], field_name="stripe_warning_id"
    )
    find_donations(events, plan)


def warned(event: StripeEvent, plan: Plan) -> None:
    """radar.early_fraud_warning.created: days or weeks after the payment."""
    if event.object_id in plan.fraud_warnings:
        return
    donation = plan.donations.get(str(event.facts.get("payment_intent")))
    if donation is None:
        raise NotYet("The suspected donation is not booked yet.")
    warning = FraudWarning(
        stripe_warning_id=event.object_id,
        donation=donation,
        fraud_type=event.facts.get("fraud_type") or "",
        is_actionable=bool(event.facts.get("actionable")),
        warned_at=datetime.fromtimestamp(event.facts["created"], UTC),
    )
    plan.fraud_warnings[event.object_id] = warning
    plan.add(warning)


HANDLERS: Handlers = {"radar.early_fraud_warning.created": warned}
READS: Reads = {}
