"""VERB: pay a legal cost: requested, approved by another person, paid, proved by the bank's line.

`steps` are people's steps, `checks` what is looked at before each, `objecting` what is said against one afterwards,
`never_left` takes back what was recorded as paid and never was.
"""

from .checks import check_same_document, why_not_payable
from .errors import (
    AlreadyDone,
    AtTheBank,
    Conflicted,
    ContentChanged,
    DisbursementError,
    NoEmergency,
    NoReason,
    NotByPolicy,
    NotEnoughMoney,
    PayeeNotReady,
    SameDocument,
    SamePerson,
    Undeclared,
    WrongAccount,
    WrongAmount,
    WrongDay,
    WrongDocument,
    WrongState,
)
from .never_left import doubt, keep, take_back
from .objecting import answer, object_to
from .steps import amend, approve, pay, refuse, request

__all__ = [
    "AlreadyDone",
    "AtTheBank",
    "Conflicted",
    "ContentChanged",
    "DisbursementError",
    "NoEmergency",
    "NoReason",
    "NotByPolicy",
    "NotEnoughMoney",
    "PayeeNotReady",
    "SameDocument",
    "SamePerson",
    "Undeclared",
    "WrongAccount",
    "WrongAmount",
    "WrongDay",
    "WrongDocument",
    "WrongState",
    "amend",
    "answer",
    "approve",
    "check_same_document",
    "doubt",
    "keep",
    "object_to",
    "pay",
    "refuse",
    "request",
    "take_back",
    "why_not_payable",
]
