"""VERB: send money back: asked for, approved by another person where it is much, sent to Stripe or paid by the bank.

`decisions` are people's steps, `sending` asks Stripe for what was decided, `warnings` answers warnings of fraud.
"""

from .decisions import approve, pay, refuse, request
from .errors import (
    AlreadyDone,
    ContentChanged,
    NoReason,
    RefundError,
    SamePerson,
    WrongAccount,
    WrongAmount,
    WrongDay,
    WrongPayee,
    WrongState,
)
from .sending import send_due
from .warnings import answer_warnings

__all__ = [
    "AlreadyDone",
    "ContentChanged",
    "NoReason",
    "RefundError",
    "SamePerson",
    "WrongAccount",
    "WrongAmount",
    "WrongDay",
    "WrongPayee",
    "WrongState",
    "answer_warnings",
    "approve",
    "pay",
    "refuse",
    "request",
    "send_due",
]
