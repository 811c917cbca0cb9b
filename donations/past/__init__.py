"""VERB: take over what happened before these books began, from a spreadsheet: earlier gifts, payments, costs still owed.

tables.py reads the file, reading.py understands it and says what is wrong, booking.py books it when two people want it;
opening.py makes such a file of one row from what a first bank statement says was there.
"""

from .booking import (
    NoReason,
    NotFit,
    NothingNew,
    PastError,
    SamePerson,
    WaitsAlready,
    WrongState,
    approve,
    forget,
    refuse,
    request,
)
from .opening import NothingMissing, TooMuch, request_opening
from .reading import PastFact, PastReading, read
from .tables import COLUMNS, EXAMPLES, LARGEST, UnreadableTable

__all__ = [
    "COLUMNS",
    "EXAMPLES",
    "LARGEST",
    "NoReason",
    "NotFit",
    "NothingMissing",
    "NothingNew",
    "PastError",
    "PastFact",
    "PastReading",
    "SamePerson",
    "TooMuch",
    "UnreadableTable",
    "WaitsAlready",
    "WrongState",
    "approve",
    "forget",
    "read",
    "refuse",
    "request",
    "request_opening",
]
