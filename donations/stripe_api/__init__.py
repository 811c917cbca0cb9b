"""EDGE: the one place that talks to Stripe. Amounts are exact Decimals here; Stripe's units stand in stripe_facts.

A module for each noun of Stripe's; callers use them from here.
"""

from .balance import balance_transactions, payouts
from .connection import StripeRefused, StripeUnavailable, client
from .events import InvalidWebhook, list_events, parse_event, retrieve_event
from .refunds import refund
from .sessions import create_session, expire_session, retrieve_session

__all__ = [
    "InvalidWebhook",
    "StripeRefused",
    "StripeUnavailable",
    "balance_transactions",
    "client",
    "create_session",
    "expire_session",
    "list_events",
    "parse_event",
    "payouts",
    "refund",
    "retrieve_event",
    "retrieve_session",
]
