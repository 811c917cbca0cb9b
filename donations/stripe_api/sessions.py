"""Stripe's payment page."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from donations.stripe_facts import Session, from_minor_units, to_minor_units

from .connection import client, id_of, instant, translated_errors

LOCALES = frozenset({"en", "es", "fr", "pt"})


def create_session(
    *,
    idempotency_key: str,
    amount: Decimal,
    currency: str,
    description: str,
    pledge_uuid: UUID,
    locale: str,
    success_url: str,
    cancel_url: str,
    expires_at: datetime,
    fee_cover: Decimal | None = None,
    email: str | None = None,
    monthly: bool = False,
) -> Session:
    """Opens Stripe's payment page for one gift; with the same key and facts again, the same page.

    `fee_cover` is asked for on top of `amount`, as a line of its own. `expires_at` is 30 minutes to 24 hours ahead.
    Raises StripeUnavailable, StripeRefused; ValueError for an amount Stripe does not count in. Stripe learns our
    pledge's random identifier, never its purpose; `description` stands on its page and may reach a bank statement.
    """
    with translation.override(locale):
        lines = [(description, amount), (_("Share of the card fees"), fee_cover)]
    params: dict[str, Any] = {
        "line_items": [
            _line(name, part, currency, monthly=monthly) for name, part in lines if part
        ],
        # Cards only: never the list of methods itself, which this version of the API refuses.
        "allowed_payment_method_types": ["card"],
        "client_reference_id": str(pledge_uuid),
        "metadata": {"pledge": str(pledge_uuid)},
        # Else Stripe may charge in the supporter's own currency and the books would be in two.
        "adaptive_pricing": {"enabled": False},
        "locale": locale if locale in LOCALES else "auto",
        "success_url": success_url,
        "cancel_url": cancel_url,
        "expires_at": int(expires_at.timestamp()),
    }
    # Metadata of a session does not reach its payment by itself.
    carried = {"description": description, "metadata": params["metadata"]}
    if monthly:
        params |= {"mode": "subscription", "subscription_data": carried}
    else:
        params |= {"mode": "payment", "submit_type": "donate", "payment_intent_data": carried}
    if email:
        params["customer_email"] = email
    with translated_errors():
        session = client().v1.checkout.sessions.create(
            params,  # type: ignore[arg-type]  # checked against the SDK's types by the sandbox
            {"idempotency_key": idempotency_key},
        )
    return _session(session)


def _line(name: str, amount: Decimal, currency: str, *, monthly: bool) -> dict[str, Any]:
    price: dict[str, Any] = {
        "currency": currency.lower(),
        "unit_amount": to_minor_units(amount, currency),
        "product_data": {"name": name},
    }
    if monthly:
        price["recurring"] = {"interval": "month"}
    return {"quantity": 1, "price_data": price}


def retrieve_session(session_id: str) -> Session:
    with translated_errors():
        return _session(client().v1.checkout.sessions.retrieve(session_id))


def expire_session(session_id: str) -> Session:
    """Closes an open payment page at once; StripeRefused when it is not open any more."""
    with translated_errors():
        return _session(client().v1.checkout.sessions.expire(session_id))


def _session(session: Any) -> Session:
    currency = session.currency.upper()
    return Session(
        id=session.id,
        url=session.url or "",
        status=session.status or "",
        payment_status=session.payment_status,
        amount=from_minor_units(session.amount_total or 0, currency),
        currency=currency,
        payment_intent_id=id_of(session.payment_intent),
        expires_at=instant(session.expires_at),
    )
