"""Cards that Stripe keeps until they may be charged: left on its page, charged without the supporter, forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import stripe

from donations.stripe_facts import to_minor_units

from .connection import StripeRefused, client, id_of, translated_errors
from .sessions import LOCALES


@dataclass(frozen=True)
class CardPage:
    """Stripe's page on which a card is left. `url` is empty when nobody can do so there any more."""

    id: str
    url: str


@dataclass(frozen=True)
class Payment:
    """One payment with a kept card; `status` as Stripe names it: succeeded, processing, requires_payment_method …"""

    id: str
    status: str


class CardDeclined(StripeRefused):
    """The bank said no; the argument is its code, "authentication_required" where it wants the supporter."""


def open_keep_page(
    *,
    idempotency_key: str,
    currency: str,
    pledge_uuid: UUID,
    locale: str,
    back: str,
    email: str,
    expires_at: datetime,
) -> CardPage:
    """Opens Stripe's page for leaving a card; nothing is charged on it. With the same key again, the same page.

    Raises StripeUnavailable, StripeRefused.
    """
    carried = {"metadata": {"pledge": str(pledge_uuid)}}
    params: dict[str, Any] = {
        "mode": "setup",
        "currency": currency.lower(),
        "allowed_payment_method_types": ["card"],
        # A customer for this one pledge: to be charged, and deleted, apart from every other.
        "customer_creation": "always",
        "customer_email": email,
        "client_reference_id": str(pledge_uuid),
        "setup_intent_data": carried,
        "locale": locale if locale in LOCALES else "auto",
        "success_url": back,
        "cancel_url": back,
        "expires_at": int(expires_at.timestamp()),
        **carried,
    }
    with translated_errors():
        session = client().v1.checkout.sessions.create(
            params,  # type: ignore[arg-type]  # checked against the SDK's types by the sandbox
            {"idempotency_key": idempotency_key},
        )
    return CardPage(session.id, session.url or "")


def kept_card(session_id: str) -> tuple[str, str] | None:
    """Stripe's names of customer and card that were left on a page; None while nothing was."""
    with translated_errors():
        session = client().v1.checkout.sessions.retrieve(session_id)
        if session.status != "complete" or not session.setup_intent:
            return None
        intent = client().v1.setup_intents.retrieve(id_of(session.setup_intent))
    customer, method = id_of(intent.customer), id_of(intent.payment_method)
    return (customer, method) if customer and method else None


def charge_kept_card(
    *,
    idempotency_key: str,
    customer_id: str,
    payment_method_id: str,
    amount: Decimal,
    currency: str,
    description: str,
    pledge_uuid: UUID,
) -> Payment:
    """Charges once without the supporter; with the same key again, the same payment or the same no.

    Raises CardDeclined, StripeUnavailable (it is not known whether it was charged), StripeRefused.
    """
    params: dict[str, Any] = {
        "amount": to_minor_units(amount, currency),
        "currency": currency.lower(),
        "customer": customer_id,
        "payment_method": payment_method_id,
        "confirm": True,
        "off_session": True,
        "description": description,
        "metadata": {"pledge": str(pledge_uuid)},
    }
    try:
        with translated_errors():
            made = client().v1.payment_intents.create(
                params,  # type: ignore[arg-type]  # as above
                {"idempotency_key": idempotency_key},
            )
    except StripeRefused as refusal:
        if isinstance(refusal.__cause__, stripe.CardError):
            raise CardDeclined(str(refusal)) from refusal
        raise
    return Payment(made.id, made.status)


def payments_of(customer_id: str) -> Sequence[Payment]:
    """All payments of the customer made for one pledge, the newest first."""
    with translated_errors():
        rows = client().v1.payment_intents.list({"customer": customer_id, "limit": 100})
        return [Payment(row.id, row.status) for row in rows.auto_paging_iter()]


def forget_card(*, customer_id: str, payment_method_id: str) -> None:
    """Detaches the card and deletes its customer; what is gone already stays gone. Raises StripeUnavailable."""
    with _gone_already(), translated_errors():
        client().v1.payment_methods.detach(payment_method_id)
    with _gone_already(), translated_errors():
        client().v1.customers.delete(customer_id)


class _gone_already:
    """Stripe's no to forgetting what it does not know any more."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, StripeRefused)
