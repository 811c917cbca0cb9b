"""Events of Stripe's payment page: a supporter paid on it, or did not."""

from collections.abc import Sequence

from donations.ledger import Posting
from donations.models import AccountKey, Checkout, Donation, Entry, Letter, StripeEvent

from .plan import Handlers, Plan, Reads, Refused, amount_of, find_donations, pledge_uuid_of
from .subscriptions import find_monthly, subscription_of


def find(events: Sequence[StripeEvent], plan: Plan) -> None:
    """The checkouts the events are about, and the donations made of them already."""
    found = Checkout.objects.select_related("pledge__fund").filter(
        stripe_session_id__in=[event.object_id for event in events]
    )
    plan.checkouts |= {str(checkout.stripe_session_id): checkout for checkout in found}
    # Stripe's answer may never have reached us: then the checkout has no session yet, and the pledge tells.
    orphans = [u for e in events if e.object_id not in plan.checkouts and (u := pledge_uuid_of(e))]
    if orphans:
        for checkout in (
            Checkout.objects.select_related("pledge__fund")
            .filter(pledge__uuid__in=orphans, stripe_session_id=None)
            .order_by("pk")
        ):
            plan.checkouts_by_pledge[checkout.pledge.uuid] = checkout
    if monthly := [event for event in events if event.facts.get("subscription")]:
        find_monthly(monthly, plan)
    find_donations(events, plan)


def paid(event: StripeEvent, plan: Plan) -> None:
    """checkout.session.completed: the supporter finished on Stripe's page; by card it is paid, by bank debit not yet.
    checkout.session.async_payment_succeeded: the bank debit came through, days later."""
    checkout = _checkout_of(event, plan)
    pledge = checkout.pledge
    if checkout.keeps_card:
        # Nothing was paid: donations/conditional.py asks Stripe for the card that was left.
        _complete(checkout, event, plan)
        return
    currency, amount = event.facts.get("currency"), amount_of(event, "amount_total")
    if currency != pledge.currency:
        raise Refused(f"Paid in {currency}, pledged in {pledge.currency}.")
    if amount != checkout.amount:
        raise Refused(f"Paid {amount}, asked for {checkout.amount}.")
    _complete(checkout, event, plan)
    if pledge.is_monthly_by_card:
        # From here on invoices tell what is paid, and they alone book it: the first month like all others.
        subscription_of(event, plan)
        return
    if event.facts.get("payment_status") != "paid":
        return
    payment = event.facts.get("payment_intent")
    if not payment:
        raise Refused("The session is paid and names no payment.")
    if payment in plan.donations:
        return
    donation = Donation(
        pledge=pledge,
        fund=pledge.fund,
        method=Donation.Method.CARD,
        amount=amount,
        currency=currency,
        received_at=event.created_at,
        source=f"stripe:{payment}",
        stripe_payment_intent_id=payment,
    )
    book(donation, plan)


def _complete(checkout: Checkout, event: StripeEvent, plan: Plan) -> None:
    """Notes when the supporter was done on the page: a debit tells it twice, and the later word may come first."""
    if not checkout.completed_at or event.created_at < checkout.completed_at:
        checkout.completed_at = event.created_at
        plan.change(checkout)


def book(donation: Donation, plan: Plan) -> None:
    """A new donation by card with its entry and, where somebody is there to read it, its receipt."""
    plan.donations[str(donation.stripe_payment_intent_id)] = donation
    plan.add(donation)
    plan.postings.append(
        Posting(
            kind=Entry.Kind.DONATION,
            debit=AccountKey.stripe(donation.currency),
            credit=AccountKey.fund(donation.fund, donation.currency),
            amount=donation.amount,
            booked_on=donation.received_at.date(),
            source=donation.source,
        )
    )
    if donation.pledge and donation.pledge.supporter_id:
        plan.add(
            Letter(
                kind=Letter.Kind.RECEIPT,
                pledge=donation.pledge,
                donation=donation,
                created_at=plan.at,
                due_at=plan.at,
            )
        )


def failed(event: StripeEvent, plan: Plan) -> None:
    """checkout.session.async_payment_failed: the bank debit was refused, days after the supporter confirmed it."""
    checkout = _checkout_of(event, plan)
    if checkout.failed_at:
        return
    checkout.failed_at = event.created_at
    plan.change(checkout)
    if checkout.pledge.supporter_id:
        plan.add(
            Letter(
                kind=Letter.Kind.PAYMENT_FAILED,
                pledge=checkout.pledge,
                occasion=event.object_id,
                created_at=plan.at,
                due_at=plan.at,
            )
        )


def expired(event: StripeEvent, plan: Plan) -> None:
    """checkout.session.expired: the supporter left Stripe's page and did not come back in time."""
    checkout = _checkout_of(event, plan)
    if not checkout.completed_at and not checkout.failed_at:
        checkout.expired_at = event.created_at
        plan.change(checkout)


def _checkout_of(event: StripeEvent, plan: Plan) -> Checkout:
    checkout = plan.checkouts.get(event.object_id)
    if checkout is None and (uuid := pledge_uuid_of(event)):
        checkout = plan.checkouts_by_pledge.get(uuid)
        if checkout:
            checkout.stripe_session_id = event.object_id
            plan.checkouts[event.object_id] = checkout
            plan.change(checkout)
    if checkout is None:
        raise Refused("No checkout of ours has this session.")
    return checkout


HANDLERS: Handlers = {
    "checkout.session.completed": paid,
    "checkout.session.async_payment_succeeded": paid,
    "checkout.session.async_payment_failed": failed,
    "checkout.session.expired": expired,
}
READS: Reads = {}
