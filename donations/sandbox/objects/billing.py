"""Supporters Stripe remembers, what they give regularly, and the bills for it."""

from datetime import datetime

import stripe

from .base import SOMEBODY, Json, list_of, new, new_id, seconds, within


def customer(params: Json, *, at: datetime) -> Json:
    named = ("address", "description", "email", "name", "phone", "preferred_locales", "shipping")
    made = new(
        stripe.Customer,
        "cus",
        at,
        {name: params.get(name) for name in named}
        | {
            "balance": 0,
            "delinquent": False,
            "invoice_settings": within(stripe.Customer.InvoiceSettings, {}),
            "metadata": params.get("metadata") or {},
            "tax_exempt": "none",
        },
    )
    return made | {"invoice_prefix": made["id"][-8:].upper()}


def product(name: str, *, at: datetime) -> Json:
    fields = {
        "active": True,
        "images": [],
        "marketing_features": [],
        "metadata": {},
        "name": name,
        "type": "service",
        "updated": seconds(at),
    }
    return new(stripe.Product, "prod", at, fields)


def price(data: Json, *, product_id: str, at: datetime) -> Json:
    """What `price_data` says: an amount in a currency, every so often."""
    recurring = data["recurring"]
    return new(
        stripe.Price,
        "price",
        at,
        {
            "active": False,
            "billing_scheme": "per_unit",
            "currency": data["currency"],
            "metadata": {},
            "product": product_id,
            "recurring": within(
                stripe.Price.Recurring,
                {
                    "interval": recurring["interval"],
                    "interval_count": recurring.get("interval_count", 1),
                    "usage_type": "licensed",
                },
            ),
            "tax_behavior": "unspecified",
            "type": "recurring",
            "unit_amount": data["unit_amount"],
            "unit_amount_decimal": str(data["unit_amount"]),
        },
    )


def plan(price: Json) -> Json:
    """The older form of a price, which Stripe still shows beside it."""
    return within(
        stripe.Plan,
        {
            "id": price["id"],
            "object": "plan",
            "active": price["active"],
            "amount": price["unit_amount"],
            "amount_decimal": price["unit_amount_decimal"],
            "billing_scheme": "per_unit",
            "created": price["created"],
            "currency": price["currency"],
            "interval": price["recurring"]["interval"],
            "interval_count": price["recurring"]["interval_count"],
            "livemode": False,
            "metadata": {},
            "product": price["product"],
            "usage_type": "licensed",
        },
    )


def item(price: Json, *, subscription: str, quantity: int, period: Json, at: datetime) -> Json:
    made = new(
        stripe.SubscriptionItem,
        "si",
        at,
        {
            "current_period_end": period["end"],
            "current_period_start": period["start"],
            "discounts": [],
            "metadata": {},
            "plan": plan(price),
            "price": price,
            "quantity": quantity,
            "subscription": subscription,
            "tax_rates": [],
        },
    )
    del made["livemode"]
    return made


def subscription(
    *, customer: str, currency: str, data: Json, anchor: int, method: str, at: datetime
) -> Json:
    """A subscription without items; `data` is the session's `subscription_data`."""
    made = new(
        stripe.Subscription,
        "sub",
        at,
        {
            "automatic_tax": within(stripe.Subscription.AutomaticTax, {"enabled": False}),
            "billing_cycle_anchor": anchor,
            "billing_cycle_anchor_config": data.get("billing_cycle_anchor_config")
            and within(
                stripe.Subscription.BillingCycleAnchorConfig, data["billing_cycle_anchor_config"]
            ),
            "billing_mode": {
                "flexible": {"proration_discounts": "included"},
                "type": "flexible",
                "updated_at": None,
            },
            "billing_schedules": [],
            "cancel_at_period_end": False,
            "cancellation_details": within(stripe.Subscription.CancellationDetails, {}),
            "collection_method": "charge_automatically",
            "currency": currency,
            "customer": customer,
            "default_payment_method": method,
            "default_tax_rates": [],
            "description": data.get("description"),
            "discounts": [],
            "invoice_settings": within(
                stripe.Subscription.InvoiceSettings, {"issuer": {"account": None, "type": "self"}}
            ),
            "metadata": data.get("metadata") or {},
            "payment_settings": within(
                stripe.Subscription.PaymentSettings, {"save_default_payment_method": "off"}
            ),
            "start_date": seconds(at),
            "status": "incomplete",
            "trial_end": data.get("trial_end"),
            "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
            "trial_start": seconds(at) if data.get("trial_end") else None,
        },
    )
    url = f"/v1/subscription_items?subscription={made['id']}"
    return made | {"items": list_of([], url)}


def invoice_line(item: Json, *, amount: int, period: Json, proration: bool = False) -> Json:
    """What one item costs for one period; a line of an invoice that has no identifier yet."""
    name = "Remaining time" if proration else f"{item['quantity']} × gift"
    return within(
        stripe.InvoiceLineItem,
        {
            "id": new_id("il"),
            "object": "line_item",
            "amount": amount,
            "currency": item["price"]["currency"],
            "description": name,
            "discount_amounts": [],
            "discountable": not proration,
            "discounts": [],
            "livemode": False,
            "metadata": {},
            "parent": {
                "invoice_item_details": None,
                "subscription_item_details": {
                    "invoice_item": None,
                    "proration": proration,
                    "proration_details": None,
                    "subscription": item["subscription"],
                    "subscription_item": item["id"],
                },
                "type": "subscription_item_details",
            },
            "period": period,
            "pretax_credit_amounts": [],
            "pricing": {
                "price_details": {
                    "price": item["price"]["id"],
                    "product": item["price"]["product"],
                },
                "type": "price_details",
                "unit_amount_decimal": item["price"]["unit_amount_decimal"],
            },
            "quantity": item["quantity"],
            "subtotal": amount,
            "taxes": [],
        },
    )


def invoice(
    of: Json, *, lines: list[Json], reason: str, period: Json, email: str | None, at: datetime
) -> Json:
    """A draft of the bill for `lines` of the subscription `of`, whose metadata it takes along as they are now."""
    amount = sum(line["amount"] for line in lines)
    made = new(
        stripe.Invoice,
        "in",
        at,
        {
            "amount_due": max(amount, 0),
            "amount_overpaid": 0,
            "amount_paid": 0,
            "amount_remaining": max(amount, 0),
            "amount_shipping": 0,
            "attempt_count": 0,
            "attempted": False,
            "auto_advance": True,
            "automatic_tax": within(stripe.Invoice.AutomaticTax, {"enabled": False}),
            "billing_reason": reason,
            "collection_method": "charge_automatically",
            "currency": of["currency"],
            "customer": of["customer"],
            "customer_email": email,
            "customer_name": SOMEBODY["name"],
            "customer_tax_exempt": "none",
            "customer_tax_ids": [],
            "default_tax_rates": [],
            "description": of["description"],
            "discounts": [],
            "issuer": {"account": None, "type": "self"},
            "metadata": {},
            "parent": {
                "quote_details": None,
                "subscription_details": {
                    "metadata": of["metadata"],
                    "subscription": of["id"],
                    "subscription_proration_date": None,
                },
                "type": "subscription_details",
            },
            "payment_settings": within(stripe.Invoice.PaymentSettings, {}),
            "period_end": period["end"],
            "period_start": period["start"],
            "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0,
            "starting_balance": 0,
            "status": "draft",
            "status_transitions": within(stripe.Invoice.StatusTransitions, {}),
            "subtotal": amount,
            "subtotal_excluding_tax": amount,
            "total": amount,
            "total_discount_amounts": [],
            "total_excluding_tax": amount,
            "total_pretax_credit_amounts": [],
            "total_taxes": [],
        },
    )
    for line in lines:
        line["invoice"] = made["id"]
    return made | {
        "lines": list_of(lines, f"/v1/invoices/{made['id']}/lines"),
        "number": f"SANDBOX-{made['id'][-12:].upper()}",
    }


def invoice_payment(invoice: Json, *, intent: str, at: datetime) -> Json:
    """What ties an invoice to the payment that is to pay it."""
    return new(
        stripe.InvoicePayment,
        "inpay",
        at,
        {
            "amount_requested": invoice["amount_due"],
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "payment": {"payment_intent": intent, "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        },
    )


def portal_session(params: Json, *, page: str, at: datetime) -> Json:
    """A short visit to the page where a supporter looks after their own regular gift."""
    flow = params.get("flow_data")
    if flow:
        after = flow.get("after_completion", {"type": "portal_homepage"})
        cancel = flow.get("subscription_cancel")
        flow = within(
            stripe.billing_portal.Session.Flow,
            {
                "after_completion": {"hosted_confirmation": None, "redirect": None} | after,
                "subscription_cancel": cancel and {"retention": None} | cancel,
                "type": flow["type"],
            },
        )
    made = new(
        stripe.billing_portal.Session,
        "bps",
        at,
        {
            "configuration": "bpc_sandbox",
            "customer": params["customer"],
            "flow": flow,
            "locale": params.get("locale"),
            "return_url": params.get("return_url"),
        },
    )
    return made | {"url": f"{page}{made['id']}/"}
