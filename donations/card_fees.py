"""What a card payment costs, as this installation's contract says (CARD_FEES), and what a supporter adds to cover it."""

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import cache

from django.conf import settings

from .sandbox import fees
from .stripe_facts import step

# No processor keeps half of a gift: it was meant otherwise.
MOST_PERCENT = 50


@dataclass(frozen=True)
class CardFee:
    """`share` of the payment (0.015 is 1.5 %) and a `fixed` part in the currency's own unit."""

    share: Decimal
    fixed: Decimal


class UnreadableFee(ValueError):
    """An item of CARD_FEES is not written like EUR:2.1%+0.30."""


def parse(item: str) -> tuple[str, CardFee]:
    """ "EUR:2.1%+0.30" → its currency and fee; raises UnreadableFee."""
    match = re.fullmatch(r"([A-Z]{3}):([0-9]+(?:\.[0-9]+)?)%\+([0-9]+(?:\.[0-9]+)?)", item)
    if not match or Decimal(match[2]) >= MOST_PERCENT:
        raise UnreadableFee(item)
    return match[1], CardFee(Decimal(match[2]) / 100, Decimal(match[3]))


@cache
def _written(items: tuple[str, ...]) -> dict[str, CardFee]:
    return dict(parse(item) for item in items)


def fee_of(currency: str) -> CardFee | None:
    """None where covering the fee is not offered: nobody told us what it is. The sandbox's own where it is in use."""
    if known := _written(tuple(settings.CARD_FEES)).get(currency):
        return known
    if settings.STRIPE_SANDBOX:
        return CardFee(fees.SHARE, fees.FIXED.get(currency, fees.FIXED_ELSEWHERE))
    return None


def cover_of(amount: Decimal, currency: str) -> Decimal | None:
    """What is paid on top of `amount`, so that after the fee on both the whole of it is left; None where not offered."""
    fee = fee_of(currency)
    if fee is None:
        return None
    least = step(currency)
    whole = (amount + fee.fixed) / (1 - fee.share)
    return (whole / least).to_integral_value(ROUND_CEILING) * least - amount
