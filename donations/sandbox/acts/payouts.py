"""Stripe's balance on its way to the bank, and back when the bank does not take it."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from donations.sandbox import objects
from donations.sandbox.errors import SandboxError
from donations.sandbox.events import emit
from donations.sandbox.fees import dispute_fee
from donations.sandbox.models import SandboxObject
from donations.sandbox.objects import Json

from .rows import locked


@transaction.atomic
def pay_out(currency: str, *, at: datetime, is_automatic: bool = True) -> Json:
    """Sends all of a currency's balance (code as in "eur") to the bank, as the automatic payout of a day does; or as somebody
    does by hand, and then Stripe never says which movements it is the sum of (docs.stripe.com/payouts/reconciliation)."""
    waiting = list(
        SandboxObject.objects.not_paid_out().filter(data__currency=currency).select_for_update()
    )
    amount = sum(row.data["net"] for row in waiting)
    if amount <= 0:
        raise SandboxError("There is no balance to pay out.", code="balance_insufficient")
    made = objects.payout(amount=amount, currency=currency, at=at, is_automatic=is_automatic)
    movement = objects.balance_transaction(
        type_="payout", amount=-amount, fee=0, currency=currency, source=made["id"], at=at
    )
    made["balance_transaction"] = movement["id"]
    objects.keep(made, at=at)
    _leave_with(made["id"], [*waiting, objects.keep(movement, at=at)])
    emit("payout.created", made | {"status": "pending"}, at=at)
    emit("payout.paid", made, at=at)
    if is_automatic:
        emit("payout.reconciliation_completed", made, at=at)
    return made


@transaction.atomic
def charge(currency: str, *, at: datetime) -> Json:
    """Stripe takes something of its own that no gift, refund, dispute or payout explains; no event tells of it."""
    movement = objects.balance_transaction(
        type_="adjustment",
        amount=-(dispute_fee(currency) // 4),
        fee=0,
        currency=currency,
        source=None,
        at=at,
        description="Sandbox charge",
    )
    objects.keep(movement, at=at)
    return movement


def _leave_with(payout_id: str, rows: Iterable[SandboxObject]) -> None:
    rows = list(rows)
    for row in rows:
        row.data["status"], row.notes["payout"] = "available", payout_id
    SandboxObject.objects.bulk_update(rows, ["data", "notes"], batch_size=1000)


@transaction.atomic
def fail_payout(payout_id: str, *, at: datetime, code: str = "account_closed") -> Json:
    """The bank did not take it, perhaps after Stripe called it paid: the money waits for the next payout."""
    data = locked(payout_id, "payout").data
    if data["status"] == "failed":
        raise SandboxError("This payout has failed already.")
    before = dict(data)
    movement = objects.balance_transaction(
        type_="payout_failure",
        amount=data["amount"],
        fee=0,
        currency=data["currency"],
        source=payout_id,
        at=at,
    )
    objects.keep(movement, at=at)
    data |= {
        "failure_balance_transaction": movement["id"],
        "failure_code": code,
        "failure_message": "The bank account has been closed.",
        "status": "failed",
    }
    objects.change(data)
    emit("payout.failed", data, at=at, before=before)
    emit("payout.updated", data, at=at, before=before)
    return dict(data)
