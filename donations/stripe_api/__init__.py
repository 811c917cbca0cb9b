"""EDGE: the one place that talks to Stripe. Amounts are exact Decimals here; Stripe's units stand in stripe_facts.

A module for each noun of Stripe's; callers use them from here.
"""

from .balance import balance_transactions, balances, payouts
from .connection import StripeRefused, StripeUnavailable, client
from .disputes import close_dispute
from .events import InvalidWebhook, list_events, parse_event
from .invoices import invoice_page, payment_of_invoice
from .kept_cards import (
    CardDeclined,
    CardPage,
    charge_kept_card,
    forget_card,
    kept_card,
    open_keep_page,
    payments_of,
)
from .objects import list_objects
from .refunds import refund, refunds_of
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
    "CardDeclined",
    "CardPage",
    "InvalidWebhook",
    "StripeRefused",
    "StripeUnavailable",
    "balance_transactions",
    "balances",
    "change_charge_day",
    "change_monthly_amount",
    "charge_kept_card",
    "client",
    "close_dispute",
    "create_session",
    "expire_session",
    "forget_card",
    "invoice_page",
    "kept_card",
    "list_events",
    "list_objects",
    "open_card_page",
    "open_keep_page",
    "parse_event",
    "pause_subscription",
    "payment_of_invoice",
    "payments_of",
    "payouts",
    "refund",
    "refunds_of",
    "resume_subscription",
    "retrieve_session",
    "retrieve_subscription",
    "stop_subscription",
]
