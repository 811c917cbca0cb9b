"""What supporters, banks and Stripe do: pay, decline, settle, let expire, refund, pay out; each with its events."""

from datetime import datetime
from typing import Any

from django.db import transaction

from . import objects
from .errors import SandboxError
from .models import SandboxObject
from .objects import Json


def _locked(object_id: str, kind: str) -> SandboxObject:
    try:
        return SandboxObject.objects.select_for_update().get(id=object_id, kind=kind)
    except SandboxObject.DoesNotExist as error:
        raise SandboxError(
            f"No such {kind}: '{object_id}'", code="resource_missing", param="id", status=404
        ) from error


def _open_session(session_id: str, *, at: datetime) -> SandboxObject:
    kept = _locked(session_id, "checkout.session")
    if kept.data["status"] == "open" and kept.data["expires_at"] <= objects.seconds(at):
        _close(kept, at=at)
    if kept.data["status"] != "open":
        raise SandboxError(f"This session is {kept.data['status']}.", code="session_not_open")
    return kept


@transaction.atomic
def pay(session_id: str, *, at: datetime) -> Json:
    """The supporter's card is charged; returns the completed session. SandboxError when it is not open."""
    kept = _open_session(session_id, at=at)
    intent = _intent_for(kept, status="succeeded", at=at)
    _charge(intent, at=at)
    session: Json = kept.data | {
        "status": "complete",
        "payment_status": "paid",
        "payment_intent": intent["id"],
        "url": None,
    }
    objects.save(session)
    objects.emit("payment_intent.succeeded", intent, at=at)
    objects.emit("checkout.session.completed", session, at=at)
    return session


@transaction.atomic
def decline(session_id: str, code: str, *, at: datetime) -> None:
    """The bank says no; the session stays open for another try."""
    kept = _open_session(session_id, at=at)
    intent = _intent_for(kept, status="requires_payment_method", at=at)
    intent["last_payment_error"] = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": code,
    }
    objects.save(intent)
    objects.emit("payment_intent.payment_failed", intent, at=at)


@transaction.atomic
def debit(session_id: str, *, at: datetime) -> Json:
    """The supporter agreed to a bank debit: complete, but unpaid until the bank has answered."""
    kept = _open_session(session_id, at=at)
    intent = _intent_for(kept, status="processing", at=at)
    session: Json = kept.data | {"status": "complete", "payment_intent": intent["id"], "url": None}
    objects.save(session)
    objects.emit("checkout.session.completed", session, at=at)
    return session


@transaction.atomic
def settle(session_id: str, *, succeeded: bool, at: datetime) -> None:
    """The bank's answer to a debit."""
    kept = _locked(session_id, "checkout.session")
    if kept.data["status"] != "complete" or kept.data["payment_status"] != "unpaid":
        raise SandboxError("No debit is waiting here.", code="session_not_waiting")
    intent = _locked(kept.data["payment_intent"], "payment_intent").data
    if not succeeded:
        intent["status"] = "requires_payment_method"
        objects.save(intent)
        objects.emit("checkout.session.async_payment_failed", kept.data, at=at)
        return
    intent["status"] = "succeeded"
    _charge(intent, at=at)
    session: Json = kept.data | {"payment_status": "paid"}
    objects.save(session)
    objects.emit("checkout.session.async_payment_succeeded", session, at=at)


@transaction.atomic
def expire(session_id: str, *, at: datetime) -> Json:
    kept = _locked(session_id, "checkout.session")
    if kept.data["status"] != "open":
        raise SandboxError(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This one is {kept.data["status"]}.'
        )
    return _close(kept, at=at)


def _close(kept: SandboxObject, *, at: datetime) -> Json:
    session: Json = kept.data | {"status": "expired", "url": None}
    objects.save(session)
    kept.data = session
    objects.emit("checkout.session.expired", session, at=at)
    return session


def _intent_for(kept: SandboxObject, *, status: str, at: datetime) -> Json:
    intent = objects.payment_intent(
        amount=kept.data["amount_total"],
        currency=kept.data["currency"],
        metadata=kept.notes.get("payment_metadata", {}),
        status=status,
        at=at,
    )
    objects.save(intent)
    return intent


def _charge(intent: Json, *, at: datetime) -> None:
    charge = objects.charge(intent, at=at)
    movement = objects.balance_transaction(
        type_="charge",
        amount=charge["amount"],
        fee=objects.fee_of(charge["amount"], charge["currency"]),
        currency=charge["currency"],
        source=charge["id"],
        at=at,
    )
    charge["balance_transaction"] = movement["id"]
    intent["latest_charge"], intent["amount_received"] = charge["id"], intent["amount"]
    for thing in (movement, charge, intent):
        objects.save(thing)


@transaction.atomic
def refund(
    payment_intent_id: str,
    *,
    at: datetime,
    amount: int | None = None,
    reason: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> Json:
    """Sends `amount` (minor units; else all that is left) back to the supporter; Stripe keeps its fee."""
    intent = _locked(payment_intent_id, "payment_intent").data
    if not intent["latest_charge"]:
        raise SandboxError(
            "This payment has no successful charge to refund.", param="payment_intent"
        )
    charge = _locked(intent["latest_charge"], "charge").data
    left = charge["amount"] - charge["amount_refunded"]
    amount = left if amount is None else amount
    if left == 0:
        raise SandboxError("The charge has been refunded.", code="charge_already_refunded")
    if not 0 < amount <= left:
        raise SandboxError(
            f"Refund amount ({amount}) is not within what is left ({left}).", param="amount"
        )
    made = objects.refund(amount=amount, of=charge, reason=reason, metadata=metadata or {}, at=at)
    movement = objects.balance_transaction(
        type_="refund", amount=-amount, fee=0, currency=charge["currency"], source=made["id"], at=at
    )
    made["balance_transaction"] = movement["id"]
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    for thing in (movement, made, charge):
        objects.save(thing)
    objects.emit("charge.refunded", charge, at=at)
    objects.emit("refund.created", made, at=at)
    return made


@transaction.atomic
def pay_out(currency: str, *, at: datetime) -> Json:
    """Sends all of a currency's balance (code as in "eur") to the bank, as the automatic payout of a day does."""
    waiting = list(
        SandboxObject.objects.select_for_update().filter(
            kind="balance_transaction", data__currency=currency, data__payout=None
        )
    )
    amount = sum(row.data["net"] for row in waiting)
    if amount <= 0:
        raise SandboxError("There is no balance to pay out.", code="balance_insufficient")
    made = objects.payout(amount=amount, currency=currency, at=at)
    movement = objects.balance_transaction(
        type_="payout", amount=-amount, fee=0, currency=currency, source=made["id"], at=at
    )
    made["balance_transaction"] = movement["id"]
    for data in (movement, *(row.data for row in waiting)):
        objects.save(data | {"payout": made["id"], "status": "available"})
    objects.save(made)
    objects.emit("payout.paid", made, at=at)
    objects.emit("payout.reconciliation_completed", made, at=at)
    return made
