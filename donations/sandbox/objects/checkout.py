"""Visits to the payment page."""

from datetime import datetime
from fractions import Fraction

import stripe

from .base import Json, new, nullable, seconds


def session(params: Json, *, lines: list[Json], at: datetime, page: str) -> Json:
    """A visit for `lines` (lines_of); `page` is the payment page's address, without the identifier at its end."""
    amount = sum(line["amount_total"] for line in lines) if lines else None
    is_subscription = params["mode"] == "subscription"
    made = new(
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
            "currency": lines[0]["currency"] if lines else params.get("currency"),
            "custom_fields": [],
            "custom_text": {
                "after_submit": None,
                "shipping_address": None,
                "submit": None,
                "terms_of_service_acceptance": None,
            },
            "customer": params.get("customer"),
            "customer_creation": "always"
            if is_subscription
            else params.get("customer_creation", "if_required"),
            "customer_email": params.get("customer_email"),
            "expires_at": params.get("expires_at", seconds(at) + 24 * 3600),
            "locale": params.get("locale"),
            "metadata": params.get("metadata") or {},
            "mode": params["mode"],
            "payment_method_collection": "always" if is_subscription else "if_required",
            "payment_method_types": ["card"],
            "payment_status": "unpaid" if lines else "no_payment_required",
            "phone_number_collection": {"enabled": False},
            "shipping_options": [],
            "status": "open",
            "submit_type": params.get("submit_type"),
            "success_url": params.get("success_url"),
            "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
            if lines
            else None,
            "ui_mode": params.get("ui_mode", "hosted_page"),
        },
    )
    return made | {"url": f"{page}{made['id']}/"}


def lines_of(params: Json, *, share: Fraction) -> list[Json]:
    """The line items of a session's parameters, each at a `share` of its price; they have no identifiers yet."""
    return [
        dict.fromkeys(nullable(stripe.LineItem))
        | {
            "object": "item",
            "amount_discount": 0,
            "amount_subtotal": _part(item, share),
            "amount_tax": 0,
            "amount_total": _part(item, share),
            "currency": item["price_data"]["currency"],
            "description": item["price_data"].get("product_data", {}).get("name"),
            "quantity": item.get("quantity", 1),
        }
        for item in params.get("line_items", [])
    ]


def _part(item: Json, share: Fraction) -> int:
    whole: int = item["price_data"]["unit_amount"] * item.get("quantity", 1)
    return round(whole * share)
