"""What the stand-in keeps of a payment: its own assumption, near usual prices for cards, not any price list of Stripe's."""

from decimal import ROUND_HALF_UP, Decimal

from donations.stripe_facts import wire_exponent

SHARE = Decimal("0.015")
# A fixed part beside it, worth about a quarter of a euro, in the currency's own unit.
FIXED = {
    "EUR": Decimal("0.25"),
    "USD": Decimal("0.30"),
    "GBP": Decimal("0.20"),
    "ARS": Decimal("400"),
    "BRL": Decimal("1.50"),
    "CLP": Decimal("250"),
    "UYU": Decimal("11"),
}
FIXED_ELSEWHERE = Decimal("0.25")


# What a dispute costs, won or lost, unless Stripe gives it back.
DISPUTE = {
    "EUR": Decimal(20),
    "USD": Decimal(15),
    "GBP": Decimal(20),
    "ARS": Decimal(20_000),
    "BRL": Decimal(55),
    "CLP": Decimal(15_000),
    "UYU": Decimal(700),
}
DISPUTE_ELSEWHERE = Decimal(15)


def dispute_fee(currency: str) -> int:
    """In the smallest unit of `currency` ("eur")."""
    name = currency.upper()
    return int(DISPUTE.get(name, DISPUTE_ELSEWHERE).scaleb(wire_exponent(name)))


def fee_of(units: int, currency: str) -> int:
    """The fee on a payment of `units` in the smallest unit of `currency` ("eur"); never more than the payment."""
    name = currency.upper()
    fixed = FIXED.get(name, FIXED_ELSEWHERE).scaleb(wire_exponent(name))
    fee = (Decimal(units) * SHARE + fixed).quantize(Decimal(1), ROUND_HALF_UP)
    return min(int(fee), units)
