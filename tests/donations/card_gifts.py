"""Gifts by card through the stand-in for Stripe, and the run that fetches what was not delivered."""

from datetime import timedelta

from django.utils import timezone

from donations import disputes, payouts, refunds, webhooks
from donations.models import Checkout
from donations.proofs import prove
from donations.sandbox import acts, objects
from donations.sandbox.models import SandboxObject
from donations.stripe_api import create_session
from donations.stripe_facts import from_minor_units
from tests import factories

AN_HOUR = timedelta(hours=1)


def give_by_card(fund, amount, currency="EUR", **fields):
    """A card gift that the sandbox was paid for and whose webhooks never arrived; the completed session."""
    pledge = factories.make_pledge(
        factories.make_appeal(), fund, amount=amount, currency=currency, **fields
    )
    visit = factories.make_checkout(pledge)
    session = create_session(
        idempotency_key=visit.idempotency_key,
        amount=pledge.amount,
        currency=currency,
        description="Sample fund",
        pledge_uuid=pledge.uuid,
        locale="en",
        success_url="http://127.0.0.1/",
        cancel_url="http://127.0.0.1/",
        expires_at=timezone.now() + timedelta(minutes=31),
    )
    Checkout.objects.filter(pk=visit.pk).update(stripe_session_id=session.id)
    return acts.pay(session.id, at=timezone.now())


def catch_up():
    now = timezone.now()
    webhooks.catch_up(since=now - AN_HOUR, at=now)
    while webhooks.process_pending(at=now):
        pass
    return payouts.sync(since=now - AN_HOUR)


# The movement by which each brings the money back to Stripe's balance.
COMES_BACK = {"failed": "payout_failure", "canceled": "payout_cancel"}


def end_payout(payout, status):
    """As it looks at Stripe once the bank refused a payout, or somebody called it off."""
    SandboxObject.objects.filter(id=payout["id"]).update(data=payout | {"status": status})
    now = timezone.now()
    movement = objects.balance_transaction(
        type_=COMES_BACK[status],
        amount=payout["amount"],
        fee=0,
        currency=payout["currency"],
        source=payout["id"],
        at=now,
    )
    objects.keep(movement, at=now)


def work():
    """All that the worker does about refunds and disputes until nothing is left: events, warnings, Stripe asked, booked."""
    for _turn in range(2):
        catch_up()
        refunds.answer_warnings(at=timezone.now())
        refunds.send_due(at=timezone.now())
        disputes.send_due(at=timezone.now())
    return catch_up()


def at_stripe(currency="EUR"):
    """What lies on the stand-in's balance by its own balance transactions."""
    movements = SandboxObject.objects.filter(
        kind="balance_transaction", data__currency=currency.lower()
    ).values_list("data__net", flat=True)
    return from_minor_units(sum(movements), currency)


def broken():
    """The proofs that do not hold, with what contradicts them."""
    return {proof.name: proof.examples for proof in prove() if not proof.holds}
