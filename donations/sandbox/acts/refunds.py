"""Money going back to supporters, and refunds that did not arrive and came back."""

from datetime import datetime
from typing import Any

from django.db import transaction

from donations.sandbox import objects
from donations.sandbox.errors import SandboxError
from donations.sandbox.events import emit
from donations.sandbox.models import SandboxObject
from donations.sandbox.objects import Json

from .rows import locked
from .warnings import end_warnings

# Refunds to this card are on their way for some days; to any other they count as arrived until they fail.
PENDING_CARD = "7726"
DISPUTED = frozenset({"needs_response", "under_review", "lost"})


@transaction.atomic
def refund(
    payment_intent_id: str,
    *,
    at: datetime,
    amount: int | None = None,
    reason: str | None = None,
    metadata: dict[str, Any] | None = None,
    is_pending: bool = False,
) -> Json:
    """Sends `amount` (smallest units; else all that is left) back to the supporter; Stripe keeps its fee."""
    intent = locked(payment_intent_id, "payment_intent").data
    if intent["status"] != "succeeded":
        raise SandboxError(
            "This PaymentIntent does not have a successful charge to refund.",
            param="payment_intent",
        )
    charge = locked(intent["latest_charge"], "charge").data
    amount = _bounded(charge, amount)
    is_pending = is_pending or _ends(charge) == PENDING_CARD
    made = objects.refund(
        amount=amount,
        of=charge,
        reason=reason,
        metadata=metadata or {},
        status="pending" if is_pending else "succeeded",
        at=at,
    )
    movement = objects.balance_transaction(
        type_="refund" if made["id"].startswith("re_") else "payment_refund",
        amount=-amount,
        fee=0,
        currency=charge["currency"],
        source=made["id"],
        at=at,
    )
    made["balance_transaction"] = movement["id"]
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    objects.keep(movement, at=at)
    objects.keep(made, at=at)
    objects.change(charge)
    emit("refund.created", made, at=at)
    emit("charge.refunded", charge, at=at)
    if charge["refunded"]:
        end_warnings(charge, at=at)
    return made


def _bounded(charge: Json, amount: int | None) -> int:
    """The amount to send back; SandboxError when there is not so much left, or the bank has taken it already."""
    open_disputes = SandboxObject.objects.of_kind("dispute").filter(
        data__charge=charge["id"], data__status__in=DISPUTED
    )
    if charge["disputed"] and open_disputes.exists():
        raise SandboxError(
            "This charge has been charged back and cannot be refunded.", code="charge_disputed"
        )
    left: int = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise SandboxError("The charge has been refunded.", code="charge_already_refunded")
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        raise SandboxError(
            f"Refund amount ({amount}) is not within what is left ({left}).", param="amount"
        )
    return amount


def _ends(charge: Json) -> str:
    details = charge["payment_method_details"]
    last4: str = details[details["type"]]["last4"]
    return last4


@transaction.atomic
def arrive(refund_id: str, *, at: datetime) -> Json:
    """A refund that was on its way is with the supporter."""
    data = locked(refund_id, "refund").data
    if data["status"] != "pending":
        raise SandboxError("This refund is not on its way.", code="refund_not_pending")
    before = dict(data)
    data |= {"status": "succeeded", "pending_reason": None}
    objects.change(data)
    emit("refund.updated", data, at=at, before=before)
    emit("charge.refund.updated", data, at=at, before=before)
    return dict(data)


@transaction.atomic
def fail_refund(refund_id: str, *, at: datetime, reason: str = "expired_or_canceled_card") -> Json:
    """The supporter's bank did not take it, perhaps days later: the money is back on the balance."""
    data = locked(refund_id, "refund").data
    if data["status"] not in {"pending", "succeeded"}:
        raise SandboxError("This refund has failed already.", code="refund_not_pending")
    before = dict(data)
    charge = locked(data["charge"], "charge").data
    movement = objects.balance_transaction(
        type_="refund_failure",
        amount=data["amount"],
        fee=0,
        currency=data["currency"],
        source=refund_id,
        at=at,
    )
    objects.keep(movement, at=at)
    data |= {
        "failure_balance_transaction": movement["id"],
        "failure_reason": reason,
        "pending_reason": None,
        "status": "failed",
    }
    objects.change(data)
    charge["amount_refunded"] -= data["amount"]
    charge["refunded"] = False
    objects.change(charge)
    for type_ in ("refund.failed", "refund.updated", "charge.refund.updated"):
        emit(type_, data, at=at, before=before)
    return dict(data)
