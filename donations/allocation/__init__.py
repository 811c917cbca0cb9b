"""Decide over fund money: set it aside for a legal cost, release it, cover or free a frozen fund, move what a purpose left."""

from .bail import bail_forfeited, bail_returned
from .bail_undo import keep_bail_outcome, request_bail_undo, undo_bail_outcome
from .covers import approve_cover, refuse_cover, request_cover, request_lift
from .endings import end_cost, reopen_cost
from .errors import (
    AllocationError,
    AlreadyDone,
    CostsOpen,
    Frozen,
    NoReason,
    NotDormant,
    NotEnoughMoney,
    SamePerson,
    WrongAccount,
    WrongAmount,
    WrongDay,
    WrongFund,
    WrongState,
)
from .setting_aside import allocate, release
from .shares import unspent
from .surplus import approve_surplus, refuse_surplus, request_surplus
from .surplus_undo import keep_surplus, request_surplus_undo, undo_surplus

__all__ = [
    "AllocationError",
    "AlreadyDone",
    "CostsOpen",
    "Frozen",
    "NoReason",
    "NotDormant",
    "NotEnoughMoney",
    "SamePerson",
    "WrongAccount",
    "WrongAmount",
    "WrongDay",
    "WrongFund",
    "WrongState",
    "allocate",
    "approve_cover",
    "approve_surplus",
    "bail_forfeited",
    "bail_returned",
    "end_cost",
    "keep_bail_outcome",
    "keep_surplus",
    "refuse_cover",
    "refuse_surplus",
    "release",
    "reopen_cost",
    "request_bail_undo",
    "request_cover",
    "request_lift",
    "request_surplus",
    "request_surplus_undo",
    "undo_bail_outcome",
    "undo_surplus",
    "unspent",
]
