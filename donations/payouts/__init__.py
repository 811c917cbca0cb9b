"""VERB: what moved on Stripe's balance, booked: fees, refunds, disputes, and what Stripe sent to the bank.

`syncing` reads the balance and books a run of it at once; `movements` knows what a movement of a payment means,
`to_bank` what a payout does.
"""

from .syncing import Synced, awaited_since, sync

__all__ = ["Synced", "awaited_since", "sync"]
