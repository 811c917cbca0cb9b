"""VERB: what Stripe says, kept and acted on: receive() stores a verified event, process_pending() books what it means.

`processing` takes a batch of events through the topics; each topic (sessions, refunds …) is one noun of Stripe's: it
finds the rows of ours its events speak of, and adds to the batch's Plan what is to be written. `missed` fetches what
never arrived.
"""

from .missed import CATCH_UP_TYPES, ask_after_overdue, catch_up, look_through
from .processing import process_pending, receive, retry

__all__ = [
    "CATCH_UP_TYPES",
    "ask_after_overdue",
    "catch_up",
    "look_through",
    "process_pending",
    "receive",
    "retry",
]
