"""The page of the books, and its JSON and CSV, when the books are empty, of one fund, below zero, or hold what nobody may read."""

import json
from decimal import Decimal

import pytest

from appeals.models import CaseText
from donations import ledger
from donations.ledger import Posting
from donations.models import AccountKey, Entry
from tests import factories
from tests.donations.reading import ADDRESSES, rows_of
from tests.factories import TODAY, give


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_csv_title_is_no_formula(client, fund, start):
    CaseText.objects.update(title=f"{start}1+1")
    give(fund, "1")

    [row] = rows_of(client.get("/en/books.csv"))

    assert row["title"] == f"'{start}1+1"


def test_empty_books_say_so(client, db):
    assert "Nothing is booked yet" in client.get("/en/books/").content.decode()
    assert json.loads(client.get("/en/books.json").content)["totals"] == {}
    assert rows_of(client.get("/en/books.csv")) == []


def test_fund_below_zero_is_said_to_be(client, fund):
    give(fund, "10")
    ledger.post(
        Posting(
            Entry.Kind.REFUND,
            AccountKey.fund(fund, "EUR"),
            AccountKey.stripe("EUR"),
            Decimal(30),
            TODAY,
            "stripe:re_1",
        )
    )

    page = client.get("/en/books/").content.decode()

    assert "The fund is frozen" in page
    assert "−€20.00" in page
    assert json.loads(client.get("/en/books.json").content)["funds"][0]["frozen"] is True


def test_estimate_of_one_currency_is_not_made(client, fund):
    give(fund, "10")

    assert json.loads(client.get("/en/books.json").content)["estimate"] is None
    assert 'id="estimate"' not in client.get("/en/books/").content.decode()


@pytest.mark.parametrize("address", ADDRESSES)
def test_books_name_nobody(client, fund, address):
    """Neither who gave nor who is charged, nor by a gift's identifiers."""
    supporter = factories.make_supporter("somebody.invented@example.org")
    pledge = factories.make_pledge(
        fund.case.appeal, fund, method="transfer", supporter=supporter, amount="33.33"
    )
    give(fund, "77.77", source="bank:secret-line")
    factories.make_defendant("Invented Person", cases=[fund.case])

    page = client.get(address).content.decode()

    for secret in (
        "somebody",
        "Invented Person",
        pledge.reference,
        str(pledge.uuid),
        "secret-line",
    ):
        assert secret not in page


@pytest.mark.parametrize("address", ADDRESSES)
def test_books_are_only_read(client, db, address):
    assert client.post(address).status_code == 405
    assert client.head(address).status_code == 200
