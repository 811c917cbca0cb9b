"""Currencies: decimals, limits and suggestions for gifts, exact reading and writing of amounts."""

import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from babel.numbers import format_decimal
from django.conf import settings

from defensefund.templatetags.formats import money, page_locale

# Decimals where they are not two: ISO 4217, and Stripe's list of zero-decimal currencies, which agree on these.
# The same table stands in the database as donations_exponent() (migrations/0002_ledger.py); a test compares them.
ZERO_DECIMALS = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "JPY",
        "KMF",
        "KRW",
        "MGA",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
THREE_DECIMALS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])


class UnreadableAmount(ValueError):
    """The text is no amount of the currency; its argument says why: "digits", "groups" or "decimals"."""


@dataclass(frozen=True)
class GivingRange:
    """What a supporter may give at once by card, in whole units of the currency."""

    minimum: Decimal
    maximum: Decimal
    presets: tuple[Decimal, ...]


def _range(minimum: int, maximum: int, *presets: int) -> GivingRange:
    return GivingRange(
        Decimal(minimum), Decimal(maximum), tuple(Decimal(preset) for preset in presets)
    )


# Minimum about three euros against card testing; maximum about five thousand: more goes by bank transfer. Stripe itself
# takes no more than 999 999.99 at once, which in some currencies is little (stripe_facts.largest). Whoever offers another
# currency adds its line here; without one it is refused at the start (checks.py).
GIVING: dict[str, GivingRange] = {
    "EUR": _range(3, 5_000, 10, 25, 50, 100),
    "USD": _range(3, 5_000, 10, 25, 50, 100),
    "GBP": _range(3, 5_000, 10, 25, 50, 100),
    "ARS": _range(5_000, 999_000, 15_000, 40_000, 80_000, 150_000),
    "BRL": _range(20, 30_000, 50, 150, 300, 600),
    "CLP": _range(3_000, 5_000_000, 10_000, 25_000, 50_000, 100_000),
    "UYU": _range(150, 200_000, 400, 1_000, 2_000, 4_000),
    "AUD": _range(5, 8_000, 15, 40, 80, 150),
    "BHD": _range(1, 2_000, 4, 10, 20, 40),
    "CAD": _range(5, 8_000, 15, 40, 80, 150),
    "CHF": _range(3, 5_000, 10, 25, 50, 100),
    "COP": _range(15_000, 999_000, 40_000, 100_000, 200_000, 400_000),
    "CZK": _range(75, 120_000, 250, 600, 1_200, 2_500),
    "DKK": _range(25, 35_000, 75, 200, 400, 750),
    "HUF": _range(1_200, 999_000, 4_000, 10_000, 20_000, 40_000),
    "JOD": _range(2, 4_000, 7, 20, 40, 80),
    "JPY": _range(500, 800_000, 1_500, 4_000, 8_000, 15_000),
    "KRW": _range(5_000, 8_000_000, 15_000, 40_000, 80_000, 150_000),
    "KWD": _range(1, 1_500, 3, 8, 15, 30),
    "MXN": _range(60, 100_000, 200, 500, 1_000, 2_000),
    "NOK": _range(35, 60_000, 100, 300, 600, 1_200),
    "NZD": _range(5, 9_000, 15, 40, 80, 150),
    "OMR": _range(1, 2_000, 4, 10, 20, 40),
    "PEN": _range(12, 20_000, 40, 100, 200, 400),
    "PLN": _range(12, 20_000, 40, 100, 200, 400),
    "PYG": _range(25_000, 40_000_000, 80_000, 200_000, 400_000, 800_000),
    "RON": _range(15, 25_000, 50, 125, 250, 500),
    "SEK": _range(35, 60_000, 100, 300, 600, 1_200),
    "TND": _range(10, 17_000, 30, 80, 170, 350),
}


def exponent(currency: str) -> int:
    """How many decimals amounts of `currency` (ISO 4217, upper case) have."""
    if currency in ZERO_DECIMALS:
        return 0
    return 3 if currency in THREE_DECIMALS else 2


def quantize(amount: Decimal, currency: str) -> Decimal:
    """`amount` with exactly the currency's decimals; what is beyond them is cut off towards zero."""
    return amount.quantize(Decimal(1).scaleb(-exponent(currency)), ROUND_DOWN)


def is_exact(amount: Decimal, currency: str) -> bool:
    return quantize(amount, currency) == amount


def offered() -> list[str]:
    """The currencies gifts are taken in, the fund's own first."""
    return list(settings.CURRENCIES)


def parse_amount(text: str, currency: str) -> Decimal:
    """The exact amount a person wrote, with comma or point as decimal sign and any usual grouping.

    "1.234,50", "1,234.50", "1 234,50" and "1'234.5" are 1234.50. A single sign followed by exactly three digits
    ("1.234") is read as grouping, as people write it by hand, except in currencies of three decimals.
    Raises UnreadableAmount for anything else: signs, letters, too many decimals, uneven groups.
    """
    cleaned = re.sub(r"[\s\u00a0\u202f'’]", "", text.strip())
    places = exponent(currency)
    if not re.fullmatch(r"[0-9]+([.,][0-9]+)*", cleaned) or len(cleaned) > 20:
        raise UnreadableAmount("digits")
    signs = re.findall(r"[.,]", cleaned)
    parts = re.split(r"[.,]", cleaned)
    decimals = ""
    last_is_decimal = signs and (
        len(set(signs)) == 2 or (len(signs) == 1 and (len(parts[-1]) != 3 or places == 3))
    )
    if last_is_decimal:
        decimals = parts.pop()
    whole, groups = parts[0], parts[1:]
    grouping = signs[: len(groups)]
    if len(set(grouping)) > 1 or any(len(group) != 3 for group in groups):
        raise UnreadableAmount("groups")
    if groups and (len(whole) > 3 or whole.startswith("0")):
        raise UnreadableAmount("groups")
    if len(decimals.rstrip("0")) > places:
        raise UnreadableAmount("decimals")
    return quantize(Decimal(f"{whole}{''.join(groups)}.{decimals or '0'}"), currency)


def example(currency: str) -> str:
    """An amount with all decimals the currency has, as a hint how to write one: "25,50", "1500", "25,500"."""
    places = exponent(currency)
    return f"25,{'500'[:places]}" if places else "1500"


def written(amount: Decimal, currency: str) -> str:
    """`amount` as the pages write it in the language in force, with the currency's own decimals: for sentences."""
    return money(quantize(amount, currency), currency)


def plain(amount: Decimal, currency: str) -> str:
    """`amount` as somebody of the language in force types it into a field, no sign and no grouping: "25,50"."""
    text: str = format_decimal(
        quantize(amount, currency),
        format="0." + "0" * exponent(currency) if exponent(currency) else "0",
        locale=page_locale(),
    )
    return text
