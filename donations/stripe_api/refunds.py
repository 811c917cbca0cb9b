"""Money sent back to who gave it."""

from decimal import Decimal
from typing import Any

from donations.stripe_facts import Refund, from_minor_units, to_minor_units

from .connection import client, id_of, instant, translated_errors


def refund(
    *,
    idempotency_key: str,
    payment_intent_id: str,
    currency: str,
    amount: Decimal | None = None,
    reason: str = "requested_by_customer",
) -> Refund:
    """Sends `amount` of a payment back, or all that is left of it; with the same key again, the same refund.

    `reason` is requested_by_customer, duplicate or fraudulent (which also bars the card). Stripe keeps its fee.
    Raises StripeUnavailable, StripeRefused (charge_already_refunded …).
    """
    params: dict[str, Any] = {"payment_intent": payment_intent_id, "reason": reason}
    if amount is not None:
        params["amount"] = to_minor_units(amount, currency)
    with translated_errors():
        made = client().v1.refunds.create(
            params,  # type: ignore[arg-type]  # as above
            {"idempotency_key": idempotency_key},
        )
    return Refund(
        id=made.id,
        status=made.status or "",
        amount=from_minor_units(made.amount, made.currency),
        currency=made.currency.upper(),
        created_at=instant(made.created),
        payment_intent_id=id_of(made.payment_intent),
    )
