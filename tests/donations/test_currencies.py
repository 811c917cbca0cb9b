from decimal import Decimal

import pytest
from babel.numbers import get_currency_precision
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from donations import currencies, stripe_facts
from donations.checks import currencies_are_known
from donations.currencies import UnreadableAmount, parse_amount, written


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
    st.sampled_from(["EUR", "CLP", "ARS", "BRL", "KWD"]),
    st.integers(min_value=1, max_value=10**12),
    st.sampled_from(["es", "en", "pt", "fr"]),
)
def test_parse_amount_reads_back_what_pages_write(currency, units, language):
    amount = Decimal(units).scaleb(-currencies.exponent(currency))

    with translation.override(language):
        text = written(amount, currency)

    digits = "".join(c for c in text if c.isdigit() or c in ".,\u00a0\u202f ")
    assert parse_amount(digits, currency) == amount


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("es", ("1.234,50\u00a0€", "1.234\u00a0CLP", "1.234,500\u00a0KWD")),
        ("en", ("€1,234.50", "CLP\u00a01,234", "KWD\u00a01,234.500")),
    ],
)
def test_written_has_the_currencys_own_decimals(language, texts):
    with translation.override(language):
        assert texts == tuple(
            written(Decimal("1234.50"), currency) for currency in ("EUR", "CLP", "KWD")
        )


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


def test_every_suggestion_and_limit_can_be_charged_by_card():
    """Stripe's own limits of one payment, and its steps in currencies of three decimals."""
    for code, rng in currencies.GIVING.items():
        assert rng.maximum <= stripe_facts.largest(code), code
        for amount in (rng.minimum, *rng.presets, rng.maximum):
            units = stripe_facts.to_minor_units(amount, code)
            assert stripe_facts.from_minor_units(units, code) == amount, code


@pytest.mark.parametrize("code", currencies.GIVING)
def test_every_currency_reads_its_own_example(code):
    amount = parse_amount(currencies.example(code), code)

    assert currencies.is_exact(amount, code)
    assert -amount.as_tuple().exponent == currencies.exponent(code)


def test_settings_name_known_currencies_once(settings):
    assert currencies_are_known(None) == []
    settings.CURRENCIES = ["EUR", "XAU", "EUR"]

    unknown, twice = currencies_are_known(None)

    assert (unknown.id, twice.id) == ("donations.E002", "donations.E003")
    assert "CURRENCIES names 'XAU'" in unknown.msg
    assert "CURRENCIES names 'EUR' more than once" in twice.msg


def test_settings_name_a_currency_at_all(settings):
    settings.CURRENCIES = []

    assert [error.id for error in currencies_are_known(None)] == ["donations.E001"]
