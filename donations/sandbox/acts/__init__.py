"""What supporters, banks and Stripe do; each act with the events that tell of it.

A module for each group of acts; all are transactions of their own, and raise SandboxError with nothing done.
"""

from .changes import (
    cancel_subscription,
    delete_customer,
    pause,
    resume,
    update_subscription,
)
from .checkout import debit, decline, expire, expire_due, is_over, pay, settle, settle_payment
from .clock import pass_time
from .customers import (
    create_customer,
    detach_method,
    keep_method,
    known_customer,
    methods_of,
    replace_card,
    update_customer,
)
from .disputes import answer_dispute, close_inquiry, escalate, lose, open_dispute, win
from .invoices import pay_invoice
from .payments import pay_elsewhere
from .payouts import charge, fail_payout, pay_out
from .refunds import arrive, fail_refund, refund
from .saved_cards import cancel_intent, confirm_intent, create_intent
from .subscriptions import announce, first_share, renew
from .warnings import warn

__all__ = [
    "announce",
    "answer_dispute",
    "arrive",
    "cancel_intent",
    "cancel_subscription",
    "charge",
    "close_inquiry",
    "confirm_intent",
    "create_customer",
    "create_intent",
    "debit",
    "decline",
    "delete_customer",
    "detach_method",
    "escalate",
    "expire",
    "expire_due",
    "fail_payout",
    "fail_refund",
    "first_share",
    "is_over",
    "keep_method",
    "known_customer",
    "lose",
    "methods_of",
    "open_dispute",
    "pass_time",
    "pause",
    "pay",
    "pay_elsewhere",
    "pay_invoice",
    "pay_out",
    "refund",
    "renew",
    "replace_card",
    "resume",
    "settle",
    "settle_payment",
    "update_customer",
    "update_subscription",
    "warn",
    "win",
]
