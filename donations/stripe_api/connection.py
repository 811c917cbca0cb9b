"""The connection to Stripe, or to the sandbox in its place; and Stripe's errors as ours."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import stripe
from django.conf import settings

from defensefund.gateway import outside
from donations.sandbox.transport import SandboxHTTPClient

logger = logging.getLogger(__name__)

stripe.enable_telemetry = False


# Seconds to connect, and to the next byte. Three times the longest is less than a proxy before us waits for a page; the SDK's
# own defaults are no retry and 80 seconds.
TIMEOUT = (3, 10)


class PatientClient(stripe.RequestsClient):
    """While Stripe takes its time the site goes on: a request that waits keeps no working place."""

    def request(  # type: ignore[override]  # as RequestsClient has it
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        with outside():
            return super().request(method, url, headers, post_data)


class StripeUnavailable(Exception):
    """Stripe did not answer, or not in time: it is not known whether the request was carried out."""


class StripeRefused(Exception):
    """Stripe answered no. The argument is its error code, never its text."""


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
        http_client=PatientClient(timeout=TIMEOUT),
        max_network_retries=2,
        **options,
    )


class translated_errors:
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


def id_of(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value.id)


def instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
