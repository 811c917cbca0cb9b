"""EDGE: the one place that talks to Stripe. Amounts are exact Decimals here; Stripe's units stand in stripe_facts."""

import json
import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import batched
from typing import Any
from uuid import UUID

import stripe
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from .sandbox.transport import SandboxHTTPClient
from .stripe_facts import (
    EVENT_TYPES,
    BalanceTransaction,
    Event,
    Payout,
    Refund,
    Session,
    facts_of,
    from_minor_units,
    to_minor_units,
)

logger = logging.getLogger(__name__)

stripe.enable_telemetry = False

# Stripe's list of events takes up to this many types at once.
TYPES_AT_ONCE = 20
LOCALES = frozenset({"en", "es", "fr", "pt"})


# The age up to which Stripe's own libraries take a signature.
WEBHOOK_TOLERANCE_SECONDS = 300


class StripeUnavailable(Exception):
    """Stripe did not answer, or not in time: it is not known whether the request was carried out."""


class StripeRefused(Exception):
    """Stripe answered no. The argument is its error code, never its text."""


class InvalidWebhook(Exception):
    """The request is no event signed by Stripe; the message says what it is instead."""


def client() -> stripe.StripeClient:
    """One per process: it costs a third of a second and keeps its connections open."""
    return _client(
        settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE, sandbox=settings.STRIPE_SANDBOX
    )


@cache
def _client(key: str, api_base: str, *, sandbox: bool) -> stripe.StripeClient:
    if sandbox:
        return stripe.StripeClient(key, http_client=SandboxHTTPClient(), max_network_retries=2)
    options: dict[str, Any] = {"base_addresses": {"api": api_base}} if api_base else {}
    return stripe.StripeClient(
        key,
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
        # The SDK carries the code over to few of its errors; it stands in the body of them all.
        code = getattr(error.error, "code", None) or type(error).__name__
        logger.warning(
            "Stripe: %s, status %s, request %s", code, error.http_status, error.request_id
        )
        if isinstance(error, stripe.APIConnectionError | stripe.APIError | stripe.RateLimitError):
            raise StripeUnavailable(code) from error
        raise StripeRefused(code) from error


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
    with _translated_errors():
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
    with _translated_errors():
        return _session(client().v1.checkout.sessions.retrieve(session_id))


def expire_session(session_id: str) -> Session:
    """Closes an open payment page at once; StripeRefused when it is not open any more."""
    with _translated_errors():
        return _session(client().v1.checkout.sessions.expire(session_id))


def _session(session: Any) -> Session:
    currency = session.currency.upper()
    return Session(
        id=session.id,
        url=session.url or "",
        status=session.status or "",
        payment_status=session.payment_status,
        amount=from_minor_units(session.amount_total, currency),
        currency=currency,
        payment_intent_id=_id(session.payment_intent),
        expires_at=_instant(session.expires_at),
    )


def refund(
    *,
    idempotency_key: str,
    payment_intent_id: str,
    currency: str,
    amount: Decimal | None = None,
    reason: str = "requested_by_customer",
) -> Refund:
    """Sends `amount` of a payment back, or all that is left of it; with the same key again, the same refund.

    `reason` is requested_by_customer, duplicate or fraudulent (which also bars the card). Stripe keeps its fee.
    Raises StripeUnavailable, StripeRefused (charge_already_refunded …).
    """
    params: dict[str, Any] = {"payment_intent": payment_intent_id, "reason": reason}
    if amount is not None:
        params["amount"] = to_minor_units(amount, currency)
    with _translated_errors():
        made = client().v1.refunds.create(
            params,  # type: ignore[arg-type]  # as above
            {"idempotency_key": idempotency_key},
        )
    return Refund(
        id=made.id,
        status=made.status or "",
        amount=from_minor_units(made.amount, made.currency),
        currency=made.currency.upper(),
        created_at=_instant(made.created),
        payment_intent_id=_id(made.payment_intent),
    )


def parse_event(body: bytes, signature: str | None) -> Event:
    """The event Stripe signed with one of settings.STRIPE_WEBHOOK_SECRETS; raises InvalidWebhook.

    Several secrets are tried, because both the old and the new one are in use while it is being changed.
    """
    if not any(_is_signed(body, signature, secret) for secret in settings.STRIPE_WEBHOOK_SECRETS):
        raise InvalidWebhook("bad signature")
    # Read as plain JSON: the SDK's object tree costs more than all the rest and nothing here needs it.
    try:
        data = json.loads(body)
    except ValueError as error:
        raise InvalidWebhook("not JSON") from error
    if not isinstance(data, dict) or data.get("object") != "event":
        raise InvalidWebhook("not an event")
    return _event(data)


def _is_signed(body: bytes, signature: str | None, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, WEBHOOK_TOLERANCE_SECONDS)
    except stripe.SignatureVerificationError:
        return False
    except UnicodeDecodeError as error:
        raise InvalidWebhook("not UTF-8") from error
    return True


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
            object_type=subject.get("object") or "",
            facts=facts_of(subject),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InvalidWebhook("not an event") from error


def list_events(*, since: datetime, types: Iterable[str] = EVENT_TYPES) -> Iterator[Event]:
    """Stripe's events since `since` (it keeps 30 days), the newest first: what webhooks may have missed.

    More than 20 types are asked for in several lists, each the newest first.
    """
    with _translated_errors():
        for some in batched(types, TYPES_AT_ONCE):
            pages = client().v1.events.list(
                {"created": {"gte": int(since.timestamp())}, "types": [*some], "limit": 100}
            )
            for event in pages.auto_paging_iter():
                yield _event(event.to_dict())


def retrieve_event(event_id: str) -> Event:
    with _translated_errors():
        return _event(client().v1.events.retrieve(event_id).to_dict())


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
            yield _balance_transaction(row, payout or "")


def _balance_transaction(row: Any, payout: str) -> BalanceTransaction:
    currency = row.currency.upper()
    kind = getattr(row.source, "object", "")
    return BalanceTransaction(
        id=row.id,
        type=row.type,
        reporting_category=row.reporting_category,
        amount=from_minor_units(row.amount, currency),
        fee=from_minor_units(row.fee, currency),
        net=from_minor_units(row.net, currency),
        currency=currency,
        created_at=_instant(row.created),
        source_id=_id(row.source),
        charge_id=_id(row.source if kind == "charge" else getattr(row.source, "charge", None)),
        payment_intent_id=_id(getattr(row.source, "payment_intent", None)),
        payout_id=_id(row.source) if kind == "payout" else payout,
        is_dispute=kind == "dispute",
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
