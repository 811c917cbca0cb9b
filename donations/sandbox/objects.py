"""Stripe's objects as its API shows them, with every field the SDK's classes promise."""

import secrets
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import stripe

from donations.currencies import exponent

from .models import SandboxDelivery, SandboxObject

Json = dict[str, Any]


def new_id(prefix: str) -> str:
    return f"{prefix}_sandbox_{secrets.token_hex(10)}"


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def save(data: Json, *, notes: Json | None = None) -> SandboxObject:
    """Keeps a new object, or the new state of one that is there."""
    created_at = datetime.fromtimestamp(data["created"], UTC)
    defaults: Json = {"kind": data["object"], "data": data, "created_at": created_at}
    if notes is not None:
        defaults["notes"] = notes
    kept, _is_new = SandboxObject.objects.update_or_create(id=data["id"], defaults=defaults)
    return kept


def emit(type_: str, subject: Json, *, at: datetime, wait: bool = False) -> SandboxObject:
    """An event of what happened to `subject`, with its webhook due at once (or never by itself, if `wait`)."""
    event = save(
        {
            "id": new_id("evt"),
            "object": "event",
            "api_version": stripe.api_version,
            "created": seconds(at),
            "data": {"object": subject},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": type_,
        }
    )
    if not wait:
        SandboxDelivery.objects.create(event=event, due_at=at)
    return event


def session(params: Json, *, at: datetime, url: str) -> Json:
    amount = sum(
        item["price_data"]["unit_amount"] * item.get("quantity", 1) for item in params["line_items"]
    )
    session_id = new_id("cs_test")
    return {
        "id": session_id,
        "object": "checkout.session",
        "adaptive_pricing": params.get("adaptive_pricing"),
        "amount_subtotal": amount,
        "amount_total": amount,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "created": seconds(at),
        "currency": params["line_items"][0]["price_data"]["currency"],
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None,
        "customer_creation": "if_required",
        "customer_details": None,
        "customer_email": params.get("customer_email"),
        "expires_at": params.get("expires_at", seconds(at) + 24 * 3600),
        "invoice": None,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": params.get("metadata", {}),
        "mode": params["mode"],
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "redirect_on_completion": "always",
        "setup_intent": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": params.get("submit_type"),
        "subscription": None,
        "success_url": params.get("success_url"),
        "ui_mode": params.get("ui_mode", "hosted_page"),
        "url": url.replace("SESSION", session_id),
    }


def payment_intent(
    *, amount: int, currency: str, metadata: Json, status: str, at: datetime
) -> Json:
    return {
        "id": new_id("pi"),
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "application": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "created": seconds(at),
        "currency": currency,
        "customer": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": metadata,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_types": ["card"],
        "payment_record": None,
        "review": None,
        "setup_future_usage": None,
        "source": None,
        "status": status,
    }


def charge(intent: Json, *, at: datetime) -> Json:
    return {
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"],
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "balance_transaction": None,
        "billing_details": {
            "address": None,
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "captured": True,
        "created": seconds(at),
        "currency": intent["currency"],
        "customer": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "paid": True,
        "payment_intent": intent["id"],
        "refunded": False,
        "review": None,
        "source": None,
        "source_transfer": None,
        "status": "succeeded",
        "transfer": None,
    }


def fee_of(amount: int, currency: str) -> int:
    """1.5 % and a quarter of the currency's unit: the stand-in's own assumption, not any price list of Stripe's."""
    fixed = Decimal("0.25").scaleb(exponent(currency.upper()))
    return int((Decimal(amount) * Decimal("0.015") + fixed).quantize(Decimal(1), ROUND_HALF_UP))


def balance_transaction(
    *, type_: str, amount: int, fee: int, currency: str, source: str, at: datetime
) -> Json:
    details = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": "Sandbox processing fee",
        "type": "stripe_fee",
    }
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": seconds(at) + 2 * 86400,
        "balance_type": "payments",
        "created": seconds(at),
        "currency": currency,
        "description": None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [details] if fee else [],
        "net": amount - fee,
        "payout": None,
        "reporting_category": type_,
        "source": source,
        "status": "pending",
        "type": type_,
    }


def refund(*, amount: int, of: Json, reason: str | None, metadata: Json, at: datetime) -> Json:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": of["id"],
        "created": seconds(at),
        "currency": of["currency"],
        "customer": None,
        "failure_balance_transaction": None,
        "metadata": metadata,
        "payment_intent": of["payment_intent"],
        "payment_method": None,
        "pending_reason": None,
        "reason": reason,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def payout(*, amount: int, currency: str, at: datetime) -> Json:
    return {
        "id": new_id("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "arrival_date": seconds(at) + 2 * 86400,
        "automatic": True,
        "balance_transaction": None,
        "created": seconds(at),
        "currency": currency,
        "description": "SANDBOX PAYOUT",
        "destination": None,
        "failure_balance_transaction": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "reconciliation_status": "completed",
        "reversed_by": None,
        "source_type": "card",
        "status": "paid",
        "type": "bank_account",
    }
