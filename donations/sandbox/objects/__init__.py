"""Stripe's objects as its API shows them: every field of the SDK's classes, what does not concern us as null.

A module for each group of Stripe's nouns; what happens to them is in acts/.
"""

from .balance import balance_transaction, payout
from .base import SOMEBODY, SOMEBODYS_EMAIL, Json, change, instant, keep, list_of, new_id, seconds
from .billing import (
    customer,
    invoice,
    invoice_line,
    invoice_payment,
    item,
    plan,
    portal_session,
    price,
    product,
    subscription,
)
from .calendar import following, preceding
from .checkout import lines_of, session
from .disputes import dispute, early_fraud_warning
from .event import event
from .payments import CARD, charge, ends_of, payment_intent, payment_method, refund, setup_intent

__all__ = [
    "CARD",
    "SOMEBODY",
    "SOMEBODYS_EMAIL",
    "Json",
    "balance_transaction",
    "change",
    "charge",
    "customer",
    "dispute",
    "early_fraud_warning",
    "ends_of",
    "event",
    "following",
    "instant",
    "invoice",
    "invoice_line",
    "invoice_payment",
    "item",
    "keep",
    "lines_of",
    "list_of",
    "new_id",
    "payment_intent",
    "payment_method",
    "payout",
    "plan",
    "portal_session",
    "preceding",
    "price",
    "product",
    "refund",
    "seconds",
    "session",
    "setup_intent",
    "subscription",
]
