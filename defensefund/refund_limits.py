"""Amounts by currency, as the settings REFUND_LIMITS and FRAUD_REFUND_LIMITS write them."""

import re
from collections.abc import Iterable
from decimal import Decimal

from django.core.exceptions import ImproperlyConfigured


def read_limits(name: str, items: Iterable[str]) -> dict[str, Decimal]:
    """["EUR:100", "ARS:150000"] as exact amounts by currency; raises ImproperlyConfigured with a sentence."""
    limits = {}
    for item in items:
        currency, _colon, amount = (part.strip() for part in item.partition(":"))
        if not re.fullmatch(r"[A-Z]{3}", currency) or not re.fullmatch(
            r"[0-9]{1,12}(\.[0-9]{1,3})?", amount
        ):
            raise ImproperlyConfigured(
                f"{name} holds {item!r}: write a currency, a colon and an amount, like EUR:100."
            )
        limits[currency] = Decimal(amount)
    return limits
