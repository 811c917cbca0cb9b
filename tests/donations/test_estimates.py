from datetime import timedelta
from decimal import Decimal

import pytest

from appeals.models import Appeal
from donations.estimates import estimate
from tests import factories
from tests.factories import TODAY, give, make_rate

pytestmark = pytest.mark.django_db


def about(into="EUR", on=TODAY, **sums):
    found = estimate({c: (Decimal(amount),) for c, amount in sums.items()}, into=into, on=on)
    return found and (found.amounts[0], [w.currency for w in found.worths], found.left_out)


def test_nothing_to_convert_is_no_estimate(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert about(EUR="10") is None
        assert about(EUR="10", USD="0") is None
        assert estimate({}, into="EUR", on=TODAY) is None


@pytest.mark.parametrize(
    ("rates", "amount"),
    [
        ([("USD", "EUR", "0.9")], "19.00"),
        ([("EUR", "USD", "1.25")], "18.00"),
        ([("ARS", "USD", "0.001"), ("ARS", "EUR", "0.0008")], "18.00"),
        ([("CLP", "USD", "0.001"), ("CLP", "EUR", "0.0008")], "18.00"),
    ],
    ids=["direct", "the other way round", "over another", "over another of the fund's"],
)
def test_sum_by_the_rate_there_is(rates, amount):
    for rate in rates:
        make_rate(*rate)

    assert about(EUR="10", USD="10") == (Decimal(amount), ["USD"], ())


def test_sum_into_a_currency_nobody_publishes_the_base_of():
    """A table of the euro serves an appeal in pesos."""
    make_rate("EUR", "ARS", "1500")
    make_rate("EUR", "USD", "1.25")

    assert about(into="ARS", USD="10", ARS="1000") == (Decimal("13000.00"), ["USD"], ())


def test_newest_rate_counts_and_a_mended_one_of_its_day():
    make_rate("USD", "EUR", "0.5", rated_on=TODAY - timedelta(days=3))
    make_rate("USD", "EUR", "0.6", rated_on=TODAY - timedelta(days=1))
    make_rate("USD", "EUR", "0.7", rated_on=TODAY - timedelta(days=1))
    make_rate("USD", "EUR", "0.9", rated_on=TODAY)

    assert about(USD="10", on=TODAY - timedelta(days=1))[0] == Decimal("7.00")
    assert about(USD="10", on=TODAY)[0] == Decimal("9.00")


def test_newer_way_round_wins_over_an_older_direct_one():
    make_rate("USD", "EUR", "0.5", rated_on=TODAY - timedelta(days=9))
    make_rate("EUR", "USD", "1.25")

    found = estimate({"USD": (Decimal(10),)}, into="EUR", on=TODAY)

    assert (found.amounts, found.first_on, found.last_on) == ((Decimal("8.00"),), TODAY, TODAY)


def test_currency_without_a_rate_is_left_out_and_named():
    make_rate("USD", "EUR", "0.9")
    make_rate(
        "CLP",
        "EUR",
        "0.001",
        rated_on=TODAY + timedelta(days=1),
        entered_at=factories.NOW + timedelta(days=2),
    )

    assert about(EUR="1", USD="10", CLP="5000", ARS="5") == (
        Decimal("10.00"),
        ["USD"],
        ("ARS", "CLP"),
    )


def test_sum_has_the_decimals_of_its_currency():
    make_rate("EUR", "CLP", "1033.337")

    assert about(into="CLP", EUR="10") == (Decimal("10333"), ["EUR"], ())


def test_about_drops_decimals_of_large_sums_only():
    make_rate("EUR", "USD", "2")
    sums = {"USD": (Decimal("2000.33"), Decimal("20.33"))}

    assert estimate(sums, into="EUR", on=TODAY).about == (Decimal(1000), Decimal("10.16"))


@pytest.mark.parametrize(
    ("rate", "readable"),
    [("1350.25", (True, Decimal("1350.25"))), ("0.0008", (False, Decimal("1250")))],
)
def test_rate_is_shown_in_the_direction_above_one(rate, readable):
    make_rate("USD", "EUR", rate)

    [worth] = estimate({"USD": (Decimal(1),)}, into="EUR", on=TODAY).worths

    assert worth.readable == readable


# --- On the appeal's and the case's page -----------------------------------------------------------


@pytest.fixture
def gifts():
    appeal = factories.make_appeal("strike")
    case = factories.make_case(appeal, "arrest")
    for fund in (
        factories.make_fund("appeal", appeal=appeal),
        factories.make_fund("case", case=case),
    ):
        give(fund, "10")
        give(fund, "100", currency="USD")


@pytest.mark.parametrize(
    ("path", "amount"), [("/en/strike/", "€200.00"), ("/en/strike/cases/arrest/", "€100")]
)
def test_pages_show_the_estimate_and_its_day(client, gifts, path, amount):
    make_rate("USD", "EUR", "0.9", source="Invented bank")

    page = " ".join(client.get(path).content.decode().split())

    assert f"About {amount.removesuffix('.00')} in all" in page
    assert "an estimate at the rates of" in page
    assert '<time datetime="2026-03-10">March 10, 2026</time> (Invented bank)' in page


def test_appeal_page_estimates_in_the_goals_currency(client, gifts):
    Appeal.objects.update(goal_amount=Decimal(1000), goal_currency="USD")
    make_rate("EUR", "USD", "1.5")

    page = client.get("/en/strike/").content.decode()

    assert "About US$230 in all" in page


def test_appeal_page_says_which_currency_has_no_rate(client, gifts):
    assert (
        "There is no sum in EUR: no rate is known for USD."
        in client.get("/en/strike/").content.decode()
    )


def test_appeal_page_asks_eight_queries_at_most(client, gifts, django_assert_max_num_queries):
    for day in range(30):
        make_rate("USD", "EUR", "0.9", rated_on=TODAY - timedelta(days=day))

    with django_assert_max_num_queries(8):
        client.get("/en/strike/")
