"""Stripe's objects as its API shows them: every field of the SDK's classes, what does not concern us as null."""

import secrets
import time
from datetime import datetime
from functools import cache
from typing import Any, get_args

import stripe

from .models import SandboxObject

Json = dict[str, Any]

# Stripe shows the customer's details in every session and event. Ours are invented, and there so that it shows
# when something that must not be kept is kept.
SOMEBODY: Json = {
    "address": {
        "city": None,
        "country": "ES",
        "line1": None,
        "line2": None,
        "postal_code": "28000",
        "state": None,
    },
    "business_name": None,
    "individual_name": None,
    "name": "Test Supporter",
    "phone": None,
    "tax_exempt": "none",
    "tax_ids": [],
}


def new_id(prefix: str) -> str:
    """A new identifier, later in the alphabet than those before it."""
    return f"{prefix}_{time.time_ns():016x}{secrets.token_hex(6)}"


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def keep(data: Json, *, at: datetime, notes: Json | None = None) -> SandboxObject:
    """Stores a new object."""
    return SandboxObject.objects.create(
        id=data["id"], kind=data["object"], data=data, created_at=at, notes=notes or {}
    )


def change(data: Json) -> None:
    """Stores the new state of an object that is there."""
    SandboxObject.objects.filter(id=data["id"]).update(data=data)


@cache
def _nullable(shape: type) -> tuple[str, ...]:
    """The fields that may be null. Lists within an object are shown only when asked for; `deleted` only when true."""
    return tuple(
        name
        for name, hint in shape.__annotations__.items()
        if type(None) in get_args(hint) and "ListObject" not in str(hint) and name != "deleted"
    )


def _new(shape: type, prefix: str, at: datetime, fields: Json) -> Json:
    head = {"id": new_id(prefix), "object": shape.OBJECT_NAME, "created": seconds(at)}  # type: ignore[attr-defined]
    return dict.fromkeys(_nullable(shape)) | head | {"livemode": False} | fields


def session(params: Json, *, at: datetime, page: str) -> Json:
    """`page` is the address of the payment page, without the session's identifier at its end."""
    amount = sum(line["amount_total"] for line in lines_of(params))
    made = _new(
        stripe.checkout.Session,
        "cs_test",
        at,
        {
            "adaptive_pricing": params.get("adaptive_pricing", {"enabled": False}),
            "allowed_payment_method_types": params.get("allowed_payment_method_types"),
            "amount_subtotal": amount,
            "amount_total": amount,
            "automatic_tax": {
                "enabled": False,
                "liability": None,
                "provider": None,
                "status": None,
            },
            "cancel_url": params.get("cancel_url"),
            "client_reference_id": params.get("client_reference_id"),
            "currency": params["line_items"][0]["price_data"]["currency"],
            "custom_fields": [],
            "custom_text": {
                "after_submit": None,
                "shipping_address": None,
                "submit": None,
                "terms_of_service_acceptance": None,
            },
            "customer_creation": "if_required",
            "customer_email": params.get("customer_email"),
            "expires_at": params.get("expires_at", seconds(at) + 24 * 3600),
            "locale": params.get("locale"),
            "metadata": params.get("metadata", {}),
            "mode": params["mode"],
            "payment_method_collection": "if_required",
            "payment_method_types": ["card"],
            "payment_status": "unpaid",
            "phone_number_collection": {"enabled": False},
            "shipping_options": [],
            "status": "open",
            "submit_type": params.get("submit_type"),
            "success_url": params.get("success_url"),
            "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
            "ui_mode": params.get("ui_mode", "hosted_page"),
        },
    )
    return made | {"url": f"{page}{made['id']}/"}


def lines_of(params: Json) -> list[Json]:
    """The line items of a session's parameters; they have no identifiers yet."""
    return [
        dict.fromkeys(_nullable(stripe.LineItem))
        | {
            "object": "item",
            "amount_discount": 0,
            "amount_subtotal": item["price_data"]["unit_amount"] * item.get("quantity", 1),
            "amount_tax": 0,
            "amount_total": item["price_data"]["unit_amount"] * item.get("quantity", 1),
            "currency": item["price_data"]["currency"],
            "description": item["price_data"].get("product_data", {}).get("name"),
            "quantity": item.get("quantity", 1),
        }
        for item in params["line_items"]
    ]


def payment_intent(session: Json, data: Json, *, method: str, at: datetime) -> Json:
    """What pays `session`, with the `payment_intent_data` it was opened with."""
    return _new(
        stripe.PaymentIntent,
        "pi",
        at,
        {
            "amount": session["amount_total"],
            "amount_capturable": 0,
            "amount_received": 0,
            "capture_method": data.get("capture_method", "automatic_async"),
            "confirmation_method": "automatic",
            "currency": session["currency"],
            "description": data.get("description"),
            "metadata": data.get("metadata", {}),
            "payment_method_types": [method],
            "receipt_email": data.get("receipt_email"),
            "status": "requires_payment_method",
        },
    )


def charge(intent: Json, *, method: str, last4: str, status: str, at: datetime) -> Json:
    """A try to take the money of `intent`: succeeded, pending or failed, with nothing on the balance yet."""
    details = {"brand": "visa", "exp_month": 12, "exp_year": 2034} if method == "card" else {}
    return _new(
        stripe.Charge,
        "ch",
        at,
        {
            "amount": intent["amount"],
            "amount_captured": intent["amount"] if status == "succeeded" else 0,
            "amount_refunded": 0,
            "billing_details": {
                "address": SOMEBODY["address"],
                "email": "somebody@example.org",
                "name": SOMEBODY["name"],
                "phone": None,
                "tax_id": None,
            },
            "captured": status == "succeeded",
            "currency": intent["currency"],
            "description": intent["description"],
            "disputed": False,
            "metadata": intent["metadata"],
            "paid": status == "succeeded",
            "payment_intent": intent["id"],
            "payment_method_details": {
                "type": method,
                method: details | {"country": "ES", "last4": last4},
            },
            "refunded": False,
            "status": status,
        },
    )


def balance_transaction(
    *, type_: str, amount: int, fee: int, currency: str, source: str, at: datetime
) -> Json:
    made = _new(
        stripe.BalanceTransaction,
        "txn",
        at,
        {
            "amount": amount,
            "available_on": seconds(at) + 2 * 86400,
            "balance_type": "payments",
            "currency": currency,
            "fee": fee,
            "fee_details": [
                {
                    "amount": fee,
                    "application": None,
                    "currency": currency,
                    "description": "Sandbox processing fee",
                    "type": "stripe_fee",
                }
            ]
            if fee
            else [],
            "net": amount - fee,
            "reporting_category": type_,
            "source": source,
            "status": "pending",
            "type": type_,
        },
    )
    del made["livemode"]  # the one object without
    return made


def refund(*, amount: int, of: Json, reason: str | None, metadata: Json, at: datetime) -> Json:
    made = _new(
        stripe.Refund,
        "re",
        at,
        {
            "amount": amount,
            "charge": of["id"],
            "currency": of["currency"],
            "metadata": metadata,
            "payment_intent": of["payment_intent"],
            "reason": reason,
            "status": "succeeded",
        },
    )
    del made["livemode"]  # and another
    return made


def payout(*, amount: int, currency: str, at: datetime) -> Json:
    made = _new(
        stripe.Payout,
        "po",
        at,
        {
            "amount": amount,
            "arrival_date": seconds(at) + 2 * 86400,
            "automatic": True,
            "currency": currency,
            "description": "SANDBOX PAYOUT",
            "metadata": {},
            "method": "standard",
            "reconciliation_status": "completed",
            "source_type": "card",
            "status": "paid",
            "type": "bank_account",
        },
    )
    return made | {
        "trace_id": {"status": "supported", "value": f"SANDBOX{made['id'][-8:].upper()}"}
    }


def customer(params: Json, *, at: datetime) -> Json:
    named = ("address", "description", "email", "name", "phone", "preferred_locales", "shipping")
    return _new(
        stripe.Customer,
        "cus",
        at,
        {name: params.get(name) for name in named}
        | {"balance": 0, "delinquent": False, "metadata": params.get("metadata", {})},
    )


def event(type_: str, subject: Json, *, webhooks: int, at: datetime) -> Json:
    return _new(
        stripe.Event,
        "evt",
        at,
        {
            "api_version": stripe.api_version,
            "data": {"object": subject},
            "pending_webhooks": webhooks,
            "request": {"id": None, "idempotency_key": None},
            "type": type_,
        },
    )
