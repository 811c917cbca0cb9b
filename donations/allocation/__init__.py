"""Decide over fund money: set it aside for a legal cost, release it again, cover a fund that facts took below zero."""

from .covers import approve_cover, refuse_cover, request_cover
from .errors import (
    AllocationError,
    AlreadyDone,
    Frozen,
    NoReason,
    NotEnoughMoney,
    SamePerson,
    WrongAmount,
    WrongFund,
    WrongState,
)
from .setting_aside import allocate, release

__all__ = [
    "AllocationError",
    "AlreadyDone",
    "Frozen",
    "NoReason",
    "NotEnoughMoney",
    "SamePerson",
    "WrongAmount",
    "WrongFund",
    "WrongState",
    "allocate",
    "approve_cover",
    "refuse_cover",
    "release",
    "request_cover",
]
