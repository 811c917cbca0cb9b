"""Decide over fund money: set it aside for a legal cost, release it, cover or free a frozen fund, move what a purpose left, pay it to the partner."""

from .bail import bail_forfeited, bail_returned
from .bail_undo import keep_bail_outcome, request_bail_undo, undo_bail_outcome
from .covers import approve_cover, refuse_cover, request_cover, request_lift
from .endings import end_cost, reopen_cost
from .errors import (
    AllocationError,
    AlreadyDone,
    AtTheBank,
    Conflicted,
    ContentChanged,
    CostsOpen,
    Frozen,
    NoReason,
    NotDormant,
    NotEnoughMoney,
    SamePerson,
    Undeclared,
    WrongAccount,
    WrongAmount,
    WrongDay,
    WrongFund,
    WrongPayee,
    WrongState,
)
from .partner import (
    approve_partner_payment,
    pay_partner,
    refuse_partner_payment,
    request_partner_payment,
    why_no_partner,
    why_not_payable,
)
from .partner_undo import keep_partner_payment, request_partner_undo, undo_partner_payment
from .setting_aside import allocate, release
from .shares import unspent
from .surplus import approve_surplus, refuse_surplus, request_surplus
from .surplus_undo import keep_surplus, request_surplus_undo, undo_surplus

__all__ = [
    "AllocationError",
    "AlreadyDone",
    "AtTheBank",
    "Conflicted",
    "ContentChanged",
    "CostsOpen",
    "Frozen",
    "NoReason",
    "NotDormant",
    "NotEnoughMoney",
    "SamePerson",
    "Undeclared",
    "WrongAccount",
    "WrongAmount",
    "WrongDay",
    "WrongFund",
    "WrongPayee",
    "WrongState",
    "allocate",
    "approve_cover",
    "approve_partner_payment",
    "approve_surplus",
    "bail_forfeited",
    "bail_returned",
    "end_cost",
    "keep_bail_outcome",
    "keep_partner_payment",
    "keep_surplus",
    "pay_partner",
    "refuse_cover",
    "refuse_partner_payment",
    "refuse_surplus",
    "release",
    "reopen_cost",
    "request_bail_undo",
    "request_cover",
    "request_lift",
    "request_partner_payment",
    "request_partner_undo",
    "request_surplus",
    "request_surplus_undo",
    "undo_bail_outcome",
    "undo_partner_payment",
    "undo_surplus",
    "unspent",
    "why_no_partner",
    "why_not_payable",
]
