"""A payment is tried: its money comes, comes later, or does not come; each with the events that tell of it."""

from datetime import datetime

from django.db import transaction

from donations.sandbox import objects
from donations.sandbox.errors import SandboxError
from donations.sandbox.events import emit
from donations.sandbox.fees import dispute_fee, fee_of
from donations.sandbox.objects import Json

from .rows import locked

# What the bank says: the money is there, it follows in some days, or why not, in Stripe's words.
SUCCEEDED, PROCESSING = "succeeded", "processing"
DECLINED, NO_FUNDS, ASKS = "generic_decline", "insufficient_funds", "authentication_required"
OUTCOMES = (SUCCEEDED, PROCESSING, DECLINED, NO_FUNDS, ASKS)

# How a kept card answers when nobody stands by; one that is not named here pays.
OFF_SESSION = {
    "0002": DECLINED,
    "0341": DECLINED,
    "9995": NO_FUNDS,
    # Asks every time, also for what it was kept for.
    "3184": ASKS,
}
MESSAGES = {
    DECLINED: "Your card was declined.",
    NO_FUNDS: "Your card has insufficient funds.",
    ASKS: "Your card was declined. This transaction requires authentication.",
}


@transaction.atomic
def pay_elsewhere(currency: str, *, at: datetime) -> Json:
    """Somebody pays by a link that was made at Stripe, past our pages: no session and no metadata of ours; the payment."""
    method = objects.payment_method(last4="4242", customer=None, email=None, at=at)
    objects.keep(method, at=at)
    intent = objects.payment_intent(
        amount=2 * dispute_fee(currency), currency=currency, data={}, at=at
    )
    objects.keep(intent, at=at)
    emit("payment_intent.created", intent, at=at)
    attempt(intent, method, SUCCEEDED, at=at)
    return intent


def answer_of(method: Json) -> str:
    """What the bank of a kept card or account says when nobody stands by."""
    if method["type"] != objects.CARD:
        return PROCESSING
    return OFF_SESSION.get(objects.ends_of(method), SUCCEEDED)


def attempt(intent: Json, method: Json, outcome: str, *, at: datetime) -> None:
    """Tries to take the money of `intent` by `method`; the outcome is one of OUTCOMES."""
    intent |= {"payment_method": method["id"], "payment_method_types": [method["type"]]}
    if outcome == SUCCEEDED:
        charge = objects.charge(intent, method=method, status="succeeded", at=at)
        objects.keep(charge, at=at)
        _take(intent, charge, at=at)
    elif outcome == PROCESSING:
        charge = objects.charge(intent, method=method, status="pending", at=at)
        objects.keep(charge, at=at)
        intent |= {"status": "processing", "latest_charge": charge["id"]}
        objects.change(intent)
        emit("payment_intent.processing", intent, at=at)
        emit("charge.pending", charge, at=at)
    else:
        charge = objects.charge(intent, method=method, status="failed", at=at)
        charge |= {"failure_code": code_of(outcome), "failure_message": MESSAGES[outcome]}
        objects.keep(charge, at=at)
        _fail(intent, charge, decline_code=outcome, at=at)


def settle(intent: Json, *, succeeded: bool, at: datetime) -> None:
    """The bank's answer to a debit, some days later."""
    if intent["status"] != "processing":
        raise SandboxError("No debit is waiting here.", code="session_not_waiting")
    charge = locked(intent["latest_charge"], "charge").data
    if succeeded:
        charge |= {"status": "succeeded", "paid": True, "captured": True}
        charge["amount_captured"] = charge["amount"]
        _take(intent, charge, at=at)
    else:
        charge |= {
            "status": "failed",
            "failure_code": NO_FUNDS,
            "failure_message": "The account holds too little.",
        }
        objects.change(charge)
        _fail(intent, charge, decline_code=None, at=at)


def code_of(decline_code: str) -> str:
    return ASKS if decline_code == ASKS else "card_declined"


def _take(intent: Json, charge: Json, *, at: datetime) -> None:
    """The money is on the balance, less the fee."""
    movement = objects.balance_transaction(
        type_="charge" if charge["id"].startswith("ch_") else "payment",
        amount=charge["amount"],
        fee=fee_of(charge["amount"], charge["currency"]),
        currency=charge["currency"],
        source=charge["id"],
        at=at,
    )
    objects.keep(movement, at=at)
    charge["balance_transaction"] = movement["id"]
    objects.change(charge)
    intent |= {
        "amount_received": charge["amount"],
        "last_payment_error": None,
        "latest_charge": charge["id"],
        "next_action": None,
        "status": "succeeded",
    }
    objects.change(intent)
    emit("charge.succeeded", charge, at=at)
    emit("payment_intent.succeeded", intent, at=at)


def _fail(intent: Json, charge: Json, *, decline_code: str | None, at: datetime) -> None:
    intent |= {
        "latest_charge": charge["id"],
        "last_payment_error": {
            "type": "card_error",
            "charge": charge["id"],
            "code": charge["failure_code"],
            "decline_code": decline_code,
            "message": charge["failure_message"],
        },
        "next_action": None,
        "status": "requires_payment_method",
    }
    objects.change(intent)
    emit("charge.failed", charge, at=at)
    emit("payment_intent.payment_failed", intent, at=at)
