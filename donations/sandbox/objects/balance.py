"""Movements on Stripe's balance, and payouts to the bank."""

from datetime import datetime

import stripe

from .base import Json, new, seconds

# Stripe's finer name of a kind of movement, where it is not the kind's own.
CATEGORIES = {"payment": "charge", "payment_refund": "refund"}


def balance_transaction(
    *,
    type_: str,
    amount: int,
    fee: int,
    currency: str,
    source: str | None,
    at: datetime,
    category: str = "",
    description: str | None = None,
) -> Json:
    """A movement of `amount` less `fee`; a negative amount leaves, a negative fee comes back."""
    made = new(
        stripe.BalanceTransaction,
        "txn",
        at,
        {
            "amount": amount,
            "available_on": seconds(at) + 2 * 86400,
            "balance_type": "payments",
            "currency": currency,
            "description": description,
            "fee": fee,
            "fee_details": [
                {
                    "amount": fee,
                    "application": None,
                    "currency": currency,
                    "description": "Sandbox fee",
                    "type": "stripe_fee",
                }
            ]
            if fee
            else [],
            "net": amount - fee,
            "reporting_category": category or CATEGORIES.get(type_, type_),
            "source": source,
            "status": "pending",
            "type": type_,
        },
    )
    del made["livemode"]  # one of the few objects without
    return made


def payout(*, amount: int, currency: str, at: datetime, is_automatic: bool = True) -> Json:
    made = new(
        stripe.Payout,
        "po",
        at,
        {
            "amount": amount,
            "arrival_date": seconds(at) + 2 * 86400,
            "automatic": is_automatic,
            "currency": currency,
            "description": "SANDBOX PAYOUT",
            "metadata": {},
            "method": "standard",
            "reconciliation_status": "completed" if is_automatic else "not_applicable",
            "source_type": "card",
            "status": "paid",
            "type": "bank_account",
        },
    )
    return made | {
        "trace_id": {"status": "supported", "value": f"SANDBOX{made['id'][-8:].upper()}"}
    }
