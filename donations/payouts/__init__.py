"""VERB: what moved on Stripe's balance, booked: fees, refunds, disputes, and what Stripe sent to the bank.

`syncing` reads the balance and books a run of it at once; `movements` knows what a movement of a payment means,
`to_bank` what a payout does. What nothing of ours explains two people do (`explaining`); a payout without its movements
somebody accepts (`accepting`).
"""

from .accepting import accept, why_not_accept
from .explaining import (
    ExplanationError,
    NoReason,
    NotByPolicy,
    NotOpen,
    SamePerson,
    TooEarly,
    WrongMeaning,
    approve_explanation,
    check_told,
    refuse_explanation,
    request_explanation,
    take_back_explanation,
)
from .syncing import Synced, awaited_since, sync

__all__ = [
    "ExplanationError",
    "NoReason",
    "NotByPolicy",
    "NotOpen",
    "SamePerson",
    "Synced",
    "TooEarly",
    "WrongMeaning",
    "accept",
    "approve_explanation",
    "awaited_since",
    "check_told",
    "refuse_explanation",
    "request_explanation",
    "sync",
    "take_back_explanation",
    "why_not_accept",
]
