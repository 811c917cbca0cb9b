"""What supporters, banks and Stripe do: pay, decline, settle, let expire, refund, pay out; each with its events."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from . import objects
from .errors import SandboxError, missing
from .events import emit
from .fees import fee_of
from .models import SandboxObject
from .objects import Json

LONGEST_LIFE = timedelta(hours=24)


def _locked(object_id: str, kind: str) -> SandboxObject:
    try:
        return SandboxObject.objects.select_for_update().get(id=object_id, kind=kind)
    except SandboxObject.DoesNotExist as error:
        raise missing(object_id, kind) from error


def is_over(session: Json, *, at: datetime) -> bool:
    """Whether an open session's time is over, although nobody has closed it yet."""
    return session["status"] == "open" and bool(session["expires_at"] <= objects.seconds(at))


def _open_session(session_id: str, *, at: datetime) -> SandboxObject:
    kept = _locked(session_id, "checkout.session")
    if kept.data["status"] != "open" or is_over(kept.data, at=at):
        raise SandboxError("This Checkout Session is not open.", code="session_not_open")
    return kept


# --- Paying -------------------------------------------------------------------------------------


@transaction.atomic
def pay(session_id: str, *, at: datetime, card: str = "4242") -> Json:
    """The supporter's card is charged; returns the completed session. SandboxError when it is not open."""
    kept = _open_session(session_id, at=at)
    intent = _intent_of(kept, method="card", at=at)
    charge = objects.charge(intent, method="card", last4=card, status="succeeded", at=at)
    objects.keep(charge, at=at)
    session = _complete(kept, intent, payment_status="paid")
    _take(intent, charge, at=at)
    emit("checkout.session.completed", session, at=at)
    return session


@transaction.atomic
def decline(session_id: str, *, code: str, at: datetime, card: str = "0002") -> None:
    """The bank says no (`code` is its reason, like insufficient_funds); the session stays open for another try."""
    kept = _open_session(session_id, at=at)
    intent = _intent_of(kept, method="card", at=at)
    charge = objects.charge(intent, method="card", last4=card, status="failed", at=at)
    charge |= {"failure_code": "card_declined", "failure_message": "The card was declined."}
    objects.keep(charge, at=at)
    _fail(intent, charge, decline_code=code, at=at)


@transaction.atomic
def debit(session_id: str, *, at: datetime) -> Json:
    """The supporter agreed to a bank debit: complete, but unpaid until the bank has answered."""
    kept = _open_session(session_id, at=at)
    intent = _intent_of(kept, method="sepa_debit", at=at)
    charge = objects.charge(intent, method="sepa_debit", last4="3000", status="pending", at=at)
    objects.keep(charge, at=at)
    intent |= {"status": "processing", "latest_charge": charge["id"]}
    objects.change(intent)
    session = _complete(kept, intent, payment_status="unpaid")
    emit("payment_intent.processing", intent, at=at)
    emit("charge.pending", charge, at=at)
    emit("checkout.session.completed", session, at=at)
    return session


@transaction.atomic
def settle(session_id: str, *, succeeded: bool, at: datetime) -> None:
    """The bank's answer to a debit, some days later."""
    kept = _locked(session_id, "checkout.session")
    if kept.data["status"] != "complete" or kept.data["payment_status"] != "unpaid":
        raise SandboxError("No debit is waiting here.", code="session_not_waiting")
    intent = _locked(kept.data["payment_intent"], "payment_intent").data
    if intent["status"] != "processing":
        raise SandboxError("The bank has answered already.", code="session_not_waiting")
    charge = _locked(intent["latest_charge"], "charge").data
    if succeeded:
        charge |= {"status": "succeeded", "paid": True, "captured": True}
        charge["amount_captured"] = charge["amount"]
        _take(intent, charge, at=at)
        session: Json = kept.data | {"payment_status": "paid"}
        objects.change(session)
        emit("checkout.session.async_payment_succeeded", session, at=at)
    else:
        charge |= {"status": "failed", "failure_code": "insufficient_funds"}
        objects.change(charge)
        _fail(intent, charge, decline_code=None, at=at)
        emit("checkout.session.async_payment_failed", kept.data, at=at)


def _intent_of(kept: SandboxObject, *, method: str, at: datetime) -> Json:
    """The session's payment: made at the first try, the same at all others."""
    if known := kept.notes.get("payment_intent"):
        intent: Json = _locked(known, "payment_intent").data
        return intent | {"payment_method_types": [method]}
    made = objects.payment_intent(
        kept.data, kept.notes["payment_intent_data"], method=method, at=at
    )
    objects.keep(made, at=at)
    kept.notes["payment_intent"] = made["id"]
    kept.save(update_fields=["notes"])
    emit("payment_intent.created", made, at=at)
    return made


def _complete(kept: SandboxObject, intent: Json, *, payment_status: str) -> Json:
    details = objects.SOMEBODY | {"email": kept.data["customer_email"] or "somebody@example.org"}
    kept.data |= {
        "status": "complete",
        "payment_status": payment_status,
        "payment_intent": intent["id"],
        "payment_method_types": intent["payment_method_types"],
        "customer_details": details,
        "url": None,
    }
    kept.save(update_fields=["data"])
    return dict(kept.data)


def _take(intent: Json, charge: Json, *, at: datetime) -> None:
    """The money is on the balance, less the fee."""
    movement = objects.balance_transaction(
        type_="charge",
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
        "status": "requires_payment_method",
    }
    objects.change(intent)
    emit("charge.failed", charge, at=at)
    emit("payment_intent.payment_failed", intent, at=at)


# --- Not paying ---------------------------------------------------------------------------------


@transaction.atomic
def expire(session_id: str, *, at: datetime) -> Json:
    """Closes an open session, as Stripe does when its time is over."""
    kept = _locked(session_id, "checkout.session")
    if kept.data["status"] != "open":
        raise SandboxError(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This one is {kept.data["status"]}.'
        )
    kept.data |= {"status": "expired", "url": None}
    kept.save(update_fields=["data"])
    emit("checkout.session.expired", kept.data, at=at)
    return dict(kept.data)


def expire_due(*, at: datetime) -> int:
    """Closes every open session whose time is over; returns how many."""
    # Older ones have been closed: none lives longer.
    recent = SandboxObject.objects.sessions().filter(created_at__gte=at - 2 * LONGEST_LIFE)
    over = recent.filter(data__status="open", data__expires_at__lte=objects.seconds(at))
    closed = 0
    for session_id in list(over.values_list("id", flat=True)):
        with transaction.atomic():
            kept = _locked(session_id, "checkout.session")
            if is_over(kept.data, at=at):
                expire(session_id, at=datetime.fromtimestamp(kept.data["expires_at"], UTC))
                closed += 1
    return closed


# --- Money going out ----------------------------------------------------------------------------


@transaction.atomic
def refund(
    payment_intent_id: str,
    *,
    at: datetime,
    amount: int | None = None,
    reason: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> Json:
    """Sends `amount` (smallest units; else all that is left) back to the supporter; Stripe keeps its fee."""
    intent = _locked(payment_intent_id, "payment_intent").data
    if intent["status"] != "succeeded":
        raise SandboxError(
            "This PaymentIntent does not have a successful charge to refund.",
            param="payment_intent",
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
    objects.keep(movement, at=at)
    objects.keep(made, at=at)
    objects.change(charge)
    emit("refund.created", made, at=at)
    emit("charge.refunded", charge, at=at)
    return made


@transaction.atomic
def pay_out(currency: str, *, at: datetime) -> Json:
    """Sends all of a currency's balance (code as in "eur") to the bank, as the automatic payout of a day does."""
    waiting = list(
        SandboxObject.objects.not_paid_out().filter(data__currency=currency).select_for_update()
    )
    amount = sum(row.data["net"] for row in waiting)
    if amount <= 0:
        raise SandboxError("There is no balance to pay out.", code="balance_insufficient")
    made = objects.payout(amount=amount, currency=currency, at=at)
    movement = objects.balance_transaction(
        type_="payout", amount=-amount, fee=0, currency=currency, source=made["id"], at=at
    )
    made["balance_transaction"] = movement["id"]
    objects.keep(made, at=at)
    _leave_with(made["id"], [*waiting, objects.keep(movement, at=at)])
    emit("payout.created", made | {"status": "pending"}, at=at)
    emit("payout.paid", made, at=at)
    emit("payout.reconciliation_completed", made, at=at)
    return made


def _leave_with(payout_id: str, rows: Iterable[SandboxObject]) -> None:
    rows = list(rows)
    for row in rows:
        row.data["status"], row.notes["payout"] = "available", payout_id
    SandboxObject.objects.bulk_update(rows, ["data", "notes"], batch_size=1000)
