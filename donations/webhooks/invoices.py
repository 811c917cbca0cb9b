"""Events of invoices: a month of a monthly gift was paid, was not, or was not asked for. They alone book monthly gifts, the first month too."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from donations import stripe_api
from donations.models import Donation, Letter, MonthlyCharge, StripeEvent, Subscription
from donations.month_days import first_day

from .plan import Handlers, Plan, Reads, Refused, amount_of, find_donations
from .sessions import book
from .subscriptions import check_read, find_monthly, name_of, subscription_of, take


def find(events: Sequence[StripeEvent], plan: Plan) -> None:
    """The monthly gifts the invoices are for, their months known already, and the donations made of them."""
    find_monthly(events, plan)
    plan.charges |= {
        charge.stripe_invoice_id: charge
        for charge in MonthlyCharge.objects.filter(
            stripe_invoice_id__in=[event.object_id for event in events]
        )
    }
    paid = MonthlyCharge.objects.filter(
        subscription__stripe_subscription_id__in={name_of(event) for event in events},
        state=MonthlyCharge.State.PAID,
        due_on__gte=min(_month_of(event) for event in events),
    )
    for name, due_on, invoice in paid.values_list(
        "subscription__stripe_subscription_id", "due_on", "stripe_invoice_id"
    ):
        plan.paid_months[name, first_day(due_on)] = invoice
    find_donations(events, plan)


def _due_on(event: StripeEvent) -> date:
    """The day the invoice's month began, in UTC."""
    start = event.facts.get("period_start") or event.facts.get("created")
    return (datetime.fromtimestamp(start, UTC) if start else event.created_at).date()


def _month_of(event: StripeEvent) -> date:
    return first_day(_due_on(event))


def paid(event: StripeEvent, plan: Plan) -> None:
    """invoice.paid: a month's money was taken. Stripe also sends it for 0, when a new day was chosen."""
    amount = amount_of(event, "amount_paid")
    subscription = _subscription_of(event, plan, amount)
    if not amount:
        return
    payment = event.facts.get("payment_intent")
    if not payment:
        raise Refused("The invoice is paid and names no payment.")
    if payment in plan.donations:
        return
    month = subscription.stripe_subscription_id, _month_of(event)
    if other := plan.paid_months.get(month):
        raise Refused(f"This month was paid already, by {other}.")
    donation = Donation(
        pledge=subscription.pledge,
        fund=subscription.pledge.fund,
        method=Donation.Method.CARD,
        amount=amount,
        currency=subscription.currency,
        received_at=event.created_at,
        source=f"stripe:{payment}",
        stripe_payment_intent_id=payment,
    )
    book(donation, plan)
    state = MonthlyCharge.State.PAID
    charge = plan.charges.get(event.object_id) or _new_charge(
        event, subscription, plan, amount, state
    )
    charge.state, charge.donation = state, donation
    charge.told_at, charge.next_try_at = event.created_at, None
    plan.change(charge)
    plan.paid_months[month] = event.object_id


def failed(event: StripeEvent, plan: Plan) -> None:
    """invoice.payment_failed: the card was refused; Stripe says when it tries again, if it does."""
    _unpaid(event, plan, MonthlyCharge.State.FAILED, Letter.Kind.PAYMENT_FAILED)


def action_required(event: StripeEvent, plan: Plan) -> None:
    """invoice.payment_action_required: the supporter's bank wants to hear from the supporter (3-D Secure)."""
    _unpaid(event, plan, MonthlyCharge.State.ACTION, Letter.Kind.ACTION_REQUIRED)


def _unpaid(event: StripeEvent, plan: Plan, state: MonthlyCharge.State, kind: Letter.Kind) -> None:
    """Notes the month; one letter for it, however often Stripe tries and whatever it says of the same try."""
    amount = amount_of(event, "amount_due")
    subscription = _subscription_of(event, plan, amount)
    if not amount:
        return
    charge = plan.charges.get(event.object_id)
    if charge and charge.state not in MonthlyCharge.UNPAID:
        return
    if charge is None:
        charge = _new_charge(event, subscription, plan, amount, state)
        if subscription.pledge.supporter_id:
            plan.add(
                Letter(
                    kind=kind,
                    pledge=subscription.pledge,
                    occasion=event.object_id,
                    created_at=plan.at,
                    due_at=plan.at,
                )
            )
    elif event.created_at < charge.told_at:
        return
    # Of one refused try both are told: what is to be done about it counts more than that it failed.
    if event.created_at > charge.told_at or charge.state != MonthlyCharge.State.ACTION:
        charge.state = state
    again = event.facts.get("next_payment_attempt")
    charge.next_try_at = datetime.fromtimestamp(again, UTC) if again else None
    charge.told_at = event.created_at
    plan.change(charge)


def skipped(event: StripeEvent, plan: Plan) -> None:
    """invoice.voided, invoice.marked_uncollectible: a month that nobody is asked for, as in a pause."""
    subscription = _subscription_of(event, plan, Decimal(0))
    charge = plan.charges.get(event.object_id)
    if charge is None:
        if amount := amount_of(event, "amount_due"):
            _new_charge(event, subscription, plan, amount, MonthlyCharge.State.VOID)
    elif charge.state in MonthlyCharge.UNPAID:
        charge.state, charge.told_at = MonthlyCharge.State.VOID, event.created_at
        charge.next_try_at = None
        plan.change(charge)


def _new_charge(
    event: StripeEvent,
    subscription: Subscription,
    plan: Plan,
    amount: Decimal,
    state: MonthlyCharge.State,
) -> MonthlyCharge:
    charge = MonthlyCharge(
        state=state,
        subscription=subscription,
        stripe_invoice_id=event.object_id,
        due_on=_due_on(event),
        amount=amount,
        told_at=event.created_at,
    )
    plan.charges[event.object_id] = charge
    plan.add(charge)
    return charge


def _subscription_of(event: StripeEvent, plan: Plan, amount: Decimal) -> Subscription:
    """The monthly gift, as it stands; raises Refused for a sum that its supporter never agreed to."""
    check_read(event)
    subscription = subscription_of(event, plan)
    assert event.read_at is not None  # of these types every event is read
    currency = event.facts.get("currency")
    if currency != subscription.currency:
        raise Refused(f"Charged in {currency}, agreed in {subscription.currency}.")
    made_at = datetime.fromtimestamp(event.facts["created"], UTC)
    changes = list(subscription.changes.all()) if subscription.pk else []
    if amount and not subscription.may_be_charged(amount, at=made_at, changes=changes):
        raise Refused(f"Charged {amount}, agreed {subscription.total}.")
    take(subscription, event.facts["subscription_now"], plan, read_at=event.read_at)
    return subscription


def read(event: StripeEvent) -> dict[str, Any]:
    """How the subscription stands now, for which a month has just begun; and which payment paid the invoice."""
    name = event.facts.get("subscription")
    if not name:
        return {}
    payment = stripe_api.payment_of_invoice(event.object_id) if event.type == "invoice.paid" else {}
    return payment | {"subscription_now": stripe_api.retrieve_subscription(name)}


HANDLERS: Handlers = {
    "invoice.paid": paid,
    "invoice.payment_failed": failed,
    "invoice.payment_action_required": action_required,
    "invoice.voided": skipped,
    "invoice.marked_uncollectible": skipped,
}
READS: Reads = dict.fromkeys(HANDLERS, read)
