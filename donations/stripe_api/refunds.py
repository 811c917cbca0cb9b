"""Money sent back to who gave it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from donations.stripe_facts import facts_of, to_minor_units

from .connection import client, translated_errors


def refund(
    *,
    idempotency_key: str,
    number: UUID,
    payment_intent_id: str,
    currency: str,
    amount: Decimal,
    reason: str = "requested_by_customer",
) -> dict[str, Any]:
    """Sends `amount` of a payment back; with the same key again, the same refund. Returns its facts (facts_of).

    `reason` is requested_by_customer, duplicate or fraudulent (which also bars the card). `number` is our request's:
    Stripe carries it along, so that the refund is known as ours when its answer is lost. Stripe keeps its fee.
    Raises StripeUnavailable, StripeRefused (charge_already_refunded …).
    """
    params: dict[str, Any] = {
        "payment_intent": payment_intent_id,
        "amount": to_minor_units(amount, currency),
        "reason": reason,
        "metadata": {"refund": str(number)},
    }
    with translated_errors():
        made = client().v1.refunds.create(
            params,  # type: ignore[arg-type]  # checked against the SDK's types by the sandbox
            {"idempotency_key": idempotency_key},
        )
    return facts_of(made.to_dict())


def refunds_of(payment_intent_id: str) -> Iterator[dict[str, Any]]:
    """The facts of every refund of a payment, the newest first."""
    with translated_errors():
        rows = client().v1.refunds.list({"payment_intent": payment_intent_id, "limit": 100})
        for row in rows.auto_paging_iter():
            yield facts_of(row.to_dict())
