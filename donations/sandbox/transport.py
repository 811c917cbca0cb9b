"""Stripe's API, answered inside this process to the official SDK: no port, no second program, nothing leaves."""

import json
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import stripe
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from stripe.params import (
    BalanceTransactionListParams,
    EventListParams,
    PayoutListParams,
    RefundCreateParams,
)
from stripe.params.checkout import SessionCreateParams

from . import acts, contract, objects
from .errors import SandboxError
from .models import SandboxObject, SandboxRequest
from .objects import Json

KINDS = {
    "checkout/sessions": "checkout.session",
    "payment_intents": "payment_intent",
    "charges": "charge",
    "refunds": "refund",
    "balance_transactions": "balance_transaction",
    "payouts": "payout",
    "events": "event",
}
LISTS: dict[str, Any] = {
    "balance_transactions": BalanceTransactionListParams,
    "payouts": PayoutListParams,
    "events": EventListParams,
}


class SandboxHTTPClient(stripe.HTTPClient):
    """Given to stripe.StripeClient as its transport."""

    name = "sandbox"

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        parts = urlsplit(url)
        encoded = (post_data or "") if method == "post" else parts.query
        key = (headers or {}).get("Idempotency-Key")
        answer, status = _once(method, parts.path, encoded, key)
        return json.dumps(answer).encode(), status, {"Request-Id": objects.new_id("req")}

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        return self.request(method, url, headers, post_data)

    def close(self) -> None:
        """Nothing is held open."""

    async def close_async(self) -> None:
        """Nothing is held open."""


def _once(method: str, path: str, encoded: str, key: str | None) -> tuple[Json, int]:
    """The answer; to a repeated idempotency key the one given before, if the request is the same."""
    if method != "post" or not key:
        return _answer(method, path, encoded)
    fingerprint = sha256(f"{path}\n{encoded}".encode()).hexdigest()
    if known := SandboxRequest.objects.filter(key=key).first():
        return _known(known, fingerprint)
    try:
        with transaction.atomic():
            answer, status = _answer(method, path, encoded)
            SandboxRequest.objects.create(
                key=key,
                fingerprint=fingerprint,
                status=status,
                answer=answer,
                created_at=timezone.now(),
            )
    except IntegrityError:
        # The same key at the same moment: the other was first, and what we made is rolled back.
        return _known(SandboxRequest.objects.get(key=key), fingerprint)
    return answer, status


def _known(known: SandboxRequest, fingerprint: str) -> tuple[Json, int]:
    if known.fingerprint != fingerprint:
        error = SandboxError(
            "Keys for idempotent requests can only be used with the same parameters they were first used with.",
            type="idempotency_error",
        )
        return error.body(), error.status
    return known.answer, known.status


def _answer(method: str, path: str, encoded: str) -> tuple[Json, int]:
    try:
        params = contract.tree(encoded)
        expand = params.pop("expand", [])
        result = _route(method, path.removeprefix("/v1/"), params)
        for wish in expand:
            _expand(result, wish.split("."))
        return result, 200
    except SandboxError as error:
        return error.body(), error.status


def _route(method: str, path: str, params: Json) -> Json:
    if handler := ROUTES.get((method, path)):
        return handler(params)
    if method == "post" and (match := re.fullmatch(r"checkout/sessions/(\w+)/expire", path)):
        return acts.expire(match[1], at=timezone.now())
    collection, _, object_id = path.rpartition("/")
    if method == "get" and path in LISTS:
        return _list(path, contract.read(params, LISTS[path]))
    if method == "get" and collection in KINDS:
        kept = SandboxObject.objects.filter(id=object_id, kind=KINDS[collection]).first()
        if kept is None:
            raise SandboxError(
                f"No such {KINDS[collection]}: '{object_id}'",
                code="resource_missing",
                param="id",
                status=404,
            )
        return dict(kept.data)
    raise SandboxError(f"Unrecognized request URL ({method.upper()}: /v1/{path}).", status=404)


def _create_session(params: Json) -> Json:
    if "payment_method_types" in params:
        raise SandboxError(
            "payment_method_types is no longer supported.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
    read = contract.read(params, SessionCreateParams)
    if read.get("mode") != "payment" or not read.get("line_items"):
        raise SandboxError(
            "The sandbox opens sessions of mode=payment with line_items.", param="mode"
        )
    if not all("price_data" in item for item in read["line_items"]):
        raise SandboxError(
            "The sandbox knows no stored prices: send price_data.", param="line_items"
        )
    now = timezone.now()
    life = read.get("expires_at", objects.seconds(now) + 86400) - objects.seconds(now)
    if not 30 * 60 <= life <= 24 * 3600:
        raise SandboxError(
            "expires_at must be between 30 minutes and 24 hours from now.", param="expires_at"
        )
    session = objects.session(read, at=now, url=f"{settings.SITE_URL}/sandbox/checkout/SESSION/")
    notes = {
        "payment_metadata": read.get("payment_intent_data", {}).get("metadata", {}),
        "description": read["line_items"][0]["price_data"].get("product_data", {}).get("name", ""),
    }
    objects.save(session, notes=notes)
    return session


def _create_refund(params: Json) -> Json:
    read = contract.read(params, RefundCreateParams)
    if "payment_intent" not in read:
        raise SandboxError("Name the payment_intent to refund.", param="payment_intent")
    return acts.refund(
        read["payment_intent"],
        amount=read.get("amount"),
        reason=read.get("reason"),
        metadata=read.get("metadata"),
        at=timezone.now(),
    )


def _balance(_params: Json) -> Json:
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for row in SandboxObject.objects.filter(kind="balance_transaction"):
        side = sums["available" if row.data["status"] == "available" else "pending"]
        side[row.data["currency"]] = side.get(row.data["currency"], 0) + row.data["net"]
    return {
        "object": "balance",
        "livemode": False,
        **{
            side: [
                {"amount": amount, "currency": currency, "source_types": {"card": amount}}
                for currency, amount in sorted(amounts.items())
            ]
            for side, amounts in sums.items()
        },
    }


ROUTES: dict[tuple[str, str], Callable[[Json], Json]] = {
    ("post", "checkout/sessions"): _create_session,
    ("post", "refunds"): _create_refund,
    ("get", "balance"): _balance,
}


def _list(collection: str, params: Json) -> Json:
    """The newest first, `limit` at a time, after `starting_after`."""
    rows = SandboxObject.objects.filter(kind=KINDS[collection]).order_by("-created_at", "-id")
    created = params.get("created", {})
    if not isinstance(created, dict):
        created = {"gte": created, "lte": created}
    for bound, value in created.items():
        rows = rows.filter(**{f"data__created__{bound}": int(value)})
    for name in ("payout", "type", "currency", "source", "status"):
        if name in params:
            rows = rows.filter(**{f"data__{name}": params[name]})
    if "types" in params:
        rows = rows.filter(data__type__in=params["types"])
    if after := params.get("starting_after"):
        last = SandboxObject.objects.filter(id=after).first()
        if last is None:
            raise SandboxError(f"No such object: '{after}'", param="starting_after", status=404)
        rows = rows.filter(created_at__lte=last.created_at).exclude(
            created_at=last.created_at, id__gte=last.id
        )
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise SandboxError("limit must be from 1 to 100.", param="limit")
    page = list(rows[: limit + 1])
    return {
        "object": "list",
        "data": [row.data for row in page[:limit]],
        "has_more": len(page) > limit,
        "url": f"/v1/{collection}",
    }


def _expand(node: Any, path: list[str]) -> None:
    if isinstance(node, list):
        for item in node:
            _expand(item, path)
        return
    if not isinstance(node, dict) or not path:
        return
    name, *rest = path
    value = node.get(name)
    if isinstance(value, str) and (kept := SandboxObject.objects.filter(id=value).first()):
        node[name] = value = kept.data
    _expand(value, rest)
