from decimal import Decimal

import pytest
from babel.numbers import get_currency_precision
from hypothesis import given
from hypothesis import strategies as st

from donations import currencies
from donations.currencies import UnreadableAmount, format_amount, parse_amount


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("25", "EUR", "25"),
        ("25,5", "EUR", "25.50"),
        ("25.50", "EUR", "25.50"),
        ("1.234,50", "EUR", "1234.50"),
        ("1,234.50", "EUR", "1234.50"),
        ("1 234,50", "EUR", "1234.50"),
        ("1'234.50", "EUR", "1234.50"),
        ("1.234", "EUR", "1234"),
        ("1,234,567", "ARS", "1234567"),
        ("0,50", "EUR", "0.50"),
        ("10.000", "CLP", "10000"),
        ("10000", "CLP", "10000"),
        ("1.250", "KWD", "1.250"),
        (" 25 ", "EUR", "25"),
    ],
)
def test_parse_amount_reads_what_people_write(text, currency, amount):
    assert parse_amount(text, currency) == Decimal(amount)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "EUR"),
        ("-5", "EUR"),
        ("5-", "EUR"),
        ("+5", "EUR"),
        ("€5", "EUR"),
        ("5e3", "EUR"),
        ("five", "EUR"),
        ("1.2.3", "EUR"),
        ("12.34.567", "EUR"),
        ("0.005", "EUR"),
        ("5.1234", "EUR"),
        ("10,50", "CLP"),
        ("1,23,456", "EUR"),
        ("٥", "EUR"),
        ("1" * 21, "EUR"),
        (".5", "EUR"),
        ("5.", "EUR"),
    ],
)
def test_parse_amount_refuses_what_it_cannot_be_sure_of(text, currency):
    with pytest.raises(UnreadableAmount):
        parse_amount(text, currency)


@given(
    st.sampled_from(["EUR", "CLP", "ARS", "BRL"]),
    st.integers(min_value=1, max_value=10**12),
    st.sampled_from(["es", "en", "pt", "fr"]),
)
def test_parse_amount_reads_back_what_format_amount_wrote(currency, units, language):
    amount = Decimal(units).scaleb(-currencies.exponent(currency))

    written = format_amount(amount, currency, language)

    digits = "".join(c for c in written if c.isdigit() or c in ".,\u00a0\u202f ")
    assert parse_amount(digits, currency) == amount


def test_exponents_agree_with_the_display_tables():
    offered = set(currencies.GIVING) | currencies.ZERO_DECIMALS | currencies.THREE_DECIMALS

    assert {code: currencies.exponent(code) for code in offered} == {
        code: get_currency_precision(code) for code in offered
    }


def test_giving_ranges_hold_their_presets():
    for code, rng in currencies.GIVING.items():
        assert rng.minimum > 0
        assert all(rng.minimum <= preset <= rng.maximum for preset in rng.presets), code
        assert all(currencies.is_exact(preset, code) for preset in rng.presets), code
