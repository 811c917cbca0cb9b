"""Stripe's API, answered inside this process to the official SDK: no port, no second program, nothing leaves."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import stripe
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from . import faults, objects, routes
from .checks import is_wanted
from .errors import CardError, SandboxError
from .models import SandboxFaults, SandboxRequest
from .objects import Json

# As long as Stripe remembers what it answered under an idempotency key.
REMEMBERED = timedelta(hours=24)


class SandboxHTTPClient(stripe.HTTPClient):
    """Given to stripe.StripeClient as its transport. A POST must stand outside of every transaction of the caller.

    What was asked of Stripe stays done when our own transaction is rolled back; so nothing asked here may be.
    """

    name = "sandbox"

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        parts, headers = urlsplit(url), headers or {}
        encoded = (post_data or "") if method == "post" else parts.query
        # In lower case, as the SDK looks it up.
        answered = {"request-id": objects.new_id("req")}
        try:
            _check_caller(headers)
            fault = faults.strike(method)
            if fault == SandboxFaults.Api.TIMES_OUT:
                raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]
                    "The sandbox did not answer.", should_retry=True
                )
            if fault == SandboxFaults.Api.ERROR:
                raise _broken()
            body, status = _once(method, parts.path, encoded, headers.get("Idempotency-Key"))
            if fault == SandboxFaults.Api.DONE_THEN_ERROR:
                raise _broken()
        except SandboxError as error:
            body, status = error.body(), error.status
        return json.dumps(body).encode(), status, answered

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        return self.request(method, url, headers, post_data)

    def close(self) -> None:
        """Nothing is held open."""

    async def close_async(self) -> None:
        """Nothing is held open."""


def _broken() -> SandboxError:
    return SandboxError("The sandbox fails on purpose.", status=500, type="api_error")


def _check_caller(headers: Mapping[str, str]) -> None:
    if not is_wanted():
        raise SandboxError("The sandbox is off here.", status=403)
    if headers.get("Authorization") != f"Bearer {settings.STRIPE_SECRET_KEY}":
        raise SandboxError("Invalid API Key provided.", status=401)
    if headers.get("Stripe-Version") != stripe.api_version:
        raise SandboxError(f"The sandbox speaks version {stripe.api_version} only.")


def _once(method: str, path: str, encoded: str, key: str | None) -> tuple[Json, int]:
    """The answer and its status; to a repeated idempotency key the one given before, if the request is the same.

    A refusal is not remembered: it can be asked again under the same key when what was wrong is mended. The bank's no
    to a card is: the charge was tried.
    """
    now = timezone.now()
    if method == "get":
        return routes.answer(method, path, encoded, at=now), 200
    if method == "delete":
        with transaction.atomic(durable=True):
            return routes.answer(method, path, encoded, at=now), 200
    if not key:
        raise SandboxError("The sandbox wants an idempotency key with every POST.")
    fingerprint = sha256(f"{path}\n{encoded}".encode()).hexdigest()
    try:
        with transaction.atomic(durable=True):
            known = SandboxRequest.objects.filter(key=key).first()
            if known and known.created_at <= now - REMEMBERED:
                known.delete()
            elif known:
                return _again(known, fingerprint)
            body, status = _answer(path, encoded, at=now)
            SandboxRequest.objects.create(
                key=key, fingerprint=fingerprint, answer=body, status=status, created_at=now
            )
            return body, status
    except IntegrityError:
        # The same key at the same moment: the other was first, and what we made is rolled back.
        return _again(SandboxRequest.objects.get(key=key), fingerprint)


def _answer(path: str, encoded: str, *, at: datetime) -> tuple[Json, int]:
    try:
        return routes.answer("post", path, encoded, at=at), 200
    except CardError as error:
        return error.body(), error.status


def _again(known: SandboxRequest, fingerprint: str) -> tuple[Json, int]:
    if known.fingerprint != fingerprint:
        raise SandboxError(
            "Keys for idempotent requests can only be used with the same parameters they were first used with.",
            type="idempotency_error",
        )
    return known.answer, known.status


def forget_old_answers(*, at: datetime) -> int:
    """Drops the answers nobody can ask for again; returns how many."""
    return SandboxRequest.objects.filter(created_at__lte=at - REMEMBERED).delete()[0]
