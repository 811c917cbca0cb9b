"""VERB: take over what happened before these books began, from a spreadsheet: earlier gifts, payments, costs still owed.

tables.py reads the file, reading.py understands it and says what is wrong, booking.py books it when two people want it.
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
from .reading import PastFact, PastReading, read
from .tables import COLUMNS, EXAMPLES, LARGEST, UnreadableTable

__all__ = [
    "COLUMNS",
    "EXAMPLES",
    "LARGEST",
    "NoReason",
    "NotFit",
    "NothingNew",
    "PastError",
    "PastFact",
    "PastReading",
    "SamePerson",
    "UnreadableTable",
    "WaitsAlready",
    "WrongState",
    "approve",
    "forget",
    "read",
    "refuse",
    "request",
]
