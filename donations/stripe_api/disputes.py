"""Payments a supporter's bank took back."""

from typing import Any

from donations.stripe_facts import facts_of

from .connection import client, translated_errors


def close_dispute(dispute_id: str, *, idempotency_key: str) -> dict[str, Any]:
    """Accepts a dispute as lost, for good. Returns its facts (facts_of). Raises StripeUnavailable, StripeRefused."""
    with translated_errors():
        closed = client().v1.disputes.close(dispute_id, {}, {"idempotency_key": idempotency_key})
    return facts_of(closed.to_dict())
