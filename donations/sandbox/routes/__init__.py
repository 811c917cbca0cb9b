"""The addresses of Stripe's API that the stand-in answers, each with the SDK's type of its parameters.

A module for each group of Stripe's nouns; the addresses asked for most come first.
"""

import re
from datetime import datetime

from donations.sandbox import contract, listing
from donations.sandbox.errors import SandboxError
from donations.sandbox.objects import Json

from . import balance, billing, checkout, disputes, payments

ROUTES = [
    *checkout.ROUTES,
    *balance.ROUTES,
    *payments.ROUTES,
    *billing.ROUTES,
    *disputes.ROUTES,
]


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
