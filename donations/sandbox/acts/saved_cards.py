"""A payment asked for without the supporter: by a card they left for later."""

from datetime import datetime

from django.db import transaction

from donations.sandbox import objects
from donations.sandbox.errors import SandboxError
from donations.sandbox.events import emit
from donations.sandbox.objects import Json

from . import payments
from .customers import known_customer, method_of
from .rows import locked

CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})


@transaction.atomic
def create_intent(params: Json, *, at: datetime) -> Json:
    """What a PaymentIntentCreateParams asks for; confirmed at once where it says so.

    Returns the payment, whatever the bank said to it.
    """
    customer, method = params.get("customer"), params.get("payment_method")
    if customer:
        known_customer(customer)
    if method:
        method_of(method, customer=customer)
    intent = objects.payment_intent(
        amount=params["amount"], currency=params["currency"], data=params, at=at
    )
    if method:
        intent["status"] = "requires_confirmation"
    objects.keep(intent, at=at)
    emit("payment_intent.created", intent, at=at)
    if params.get("confirm"):
        _confirm(intent, params, at=at)
    return intent


@transaction.atomic
def confirm_intent(intent_id: str, params: Json, *, at: datetime) -> Json:
    """Tries a payment that waits for it; returns it, whatever the bank said."""
    intent = locked(intent_id, "payment_intent").data
    _confirm(intent, params, at=at)
    return dict(intent)


def _confirm(intent: Json, params: Json, *, at: datetime) -> None:
    if intent["status"] not in CONFIRMABLE:
        raise SandboxError(
            f"This PaymentIntent's status is {intent['status']}: it cannot be confirmed.",
            code="payment_intent_unexpected_state",
        )
    chosen = params.get("payment_method") or intent["payment_method"]
    if chosen is None:
        raise SandboxError(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
        )
    method = method_of(chosen, customer=intent["customer"])
    outcome = payments.answer_of(method)
    if outcome == payments.ASKS and not params.get("off_session"):
        # The supporter is there and could confirm, on a page of Stripe's that is not played here.
        intent |= {
            "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}},
            "payment_method": chosen,
            "status": "requires_action",
        }
        objects.change(intent)
        emit("payment_intent.requires_action", intent, at=at)
        return
    payments.attempt(intent, method, outcome, at=at)


@transaction.atomic
def cancel_intent(intent_id: str, *, reason: str | None, at: datetime) -> Json:
    intent = locked(intent_id, "payment_intent").data
    if intent["status"] not in CONFIRMABLE:
        raise SandboxError(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    intent |= {
        "canceled_at": objects.seconds(at),
        "cancellation_reason": reason,
        "next_action": None,
        "status": "canceled",
    }
    objects.change(intent)
    emit("payment_intent.canceled", intent, at=at)
    return dict(intent)
