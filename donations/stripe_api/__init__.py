"""EDGE: the one place that talks to Stripe. Amounts are exact Decimals here; Stripe's units stand in stripe_facts.

A module for each noun of Stripe's; callers use them from here.
"""

from .balance import balance_transactions, payouts
from .connection import StripeRefused, StripeUnavailable, client
from .events import InvalidWebhook, list_events, parse_event, retrieve_event
from .invoices import invoice_page, payment_of_invoice
from .refunds import refund
from .sessions import create_session, expire_session, retrieve_session
from .subscriptions import (
    change_charge_day,
    change_monthly_amount,
    open_card_page,
    pause_subscription,
    resume_subscription,
    retrieve_subscription,
    stop_subscription,
)

__all__ = [
    "InvalidWebhook",
    "StripeRefused",
    "StripeUnavailable",
    "balance_transactions",
    "change_charge_day",
    "change_monthly_amount",
    "client",
    "create_session",
    "expire_session",
    "invoice_page",
    "list_events",
    "open_card_page",
    "parse_event",
    "pause_subscription",
    "payment_of_invoice",
    "payouts",
    "refund",
    "resume_subscription",
    "retrieve_event",
    "retrieve_session",
    "retrieve_subscription",
    "stop_subscription",
]
