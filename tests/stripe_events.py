"""Events as Stripe sends them, signed as Stripe signs them; all payments invented."""

import hmac
import itertools
import json
import time

import stripe

from donations.stripe_facts import to_minor_units

_numbers = itertools.count(1)
CREATED = 1_773_144_000  # 2026-03-10 12:00 UTC


def event(type_, subject, *, id=None, created=CREATED, **fields):
    return {
        "id": id or f"evt_{next(_numbers)}",
        "object": "event",
        "api_version": stripe.api_version,
        "created": created,
        "data": {"object": subject},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": type_,
    } | fields


def session(checkout, *, payment_status="paid", **fields):
    pledge = checkout.pledge
    return {
        "id": checkout.stripe_session_id,
        "object": "checkout.session",
        "amount_total": to_minor_units(pledge.amount, pledge.currency),
        "currency": pledge.currency.lower(),
        "created": CREATED,
        "client_reference_id": str(pledge.uuid),
        "customer_details": {"email": "ana@example.org", "name": "Ana Ejemplo", "phone": "+54911"},
        "livemode": False,
        "metadata": {"pledge": str(pledge.uuid)},
        "mode": "payment",
        "payment_intent": f"pi_{checkout.stripe_session_id}",
        "payment_status": payment_status,
        "status": "complete",
    } | fields


def refund(payment_intent, units, *, currency="eur", id=None, status="succeeded", created=CREATED):
    return {
        "id": id or f"re_{next(_numbers)}",
        "object": "refund",
        "amount": units,
        "charge": "ch_1",
        "created": created,
        "currency": currency,
        "metadata": {},
        "payment_intent": payment_intent,
        "reason": "requested_by_customer",
        "status": status,
    }


def signed(payload, secret="whsec_sandbox", timestamp=None):
    """The body and header of a delivery: `payload` as JSON, or bytes as they are."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    timestamp = timestamp or int(time.time())
    mac = hmac.new(secret.encode(), b"%d." % timestamp + body, "sha256").hexdigest()
    return body, f"t={timestamp},v1={mac}"
