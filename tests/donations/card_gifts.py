"""Gifts by card through the stand-in for Stripe, and the run that fetches what was not delivered."""

from datetime import timedelta

from django.utils import timezone

from donations import payouts, webhooks
from donations.models import Checkout
from donations.sandbox import acts, objects
from donations.sandbox.models import SandboxObject
from donations.stripe_api import create_session
from tests import factories

AN_HOUR = timedelta(hours=1)


def give_by_card(fund, amount, currency="EUR"):
    """A card gift that the sandbox was paid for and whose webhooks never arrived; the completed session."""
    pledge = factories.make_pledge(factories.make_appeal(), fund, amount=amount, currency=currency)
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


def dispute(session, amount, fee):
    """A movement of Stripe's balance for a dispute of the session's payment, in minor units; negative takes money back."""
    at = timezone.now()
    source = {
        "id": objects.new_id("du"),
        "object": "dispute",
        "payment_intent": session["payment_intent"],
        "created": objects.seconds(at),
    }
    movement = objects.balance_transaction(
        type_="adjustment",
        amount=amount,
        fee=fee,
        currency=session["currency"],
        source=source["id"],
        at=at,
    )
    objects.keep(source, at=at)
    objects.keep(movement, at=at)


def set_payout_status(payout, status):
    SandboxObject.objects.filter(id=payout["id"]).update(data=payout | {"status": status})
