"""EDGE: the one place that talks to Stripe. Amounts are exact Decimals outside and minor units only in here."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import stripe
from django.conf import settings

from .currencies import exponent, quantize
from .sandbox.transport import SandboxHTTPClient

logger = logging.getLogger(__name__)

stripe.enable_telemetry = False

# Stripe names a currency in lower case and counts in its smallest unit; we write "EUR" and 25.50.
MONEY_FACTS = ("amount", "amount_total", "amount_refunded", "amount_paid")
# What we act on, and nothing that names a person: no details of customers, cards or addresses pass this line.
KEPT_FACTS = (
    "id",
    "object",
    "created",
    "currency",
    "status",
    "payment_status",
    "mode",
    "payment_intent",
    "charge",
    "subscription",
    "client_reference_id",
    "expires_at",
    "reason",
    "arrival_date",
    "automatic",
    "balance_transaction",
    "failure_code",
    "reconciliation_status",
)


class StripeUnavailable(Exception):
    """Stripe did not answer, or not in time: it is not known whether the request was carried out."""


class StripeRefused(Exception):
    """Stripe answered no. The argument is its error code, never its text."""


class InvalidWebhook(Exception):
    """The request is no event signed by Stripe; the message says what it is instead."""


@dataclass(frozen=True)
class Session:
    """A visit to Stripe's payment page. `url` is empty once it can no longer be paid."""

    id: str
    url: str
    status: str
    payment_status: str
    expires_at: datetime


@dataclass(frozen=True)
class Event:
    """A verified message from Stripe. `facts` holds amounts as exact text ("25.50") and currencies as "EUR"."""

    id: str
    type: str
    created_at: datetime
    livemode: bool
    account: str
    api_version: str
    object_id: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class BalanceTransaction:
    """One movement on Stripe's balance: `amount` − `fee` = `net`, negative when money leaves."""

    id: str
    type: str
    amount: Decimal
    fee: Decimal
    net: Decimal
    currency: str
    created_at: datetime
    source_id: str
    payment_intent_id: str
    # Stripe's type for it is "adjustment", as for much else; its source says more.
    is_dispute: bool


@dataclass(frozen=True)
class Payout:
    """Stripe's transfer to the bank. `status` is paid, pending, in_transit, canceled or failed."""

    id: str
    amount: Decimal
    currency: str
    status: str
    created_at: datetime
    arrival_at: datetime
    is_automatic: bool
    is_reconciled: bool


@cache
def client() -> stripe.StripeClient:
    """One per process: it costs a third of a second and keeps its connections open."""
    if settings.STRIPE_SANDBOX:
        return stripe.StripeClient(settings.STRIPE_SECRET_KEY, http_client=SandboxHTTPClient())
    options: dict[str, Any] = {}
    if settings.STRIPE_API_BASE:
        options["base_addresses"] = {"api": settings.STRIPE_API_BASE}
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        # The SDK's own defaults are no retry and 80 seconds.
        http_client=stripe.RequestsClient(timeout=(3, 20)),
        max_network_retries=2,
        **options,
    )


class _translated_errors:
    """Stripe's errors as ours. Its texts can repeat what a supporter typed, so only codes are kept."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, stripe.StripeError):
            return
        code = error.code or type(error).__name__
        logger.warning("Stripe: %s, request %s", code, error.request_id)
        if isinstance(error, stripe.APIConnectionError | stripe.APIError | stripe.RateLimitError):
            raise StripeUnavailable(code) from error
        raise StripeRefused(code) from error


def to_minor_units(amount: Decimal, currency: str) -> int:
    """25.50 EUR → 2550, 1500 CLP → 1500; ValueError when the currency has no such small part."""
    if quantize(amount, currency) != amount:
        raise ValueError(f"{amount} has too many decimals for {currency}.")
    return int(amount.scaleb(exponent(currency)))


def from_minor_units(units: int, currency: str) -> Decimal:
    """2550, "eur" → 25.50."""
    return quantize(Decimal(units).scaleb(-exponent(currency.upper())), currency.upper())


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
    email: str | None = None,
) -> Session:
    """Opens Stripe's payment page for one gift; with the same key and facts again, the same page.

    Raises StripeUnavailable, StripeRefused. Stripe learns our pledge's random identifier, never its purpose.
    """
    metadata = {"pledge": str(pledge_uuid)}
    params: dict[str, Any] = {
        "mode": "payment",
        "submit_type": "donate",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency.lower(),
                    "unit_amount": to_minor_units(amount, currency),
                    "product_data": {"name": description},
                },
            }
        ],
        "client_reference_id": str(pledge_uuid),
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        # Else Stripe may charge in the supporter's own currency and the books would be in two.
        "adaptive_pricing": {"enabled": False},
        "locale": locale,
        "success_url": success_url,
        "cancel_url": cancel_url,
        "expires_at": int(expires_at.timestamp()),
    }
    if email:
        params["customer_email"] = email
    with _translated_errors():
        session = client().v1.checkout.sessions.create(
            params,  # type: ignore[arg-type]  # checked against the SDK's types by the sandbox
            {"idempotency_key": idempotency_key},
        )
    return _session(session)


def retrieve_session(session_id: str) -> Session:
    with _translated_errors():
        return _session(client().v1.checkout.sessions.retrieve(session_id))


def _session(session: Any) -> Session:
    return Session(
        id=session.id,
        url=session.url or "",
        status=session.status or "",
        payment_status=session.payment_status,
        expires_at=_instant(session.expires_at),
    )


def parse_event(body: bytes, signature: str | None) -> Event:
    """The event Stripe signed with one of settings.STRIPE_WEBHOOK_SECRETS; raises InvalidWebhook.

    Several secrets are tried, because both the old and the new one are in use while it is being changed.
    """
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            event = client().construct_event(body, signature, secret)
        except stripe.SignatureVerificationError:
            continue
        except (ValueError, AttributeError, TypeError) as error:
            # Not UTF-8, not JSON, a JSON array, an event without an object (see the SDK's construct_event).
            raise InvalidWebhook("not an event") from error
        return _event(event.to_dict())
    raise InvalidWebhook("bad signature")


def _event(data: dict[str, Any]) -> Event:
    try:
        subject = data["data"]["object"]
        return Event(
            id=data["id"],
            type=data["type"],
            created_at=_instant(data["created"]),
            livemode=data["livemode"],
            account=data.get("account") or "",
            api_version=data.get("api_version") or "",
            object_id=subject.get("id") or "",
            facts=_facts(subject),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidWebhook("not an event") from error


def _facts(subject: dict[str, Any]) -> dict[str, Any]:
    facts = {name: subject[name] for name in KEPT_FACTS if name in subject}
    for name, value in facts.items():
        if isinstance(value, dict):  # an expanded object: its identifier is all we go by
            facts[name] = value.get("id")
    if isinstance(pledge := (subject.get("metadata") or {}).get("pledge"), str):
        facts["metadata"] = {"pledge": pledge}
    if isinstance(currency := subject.get("currency"), str):
        facts["currency"] = currency.upper()
        for name in MONEY_FACTS:
            if isinstance(units := subject.get(name), int):
                facts[name] = str(from_minor_units(units, currency))
    return facts


def list_events(*, since: datetime, types: list[str]) -> Iterator[Event]:
    """Stripe's events since `since` (it keeps 30 days), the newest first: what webhooks may have missed."""
    with _translated_errors():
        pages = client().v1.events.list(
            {"created": {"gte": int(since.timestamp())}, "types": types, "limit": 100}
        )
        for event in pages.auto_paging_iter():
            yield _event(event.to_dict())


def balance_transactions(
    *, since: datetime | None = None, payout: str | None = None
) -> Iterator[BalanceTransaction]:
    """Movements on Stripe's balance, the newest first: those since an instant, or those of one automatic payout."""
    params: dict[str, Any] = {"limit": 100, "expand": ["data.source"]}
    if since:
        params["created"] = {"gte": int(since.timestamp())}
    if payout:
        params["payout"] = payout
    with _translated_errors():
        rows = client().v1.balance_transactions.list(params)  # type: ignore[arg-type]
        for row in rows.auto_paging_iter():
            yield _balance_transaction(row)


def _balance_transaction(row: Any) -> BalanceTransaction:
    currency = row.currency.upper()
    source = row.source
    is_text = source is None or isinstance(source, str)
    return BalanceTransaction(
        id=row.id,
        type=row.type,
        amount=from_minor_units(row.amount, currency),
        fee=from_minor_units(row.fee, currency),
        net=from_minor_units(row.net, currency),
        currency=currency,
        created_at=_instant(row.created),
        source_id=(source or "") if is_text else source.id,
        payment_intent_id="" if is_text else _id(getattr(source, "payment_intent", None)),
        is_dispute=not is_text and getattr(source, "object", "") == "dispute",
    )


def payouts(*, since: datetime) -> Iterator[Payout]:
    """Stripe's payouts created since an instant, the newest first."""
    with _translated_errors():
        rows = client().v1.payouts.list({"created": {"gte": int(since.timestamp())}, "limit": 100})
        for row in rows.auto_paging_iter():
            currency = row.currency.upper()
            yield Payout(
                id=row.id,
                amount=from_minor_units(row.amount, currency),
                currency=currency,
                status=row.status,
                created_at=_instant(row.created),
                arrival_at=_instant(row.arrival_date),
                is_automatic=row.automatic,
                is_reconciled=row.reconciliation_status == "completed",
            )


def _id(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value.id)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
