"""VERB: a month of the books is verified, reconciled and closed; from then on nothing is booked in it.

`steps` is how far a month has come, `balances` what banks, Stripe and people say of it, `turns` in which order months are
closed. A fact that comes to light later is booked on the first open day and keeps its own day beside it (ledger.Posting).
"""

from .balances import reconcile, state_balance
from .errors import (
    AlreadyDone,
    Changed,
    NotReconciled,
    NotVerified,
    NotYet,
    PeriodError,
    SamePerson,
)
from .steps import (
    adjustments,
    begin_due,
    close,
    close_up_to,
    request_close,
    request_up_to,
    verify,
    withdraw,
)
from .turns import waiting, why_not_yet

__all__ = [
    "AlreadyDone",
    "Changed",
    "NotReconciled",
    "NotVerified",
    "NotYet",
    "PeriodError",
    "SamePerson",
    "adjustments",
    "begin_due",
    "close",
    "close_up_to",
    "reconcile",
    "request_close",
    "request_up_to",
    "state_balance",
    "verify",
    "waiting",
    "why_not_yet",
    "withdraw",
]
