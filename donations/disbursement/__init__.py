"""VERB: pay a legal cost: requested, approved by another person, paid, proved by the bank's line.

`steps` are people's steps, `checks` what is looked at before each, `objecting` what is said against one afterwards.
"""

from .checks import why_not_payable
from .errors import (
    AlreadyDone,
    Conflicted,
    ContentChanged,
    DisbursementError,
    NoEmergency,
    NoReason,
    NotByPolicy,
    NotEnoughMoney,
    PayeeNotReady,
    SamePerson,
    WrongAccount,
    WrongAmount,
    WrongDay,
    WrongDocument,
    WrongState,
)
from .objecting import answer, object_to
from .steps import amend, approve, pay, refuse, request

__all__ = [
    "AlreadyDone",
    "Conflicted",
    "ContentChanged",
    "DisbursementError",
    "NoEmergency",
    "NoReason",
    "NotByPolicy",
    "NotEnoughMoney",
    "PayeeNotReady",
    "SamePerson",
    "WrongAccount",
    "WrongAmount",
    "WrongDay",
    "WrongDocument",
    "WrongState",
    "amend",
    "answer",
    "approve",
    "object_to",
    "pay",
    "refuse",
    "request",
    "why_not_payable",
]
