"""Payments, tries to take their money, cards kept for later, and money going back."""

import secrets
from datetime import datetime

import stripe

from .base import SOMEBODY, SOMEBODYS_EMAIL, Json, new, within

CARD, DEBIT = "card", "sepa_debit"
# What an account kept for direct debits ends with.
IBAN_ENDS = "3000"


def payment_method(*, last4: str, customer: str | None, email: str | None, at: datetime) -> Json:
    """A test card by its last four digits, or "debit" for a bank account."""
    type_ = DEBIT if last4 == "debit" else CARD
    if type_ == CARD:
        details = within(
            stripe.PaymentMethod.Card,
            {
                "brand": "visa",
                "country": "ES",
                "display_brand": "visa",
                "exp_month": 12,
                "exp_year": 2034,
                "funding": "credit",
                "last4": last4,
            },
        )
    else:
        details = within(stripe.PaymentMethod.SepaDebit, {"country": "ES", "last4": IBAN_ENDS})
    made = new(
        stripe.PaymentMethod,
        "pm",
        at,
        {
            "allow_redisplay": "limited",
            "billing_details": _billing_details(email),
            "customer": customer,
            "metadata": {},
            "type": type_,
            type_: details,
        },
    )
    # Of all the kinds of payment methods only its own stands in it.
    return {
        name: value for name, value in made.items() if value is not None or name in METHOD_FIELDS
    }


METHOD_FIELDS = frozenset({"customer", "customer_account", "radar_options"})


def ends_of(method: Json) -> str:
    """The last four digits of a card or account."""
    last4: str = method[method["type"]]["last4"]
    return last4


def _billing_details(email: str | None) -> Json:
    return {
        "address": SOMEBODY["address"],
        "email": email or SOMEBODYS_EMAIL,
        "name": SOMEBODY["name"],
        "phone": None,
        "tax_id": None,
    }


def payment_intent(*, amount: int, currency: str, data: Json, at: datetime) -> Json:
    """A payment of `amount` that nobody has tried to make yet; `data` are fields its caller may choose."""
    made = new(
        stripe.PaymentIntent,
        "pi",
        at,
        {
            "amount": amount,
            "amount_capturable": 0,
            "amount_received": 0,
            "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
            "capture_method": data.get("capture_method", "automatic_async"),
            "confirmation_method": "automatic",
            "currency": currency,
            "customer": data.get("customer"),
            "description": data.get("description"),
            "metadata": data.get("metadata") or {},
            "payment_method": data.get("payment_method"),
            "payment_method_types": [CARD],
            "receipt_email": data.get("receipt_email"),
            "setup_future_usage": data.get("setup_future_usage"),
            "statement_descriptor_suffix": data.get("statement_descriptor_suffix"),
            "status": "requires_payment_method",
        },
    )
    return made | {"client_secret": f"{made['id']}_secret_{secrets.token_hex(8)}"}


def setup_intent(*, customer: str | None, data: Json, at: datetime) -> Json:
    """A wish to keep a card for later, that nobody has confirmed yet."""
    made = new(
        stripe.SetupIntent,
        "seti",
        at,
        {
            "customer": customer,
            "description": data.get("description"),
            "metadata": data.get("metadata") or {},
            "payment_method_types": [CARD],
            "status": "requires_payment_method",
            "usage": "off_session",
        },
    )
    return made | {"client_secret": f"{made['id']}_secret_{secrets.token_hex(8)}"}


def charge(intent: Json, *, method: Json, status: str, at: datetime) -> Json:
    """A try to take the money of `intent`: succeeded, pending or failed, with nothing on the balance yet."""
    details: Json = {"country": "ES", "last4": ends_of(method)}
    if method["type"] == CARD:
        details |= {"brand": "visa", "exp_month": 12, "exp_year": 2034, "network": "visa"}
    return new(
        stripe.Charge,
        "ch" if method["type"] == CARD else "py",
        at,
        {
            "amount": intent["amount"],
            "amount_captured": intent["amount"] if status == "succeeded" else 0,
            "amount_refunded": 0,
            "billing_details": method["billing_details"],
            "captured": status == "succeeded",
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "fraud_details": {},
            "metadata": intent["metadata"],
            "paid": status == "succeeded",
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": {"type": method["type"], method["type"]: details},
            "refunded": False,
            "status": status,
        },
    )


def refund(
    *, amount: int, of: Json, reason: str | None, metadata: Json, status: str, at: datetime
) -> Json:
    made = new(
        stripe.Refund,
        "re" if of["id"].startswith("ch_") else "pyr",
        at,
        {
            "amount": amount,
            "charge": of["id"],
            "currency": of["currency"],
            "metadata": metadata,
            "payment_intent": of["payment_intent"],
            "payment_method": of["payment_method"],
            "pending_reason": "processing" if status == "pending" else None,
            "reason": reason,
            "status": status,
        },
    )
    del made["livemode"]  # as with movements on the balance
    return made
