"""The addresses of Stripe's API that the stand-in answers, each with the SDK's type of its parameters.

Subscriptions and invoices are not among them yet: they would be further rows here, objects in objects.py and what
happens to them in acts.py.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from stripe.params import (
    BalanceRetrieveParams,
    BalanceTransactionListParams,
    BalanceTransactionRetrieveParams,
    ChargeListParams,
    ChargeRetrieveParams,
    CustomerCreateParams,
    CustomerListParams,
    CustomerRetrieveParams,
    EventListParams,
    EventRetrieveParams,
    PaymentIntentListParams,
    PaymentIntentRetrieveParams,
    PayoutListParams,
    PayoutRetrieveParams,
    RefundCreateParams,
    RefundListParams,
    RefundRetrieveParams,
)
from stripe.params.checkout import (
    SessionCreateParams,
    SessionExpireParams,
    SessionLineItemListParams,
    SessionListParams,
    SessionRetrieveParams,
)

from donations.stripe_facts import LARGEST_UNITS, LARGEST_UNITS_IDR

from . import acts, contract, listing, objects
from .errors import SandboxError, missing
from .models import SandboxObject
from .objects import Json

SHORTEST_LIFE, LONGEST_LIFE = 30 * 60, 24 * 3600
Handler = Callable[[Json, str, datetime], Json]


@dataclass(frozen=True)
class Route:
    """`answer` gets the parameters read, the identifier in the address (or "") and the present instant."""

    method: str
    pattern: str
    shape: Any
    answer: Handler


def answer(method: str, path: str, encoded: str, *, at: datetime) -> Json:
    """The body of a successful answer; SandboxError for everything Stripe would refuse."""
    for route in ROUTES:
        if route.method == method and (match := re.fullmatch(route.pattern, path)):
            params = contract.read(_refuse_removed(contract.tree(encoded)), route.shape)
            result = route.answer(params, match.groupdict().get("id", ""), at)
            for wish in params.get("expand", []):
                listing.expand(result, wish)
            return result
    raise SandboxError(f"Unrecognized request URL ({method.upper()}: {path}).", status=404)


def _refuse_removed(params: Json) -> Json:
    if "payment_method_types" in params:
        raise SandboxError(
            "payment_method_types is no longer supported.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
    return params


def _create_session(params: Json, _id: str, at: datetime) -> Json:
    if params.get("mode") != "payment":
        raise SandboxError("The sandbox opens sessions of mode=payment only.", param="mode")
    if not params.get("line_items"):
        raise SandboxError(
            "Missing required param: line_items.", code="parameter_missing", param="line_items"
        )
    if not params.get("success_url"):
        raise SandboxError(
            "Missing required param: success_url.", code="parameter_missing", param="success_url"
        )
    for number, item in enumerate(params["line_items"]):
        _check_line(item, f"line_items[{number}]")
    if len({item["price_data"]["currency"] for item in params["line_items"]}) > 1:
        raise SandboxError("All prices must have the same currency.", param="line_items")
    _check_life(params, at=at)
    made = objects.session(params, at=at, page=f"{settings.SITE_URL}/sandbox/checkout/")
    _check_amount(made["amount_total"], made["currency"])
    data = params.get("payment_intent_data", {})
    objects.keep(
        made, at=at, notes={"payment_intent_data": data, "lines": objects.lines_of(params)}
    )
    return made


def _check_line(item: Json, where: str) -> None:
    price = item.get("price_data")
    if price is None or "unit_amount" not in price:
        raise SandboxError(
            "The sandbox knows no stored prices: send price_data with unit_amount.",
            param=f"{where}[price_data]",
        )
    if price["unit_amount"] < 0 or item.get("quantity", 1) < 1:
        raise SandboxError(
            "Invalid non-negative integer.",
            code="parameter_invalid_integer",
            param=f"{where}[price_data][unit_amount]",
        )
    if not re.fullmatch(r"[a-z]{3}", price["currency"]):
        raise SandboxError(
            f"Invalid currency: {price['currency']}.", param=f"{where}[price_data][currency]"
        )


def _check_life(params: Json, *, at: datetime) -> None:
    now = objects.seconds(at)
    life = params.get("expires_at", now + LONGEST_LIFE) - now
    if not SHORTEST_LIFE <= life <= LONGEST_LIFE:
        raise SandboxError(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            param="expires_at",
        )


def _check_amount(units: int, currency: str) -> None:
    # Stripe's least amount is about half a dollar's worth; which, it computes from the day's rates.
    if units < 1:
        raise SandboxError("The amount is too small.", code="amount_too_small", param="line_items")
    if units > (LARGEST_UNITS_IDR if currency == "idr" else LARGEST_UNITS):
        raise SandboxError("The amount is too large.", code="amount_too_large", param="line_items")


def _expire_session(_params: Json, id_: str, at: datetime) -> Json:
    return acts.expire(id_, at=at)


def _line_items(_params: Json, id_: str, _at: datetime) -> Json:
    return listing.line_items(_kept("checkout.session", id_))


def _create_refund(params: Json, _id: str, at: datetime) -> Json:
    payment = params.get("payment_intent")
    if payment is None and "charge" in params:
        payment = _kept("charge", params["charge"]).data["payment_intent"]
    if payment is None:
        raise SandboxError(
            "One of the following params should be provided for this request: payment_intent or charge."
        )
    return acts.refund(
        payment,
        amount=params.get("amount"),
        reason=params.get("reason"),
        metadata=params.get("metadata"),
        at=at,
    )


def _create_customer(params: Json, _id: str, at: datetime) -> Json:
    made = objects.customer(params, at=at)
    objects.keep(made, at=at)
    return made


def _balance(_params: Json, _id: str, _at: datetime) -> Json:
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


def _kept(kind: str, id_: str) -> SandboxObject:
    kept = SandboxObject.objects.filter(id=id_, kind=kind).first()
    if kept is None:
        raise missing(id_, kind)
    return kept


def _one(kind: str) -> Handler:
    return lambda _params, id_, _at: dict(_kept(kind, id_).data)


def _many(kind: str, url: str) -> Handler:
    return lambda params, _id, _at: listing.page(kind, params, url=url)


def _readable(kind: str, url: str, one: Any, many: Any) -> list[Route]:
    return [
        Route("get", url, many, _many(kind, url)),
        Route("get", rf"{url}/(?P<id>\w+)", one, _one(kind)),
    ]


SESSIONS = "/v1/checkout/sessions"
ROUTES = [
    Route("post", SESSIONS, SessionCreateParams, _create_session),
    Route("post", rf"{SESSIONS}/(?P<id>\w+)/expire", SessionExpireParams, _expire_session),
    Route("get", rf"{SESSIONS}/(?P<id>\w+)/line_items", SessionLineItemListParams, _line_items),
    Route("post", "/v1/refunds", RefundCreateParams, _create_refund),
    Route("post", "/v1/customers", CustomerCreateParams, _create_customer),
    Route("get", "/v1/balance", BalanceRetrieveParams, _balance),
    *_readable("checkout.session", SESSIONS, SessionRetrieveParams, SessionListParams),
    *_readable(
        "payment_intent",
        "/v1/payment_intents",
        PaymentIntentRetrieveParams,
        PaymentIntentListParams,
    ),
    *_readable("charge", "/v1/charges", ChargeRetrieveParams, ChargeListParams),
    *_readable("refund", "/v1/refunds", RefundRetrieveParams, RefundListParams),
    *_readable("customer", "/v1/customers", CustomerRetrieveParams, CustomerListParams),
    *_readable(
        "balance_transaction",
        "/v1/balance_transactions",
        BalanceTransactionRetrieveParams,
        BalanceTransactionListParams,
    ),
    *_readable("payout", "/v1/payouts", PayoutRetrieveParams, PayoutListParams),
    *_readable("event", "/v1/events", EventRetrieveParams, EventListParams),
]
