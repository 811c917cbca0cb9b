"""The money on the office's first page: the ledger's balances, and a picture that says what its table says."""

import re
from datetime import date
from decimal import Decimal
from html import unescape

import pytest
from django.test import Client

from donations import ledger
from donations.admin.charts import chart
from donations.models import AccountKey, Entry
from donations.month_days import months_later
from donations.reports import MonthSums
from tests import factories
from tests.factories import give, log_in, make_user


def words(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def test_balances_by_place_and_purpose_are_the_ledgers(treasurer, busy):
    page = words(treasurer.get("/admin/"))

    assert "EUR €72.62" in page
    assert "In the bank −€50.00" in page
    assert "At Stripe €122.62" in page
    assert f"{busy.name} €42.62" in page
    assert "Set aside for legal costs €30.00" in page
    assert "CLP CLP 8,615" in page.replace("\xa0", " ")
    assert "do not balance" not in page


def test_fund_below_zero_comes_first_and_stands_out(treasurer, db):
    full, empty = factories.make_fund(), factories.make_fund()
    give(full, "100")
    give(empty, "1")
    from_empty(empty)

    html = treasurer.get("/admin/").content.decode()

    assert html.index("is-below") < html.index(f">{full.name}</a>")


def from_empty(fund):
    """A fee takes the fund below zero."""
    ledger.post(
        ledger.Posting(
            Entry.Kind.FEE,
            AccountKey.fund(fund, "EUR"),
            AccountKey.stripe("EUR"),
            Decimal(5),
            factories.TODAY,
            "test:fee-below",
        )
    )


def test_many_funds_are_summed_below_the_largest(treasurer, db):
    for amount in range(1, 16):
        give(factories.make_fund(), str(amount))

    page = words(treasurer.get("/admin/"))

    assert "Other funds €6.00" in page


def test_empty_books_say_how_to_begin(treasurer):
    assert "Nothing is booked yet." in words(treasurer.get("/admin/"))


def test_page_of_one_part_of_the_office_does_not_say_what_waits(treasurer):
    assert "Nothing waits for you." in words(treasurer.get("/admin/"))
    assert "Nothing waits for you." not in words(treasurer.get("/admin/donations/"))


@pytest.mark.parametrize(("group", "sees"), [("approver", True), ("auditor", True), ("organizer", False)])  # fmt: skip
def test_balances_are_for_who_reads_the_books(busy, group, sees):
    client = log_in(Client(headers={"accept-language": "en"}), make_user(None, group))

    assert ("What is there" in words(client.get("/admin/"))) is sees


@pytest.mark.parametrize("count", [1, 12])
def test_front_page_costs_the_same_with_any_number_of_funds(
    treasurer, count, django_assert_num_queries
):
    for _each in range(count):
        give(factories.make_fund(), "1")
    treasurer.get("/admin/")

    with django_assert_num_queries(9):
        treasurer.get("/admin/")


def months(*pairs):
    first = date(2026, 1, 1)
    return [
        MonthSums(months_later(first, nth), Decimal(came_in), Decimal(went_out))
        for nth, (came_in, went_out) in enumerate(pairs)
    ]


def test_chart_draws_what_came_in_up_and_what_went_out_down():
    drawn = chart("EUR", months((300, 100), (0, 0), (150, 50)))

    zero = next(line.y for line in drawn.lines if line.is_zero)
    first, quiet, last = drawn.months
    assert first.came_in.y + first.came_in.height == pytest.approx(zero)
    assert first.went_out.y == zero
    assert first.came_in.height == pytest.approx(3 * first.went_out.height, rel=Decimal("0.001"))
    assert last.came_in.height == pytest.approx(first.came_in.height / 2, rel=Decimal("0.001"))
    assert quiet.came_in.height == quiet.went_out.height == 0
    assert [line.label for line in drawn.lines] == ["300", "200", "100", "0", "−100"]


def test_table_beside_the_chart_has_the_amounts_newest_first():
    drawn = chart("EUR", months((300, 100), (0, 0), (150, 50)))

    assert drawn.rows[0] == ("March 2026", "150.00", "50.00", "100.00")
    assert drawn.rows[1] == ("February 2026", "–", "–", "–")
    assert drawn.total == ("450.00", "150.00", "300.00")
    assert drawn.months[0].words == "January 2026: €300.00 in, €100.00 out"


@pytest.mark.parametrize(
    "pairs",
    [
        [(0, 0)] * 12,
        [("0.01", 0)] * 12,
        [(0, "0.01")],
        [("123456789012345.67", "1")] * 12,
        [("-5", "7"), ("3", "-2")],
        [],
    ],
)
def test_chart_stays_inside_its_picture_whatever_the_amounts(pairs):
    drawn = chart("EUR", months(*pairs))

    for month in drawn.months:
        for bar in (month.came_in, month.went_out):
            assert bar.height >= 0
            assert bar.x >= drawn.left
            assert bar.x + bar.width <= 100
            assert bar.y >= 0
            assert bar.y + bar.height <= Decimal("90.001")
    assert 1 <= len(drawn.lines) <= 8
    assert sum(line.is_zero for line in drawn.lines) == 1


def test_page_has_no_style_of_its_own(treasurer, busy):
    html = treasurer.get("/admin/").content.decode()

    assert "<svg" in html
    assert not re.search(r"<[^>]+\sstyle=", html)
