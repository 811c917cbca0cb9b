"""The books as page, JSON and CSV: the same figures as the ledger, for shared caches, on no cookie, in nobody's name."""

import json

import pytest

from tests import factories
from tests.donations.reading import ADDRESSES, rows_of
from tests.factories import give
from tests.stories.parts import row_of

EXPECTED = {
    "received": "125.00",
    "refunded": "0.00",
    "processing_fees": "2.38",
    "bank_fees": "0.00",
    "dispute_fees": "0.00",
    "fees": "2.38",
    "net": "122.62",
    "paid": "50.00",
    "passed_on": "0.00",
    "moved": "0.00",
    "exchanged": "0.00",
    "held": "72.62",
    "allocated": "30.00",
    "free": "42.62",
    "promised": "40.00",
    "conditional": "0.00",
}


@pytest.fixture
def busy(busy_from_the_start, db):
    return busy_from_the_start


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("es", ("125,00\u00a0€", "72,62\u00a0€", "8.615\u00a0CLP")),
        ("en", ("€125.00", "€72.62", "CLP\u00a08,615")),
    ],
)
def test_page_writes_the_figures_in_the_readers_language(client, busy, language, written):
    page = client.get(f"/{language}/books/").content.decode()

    for amount in written:
        assert amount in page
    assert f"Sample case ({language})" in page


def test_page_shows_each_funds_own_figures(client, busy):
    page = client.get("/en/books/").content.decode()

    assert row_of(page, "Sample case (en) EUR") == {
        "Received": "€125.00",
        "Refunded": "€0.00",
        "Fees": "€2.38",
        "Paid": "€50.00",
        "Held": "€72.62",
        "Set aside": "€30.00",
        "Free": "€42.62",
        "Promised": "€40.00",
    }


def test_json_holds_exact_decimal_text(client, busy):
    data = json.loads(client.get("/en/books.json").content)

    assert data["totals"]["EUR"] == EXPECTED | {"places": {"stripe": "122.62", "bank": "-50.00"}}
    assert data["totals"]["CLP"]["held"] == "8615"
    assert data["funds"][1] == EXPECTED | {
        "fund": "case-sample",
        "title": "Sample case (en)",
        "currency": "EUR",
        "frozen": False,
    }


def test_csv_holds_the_same_as_json(client, busy):
    data = json.loads(client.get("/en/books.json").content)
    rows = rows_of(client.get("/en/books.csv"))

    written = [
        {"as_of": data["as_of"]} | fund | {"frozen": "yes" if fund["frozen"] else "no"}
        for fund in data["funds"]
    ]
    assert rows == written


@pytest.mark.parametrize("address", ADDRESSES)
def test_books_are_for_shared_caches_and_set_no_cookie(client, busy, address):
    response = client.get(address)

    assert response.cookies == {}
    assert "Cookie" not in response.get("Vary", "")
    assert response["Cache-Control"] == "public, max-age=60" or (
        response["Cache-Control"] == "max-age=60, public"
    )
    assert response["ETag"]
    assert response["Last-Modified"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_books_unchanged_are_not_sent_again(client, busy, address, settings):
    tag = client.get(address)["ETag"]
    again = client.get(address, headers={"If-None-Match": tag})
    if again.status_code == 200:  # the minute turned in between
        again = client.get(address, headers={"If-None-Match": again["ETag"]})

    give(busy, "1")
    changed = client.get(address, headers={"If-None-Match": tag})

    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("funds", [1, 3])
def test_books_cost_the_same_with_many_funds_and_gifts(
    client, busy, address, funds, django_assert_num_queries
):
    for _i in range(funds - 1):
        other = factories.make_fund("case", case=factories.make_case())
        for _j in range(10):
            give(other, "1")

    # The page and JSON ask once more for the rates of the estimate, three times for what two people moved, once for emergencies.
    with django_assert_num_queries(2 if address.endswith("csv") else 8):
        client.get(address)


def test_estimate_is_of_all_currencies_and_says_what_it_is(client, busy):
    factories.make_rate("EUR", "CLP", "1000", source="Invented bank")

    page = client.get("/en/books/").content.decode()
    data = json.loads(client.get("/en/books.json").content)

    assert "In all about €134 arrived and about €81.23 is held." in page
    assert "This is an estimate" in page
    assert "1\u00a0EUR = 1,000\u00a0CLP" in page
    assert "(Invented bank)" in page
    assert data["estimate"] == {
        "is_estimate": True,
        "currency": "EUR",
        "arrived": "134.00",
        "held": "81.23",
        "rates": [
            {"currency": "CLP", "rate": "0.001", "on": "2026-03-10", "sources": ["Invented bank"]}
        ],
        "left_out": [],
    }


def test_estimate_names_what_it_leaves_out(client, busy):
    give(busy, "40000", currency="ARS")
    factories.make_rate("EUR", "CLP", "1000")

    page = client.get("/en/books/").content.decode()
    data = json.loads(client.get("/en/books.json").content)

    assert "Left out, since no rate is known: ARS." in page
    assert data["estimate"]["left_out"] == ["ARS"]


def test_estimate_is_none_without_rates(client, busy):
    page = client.get("/en/books/").content.decode()
    data = json.loads(client.get("/en/books.json").content)

    assert "There is no sum in EUR: no rate is known for CLP." in page
    assert data["estimate"] == {
        "is_estimate": True,
        "currency": "EUR",
        "rates": [],
        "left_out": ["CLP"],
    }
