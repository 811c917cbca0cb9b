from decimal import Decimal

import pytest
from django.core.checks import run_checks

from donations import card_fees
from donations.sandbox import fees
from donations.stripe_facts import to_minor_units


@pytest.mark.parametrize(
    ("amount", "currency", "cover"),
    [
        ("25", "EUR", "0.64"),
        ("10", "EUR", "0.41"),
        ("10000", "CLP", "407"),
        ("15000", "ARS", "634.52"),
    ],
)
def test_cover_in_the_sandbox_s_own_figures(settings, amount, currency, cover):
    settings.CARD_FEES = []

    assert card_fees.cover_of(Decimal(amount), currency) == Decimal(cover)


@pytest.mark.parametrize("currency", ["EUR", "USD", "GBP", "ARS", "BRL", "CLP", "UYU"])
def test_after_the_fee_the_whole_gift_is_left(currency):
    for amount in (Decimal(number) for number in range(3000, 3200, 7)):
        total = to_minor_units(amount + card_fees.cover_of(amount, currency), currency)

        left = total - fees.fee_of(total, currency.lower())

        least = to_minor_units(amount, currency)
        assert least <= left <= least + 1


def test_contract_s_figures_come_before_the_sandbox_s(settings):
    settings.CARD_FEES = ["EUR:2.9%+0.30"]

    assert card_fees.cover_of(Decimal(100), "EUR") == Decimal("3.30")


def test_without_figures_nothing_is_offered(settings):
    settings.CARD_FEES, settings.STRIPE_SANDBOX = ["EUR:2.9%+0.30"], False

    assert card_fees.cover_of(Decimal(100), "USD") is None


@pytest.mark.parametrize(
    "item", ["EUR", "EUR:2.9", "eur:2.9%+0.3", "EUR:50%+0", "EUR:2,9%+0.30", ""]
)
def test_unreadable_figures_stop_the_start(settings, item):
    settings.CARD_FEES = [item]

    assert [check.id for check in run_checks() if check.id.startswith("donations")] == [
        "donations.E004"
    ]
