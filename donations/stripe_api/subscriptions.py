"""Stripe's monthly charges: read, changed, paused and stopped; each answer as facts (stripe_facts.facts_of)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from donations.stripe_facts import facts_of, to_minor_units

from .connection import client, translated_errors

# Nothing is given back or asked for in between: what changes is the next charge.
NO_PRORATION = {"proration_behavior": "none"}


def retrieve_subscription(subscription_id: str) -> dict[str, Any]:
    """What Stripe says of it now. Raises StripeUnavailable, StripeRefused (resource_missing)."""
    with translated_errors():
        return facts_of(client().v1.subscriptions.retrieve(subscription_id).to_dict())


def change_monthly_amount(
    subscription_id: str,
    *,
    amount: Decimal,
    fee_cover: Decimal,
    currency: str,
    idempotency_key: str,
) -> dict[str, Any]:
    """From the next charge on `amount`, and `fee_cover` as a line of its own; done already, it changes nothing."""
    with translated_errors():
        subscription = client().v1.subscriptions.retrieve(subscription_id).to_dict()
    # The gift is the larger line, the share of the fees the other.
    items = sorted(
        subscription["items"]["data"], key=lambda item: item["price"]["unit_amount"], reverse=True
    )
    wanted = [part for part in (amount, fee_cover) if part]
    if [item["price"]["unit_amount"] for item in items] == [
        to_minor_units(part, currency) for part in wanted
    ]:
        return facts_of(subscription)
    lines: list[dict[str, Any]] = [
        _line(part, currency, product=items[min(n, len(items) - 1)]["price"]["product"])
        | ({"id": items[n]["id"]} if n < len(items) else {})
        for n, part in enumerate(wanted)
    ]
    lines += [{"id": item["id"], "deleted": True} for item in items[len(wanted) :]]
    return _update(subscription_id, {"items": lines} | NO_PRORATION, idempotency_key)


def _line(amount: Decimal, currency: str, *, product: str) -> dict[str, Any]:
    return {
        "price_data": {
            "currency": currency.lower(),
            "product": product,
            "recurring": {"interval": "month"},
            "unit_amount": to_minor_units(amount, currency),
        }
    }


def change_charge_day(
    subscription_id: str, *, next_charge_at: datetime, idempotency_key: str
) -> dict[str, Any]:
    """Charges next at the instant, and monthly from there. Stripe calls the time until then a trial."""
    changes = {"trial_end": int(next_charge_at.timestamp())} | NO_PRORATION
    return _update(subscription_id, changes, idempotency_key)


def pause_subscription(subscription_id: str, *, idempotency_key: str) -> dict[str, Any]:
    """Months go by and are not charged, nor asked for afterwards."""
    return _update(subscription_id, {"pause_collection": {"behavior": "void"}}, idempotency_key)


def resume_subscription(subscription_id: str, *, idempotency_key: str) -> dict[str, Any]:
    """The next month is charged again, on its day."""
    return _update(subscription_id, {"pause_collection": ""}, idempotency_key)


def stop_subscription(subscription_id: str, *, idempotency_key: str) -> dict[str, Any]:
    """Ended at once and for good; a charge that did not go through is not tried again. Ended already, it stays so."""
    facts = retrieve_subscription(subscription_id)
    if facts["status"] == "canceled":
        return facts
    with translated_errors():
        stopped = client().v1.subscriptions.cancel(
            subscription_id, {}, {"idempotency_key": idempotency_key}
        )
    return facts_of(stopped.to_dict())


def _update(subscription_id: str, params: dict[str, Any], idempotency_key: str) -> dict[str, Any]:
    with translated_errors():
        updated = client().v1.subscriptions.update(
            subscription_id,
            params,  # type: ignore[arg-type]  # checked against the SDK's types by the sandbox
            {"idempotency_key": idempotency_key},
        )
    return facts_of(updated.to_dict())


def open_card_page(*, customer_id: str, return_url: str, locale: str, idempotency_key: str) -> str:
    """The address of Stripe's page to replace the card, good for minutes: to be followed at once, never kept."""
    with translated_errors():
        session = client().v1.billing_portal.sessions.create(
            {
                "customer": customer_id,
                "return_url": return_url,
                "locale": locale,
                "flow_data": {"type": "payment_method_update"},
            },
            {"idempotency_key": idempotency_key},
        )
    return session.url
