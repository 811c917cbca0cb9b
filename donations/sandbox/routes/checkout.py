"""Payment pages: opened, closed, looked at."""

import re
from datetime import datetime
from fractions import Fraction

from django.conf import settings
from stripe.params.checkout import (
    SessionCreateParams,
    SessionExpireParams,
    SessionLineItemListParams,
    SessionListParams,
    SessionRetrieveParams,
)

from donations.sandbox import acts, listing, objects
from donations.sandbox.errors import SandboxError
from donations.sandbox.objects import Json
from donations.stripe_facts import LARGEST_UNITS, LARGEST_UNITS_IDR

from .base import Route, kept, readable

SHORTEST_LIFE, LONGEST_LIFE = 30 * 60, 24 * 3600
# By mode, the part of the parameters that says what is made on paying; refused in the other modes.
DATA = {
    "payment": "payment_intent_data",
    "setup": "setup_intent_data",
    "subscription": "subscription_data",
}


def _create_session(params: Json, _id: str, at: datetime) -> Json:
    mode = params.get("mode")
    if mode not in DATA:
        raise SandboxError("Missing required param: mode.", code="parameter_missing", param="mode")
    if not params.get("success_url"):
        raise SandboxError(
            "Missing required param: success_url.", code="parameter_missing", param="success_url"
        )
    for other in DATA.values():
        if other != DATA[mode] and other in params:
            raise SandboxError(f"You can not pass `{other}` in `{mode}` mode.", param=other)
    if mode == "setup":
        _check_setup(params)
    _check_customer(params)
    _check_life(params, at=at)
    lines = [] if mode == "setup" else _lines(params, at=at)
    made = objects.session(
        params, lines=lines, at=at, page=f"{settings.SITE_URL}/sandbox/checkout/"
    )
    notes: Json = {data: params.get(data, {}) for data in DATA.values()} | {"lines": lines}
    if mode == "subscription":
        notes["prices"] = params["line_items"]
    objects.keep(made, at=at, notes=notes, due_at=objects.instant(made["expires_at"]))
    return made


def _check_setup(params: Json) -> None:
    if "currency" not in params:
        raise SandboxError(
            "`currency` is needed in `setup` mode.", code="parameter_missing", param="currency"
        )
    for other in ("line_items", "submit_type"):
        if other in params:
            raise SandboxError(f"You can not pass `{other}` in `setup` mode.", param=other)


def _check_customer(params: Json) -> None:
    if "customer" not in params:
        return
    acts.known_customer(params["customer"])
    for other in ("customer_email", "customer_creation"):
        if other in params:
            raise SandboxError(
                f"You may only specify one of these parameters: customer, {other}.", param=other
            )


def _lines(params: Json, *, at: datetime) -> list[Json]:
    """What is to be paid at once, line by line."""
    wanted, mode = params.get("line_items"), params["mode"]
    if not wanted:
        raise SandboxError(
            "Missing required param: line_items.", code="parameter_missing", param="line_items"
        )
    for number, item in enumerate(wanted):
        _check_line(item, f"line_items[{number}]", mode=mode)
    if len({item["price_data"]["currency"] for item in wanted}) > 1:
        raise SandboxError("All prices must have the same currency.", param="line_items")
    share = Fraction(1)
    if mode == "subscription":
        share = acts.first_share(
            params.get("subscription_data", {}),
            wanted[0]["price_data"]["recurring"],
            now=objects.seconds(at),
        )
    whole = sum(one["price_data"]["unit_amount"] * one.get("quantity", 1) for one in wanted)
    check_amount(whole, wanted[0]["price_data"]["currency"], param="line_items")
    return objects.lines_of(params, share=share)


def _check_line(item: Json, where: str, *, mode: str) -> None:
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
    if ("recurring" in price) != (mode == "subscription"):
        raise SandboxError(
            "Prices of `subscription` mode recur, those of `payment` mode do not.",
            param=f"{where}[price_data][recurring]",
        )
    if "product" in price:
        kept("product", price["product"])
    elif "product_data" not in price:
        raise SandboxError(
            "Either product or product_data is needed.", param=f"{where}[price_data][product]"
        )


def _check_life(params: Json, *, at: datetime) -> None:
    now = objects.seconds(at)
    life = params.get("expires_at", now + LONGEST_LIFE) - now
    if not SHORTEST_LIFE <= life <= LONGEST_LIFE:
        raise SandboxError(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            param="expires_at",
        )


def check_amount(units: int, currency: str, *, param: str) -> None:
    """SandboxError when Stripe takes no payment of so little or so much."""
    # Stripe's least amount is about half a dollar's worth; which, it computes from the day's rates.
    if units < 1:
        raise SandboxError("The amount is too small.", code="amount_too_small", param=param)
    if units > (LARGEST_UNITS_IDR if currency == "idr" else LARGEST_UNITS):
        raise SandboxError("The amount is too large.", code="amount_too_large", param=param)


def _expire_session(_params: Json, id_: str, at: datetime) -> Json:
    return acts.expire(id_, at=at)


def _line_items(_params: Json, id_: str, _at: datetime) -> Json:
    return listing.line_items(kept("checkout.session", id_).id)


SESSIONS = "/v1/checkout/sessions"
ROUTES = [
    Route("post", SESSIONS, SessionCreateParams, _create_session),
    Route("post", rf"{SESSIONS}/(?P<id>\w+)/expire", SessionExpireParams, _expire_session),
    Route("get", rf"{SESSIONS}/(?P<id>\w+)/line_items", SessionLineItemListParams, _line_items),
    *readable("checkout.session", SESSIONS, SessionRetrieveParams, SessionListParams),
]
