"""Word of fraud from the card network, before a dispute."""

from datetime import datetime

from django.db import transaction

from donations.sandbox import objects
from donations.sandbox.errors import SandboxError
from donations.sandbox.events import emit
from donations.sandbox.models import SandboxObject
from donations.sandbox.objects import Json

from .rows import locked


@transaction.atomic
def warn(payment_intent_id: str, *, at: datetime, fraud_type: str = "misc") -> Json:
    """A dispute often follows, unless the payment is sent back."""
    charge = charge_of(payment_intent_id)
    made = objects.early_fraud_warning(charge, fraud_type=fraud_type, at=at)
    objects.keep(made, at=at)
    emit("radar.early_fraud_warning.created", made, at=at)
    return made


def charge_of(payment_intent_id: str) -> Json:
    """The charge that took a payment's money, held; SandboxError when none did."""
    intent = locked(payment_intent_id, "payment_intent").data
    if intent["status"] != "succeeded":
        raise SandboxError("This payment has no successful charge.")
    return dict(locked(intent["latest_charge"], "charge").data)


def end_warnings(charge: Json, *, at: datetime) -> None:
    """Warnings ask for nothing more once all is sent back, or the bank has taken it."""
    rows = SandboxObject.objects.of_kind("radar.early_fraud_warning")
    for row in rows.filter(data__charge=charge["id"], data__actionable=True):
        before = dict(row.data)
        row.data["actionable"] = False
        objects.change(row.data)
        emit("radar.early_fraud_warning.updated", row.data, at=at, before=before)
