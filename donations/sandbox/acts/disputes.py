"""A supporter's bank takes a payment back, or asks about it first; and how that ends."""

from datetime import datetime

from django.db import transaction

from donations.sandbox import objects
from donations.sandbox.errors import SandboxError
from donations.sandbox.events import emit
from donations.sandbox.fees import dispute_fee
from donations.sandbox.objects import Json

from .customers import merged
from .rows import locked
from .warnings import charge_of, end_warnings

ANSWER_WITHIN_DAYS = 7
INQUIRIES = frozenset({"warning_needs_response", "warning_under_review"})
CHARGEBACKS = frozenset({"needs_response", "under_review"})


@transaction.atomic
def open_dispute(
    payment_intent_id: str,
    *,
    at: datetime,
    amount: int | None = None,
    reason: str = "fraudulent",
    is_inquiry: bool = False,
) -> Json:
    """The bank takes `amount` back (else all that is left), with a fee; by an inquiry it only asks, and nothing moves."""
    charge = charge_of(payment_intent_id)
    if charge["disputed"]:
        raise SandboxError("This charge has been disputed already.", code="charge_disputed")
    left = charge["amount"] - charge["amount_refunded"]
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        raise SandboxError(f"There is no more than {left} to dispute.", param="amount")
    made = objects.dispute(
        charge,
        amount=amount,
        reason=reason,
        is_inquiry=is_inquiry,
        days=ANSWER_WITHIN_DAYS,
        at=at,
    )
    charge["disputed"] = True
    objects.change(charge)
    objects.keep(made, at=at)
    if not is_inquiry:
        _move(made, -amount, dispute_fee(made["currency"]), "dispute", at=at)
    emit("charge.dispute.created", made, at=at)
    if not is_inquiry:
        emit("charge.dispute.funds_withdrawn", made, at=at)
    end_warnings(charge, at=at)
    return made


def _move(dispute: Json, amount: int, fee: int, category: str, *, at: datetime) -> None:
    movement = objects.balance_transaction(
        type_="adjustment",
        amount=amount,
        fee=fee,
        currency=dispute["currency"],
        source=dispute["id"],
        category=category,
        description=f"{'Chargeback withdrawal' if amount < 0 else 'Chargeback reversal'} for {dispute['charge']}",
        at=at,
    )
    objects.keep(movement, at=at)
    dispute["balance_transactions"] = [*dispute["balance_transactions"], movement]
    objects.change(dispute)


def _open(dispute_id: str, states: frozenset[str]) -> Json:
    data = locked(dispute_id, "dispute").data
    if data["status"] not in states:
        raise SandboxError(f"This dispute is {data['status']}.", code="dispute_not_open")
    return dict(data)


@transaction.atomic
def escalate(dispute_id: str, *, at: datetime) -> Json:
    """The bank was not content with the answer to its inquiry: now it takes the money."""
    data = _open(dispute_id, INQUIRIES)
    before = dict(data)
    data |= {"status": "needs_response", "is_charge_refundable": False}
    _move(data, -data["amount"], dispute_fee(data["currency"]), "dispute", at=at)
    emit("charge.dispute.updated", data, at=at, before=before)
    emit("charge.dispute.funds_withdrawn", data, at=at)
    return data


@transaction.atomic
def win(dispute_id: str, *, at: datetime, gives_fee_back: bool = True) -> Json:
    """The bank sided with us: the money comes back, the fee perhaps."""
    data = _open(dispute_id, CHARGEBACKS)
    fee = -dispute_fee(data["currency"]) if gives_fee_back else 0
    _move(data, data["amount"], fee, "dispute_reversal", at=at)
    data["status"] = "won"
    objects.change(data)
    emit("charge.dispute.funds_reinstated", data, at=at)
    emit("charge.dispute.closed", data, at=at)
    return data


@transaction.atomic
def lose(dispute_id: str, *, at: datetime) -> Json:
    """The bank sided with its client, or we accepted the dispute; the money stays with them."""
    data = _open(dispute_id, CHARGEBACKS)
    data["status"] = "lost"
    objects.change(data)
    emit("charge.dispute.closed", data, at=at)
    return data


@transaction.atomic
def close_inquiry(dispute_id: str, *, at: datetime) -> Json:
    """The bank asked and left it at that; no money moved."""
    data = _open(dispute_id, INQUIRIES)
    data |= {"status": "warning_closed", "is_charge_refundable": True}
    objects.change(data)
    charge = locked(data["charge"], "charge").data
    charge["disputed"] = False
    objects.change(charge)
    emit("charge.dispute.closed", data, at=at)
    return data


@transaction.atomic
def answer_dispute(dispute_id: str, params: Json, *, at: datetime) -> Json:
    """What a DisputeUpdateParams says: evidence, kept as a draft or sent to the bank."""
    data = _open(dispute_id, CHARGEBACKS | INQUIRIES)
    before = dict(data)
    if evidence := params.get("evidence"):
        data["evidence"] = data["evidence"] | evidence
        data["evidence_details"] = data["evidence_details"] | {"has_evidence": True}
    if "metadata" in params:
        data["metadata"] = merged(data["metadata"], params["metadata"])
    # Stripe sends what it was given at once, unless it is told not to.
    if evidence and params.get("submit", True):
        data["status"] = "warning_under_review" if data["status"] in INQUIRIES else "under_review"
        details = data["evidence_details"]
        data["evidence_details"] = details | {
            "submission_count": details["submission_count"] + 1,
            "submission_method": "manual",
        }
    objects.change(data)
    emit("charge.dispute.updated", data, at=at, before=before)
    return data
