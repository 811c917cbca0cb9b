"""VERB: take over what happened before these books began, from a spreadsheet: earlier gifts, payments, costs still owed.

workbook.py makes text of the file, tables.py rows of the text, reading.py facts of the rows and says what is wrong, sums.py
what they come to; booking.py books it when two people want it. opening.py makes such a file of one row from what a first
bank statement says was there.
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
from .fact import PastFact
from .opening import NothingMissing, TooMuch, request_opening
from .reading import PastReading, read
from .tables import COLUMNS, EXAMPLES, LARGEST, UnreadableTable
from .workbook import text_of

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
    "text_of",
]
