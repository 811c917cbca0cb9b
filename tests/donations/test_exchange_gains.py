"""What exchanges brought against the reporting rate: of a whole exchange, and of each payment made of it; and in public."""

from decimal import Decimal

import pytest

from donations import tracing
from donations.exchange_gains import gain_of, gains_of_payment
from donations.public_moves import public_moves
from tests import factories
from tests.donations.test_tracing import World
from tests.factories import TODAY, log_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    """1,000 EUR given, 200 of them exchanged at 1,000 and 1,500 pesos."""
    world = World()
    world.give("1000")
    world.cheap, world.dear = world.exchange("100", "100000"), world.exchange("100", "150000")
    return world


def paid(world, *amounts):
    cost = world.cost("250000", currency="ARS")
    world.set_aside(cost, "250000")
    return [world.pay(cost, amount) for amount in amounts]


def told(gains):
    return [(g.exchange.received, g.received, g.given, g.worth, g.difference, g.on) for g in gains]


def test_exchange_gained_or_lost_against_the_rate_of_its_day(world):
    factories.make_rate("EUR", "ARS", "1250")

    assert told([gain_of(world.cheap), gain_of(world.dear)]) == [
        (100_000, 100_000, 100, 80, -20, TODAY),
        (150_000, 150_000, 100, 120, 20, TODAY),
    ]


def test_payment_is_explained_by_the_exchanges_that_brought_its_money(world):
    factories.make_rate("EUR", "ARS", "1250")
    first, second = paid(world, "50000", "125000")

    assert told(gains_of_payment(first)) == [(100_000, 50_000, 50, 40, -10, TODAY)]
    # The rest of the first exchange, then half of the second.
    assert told(gains_of_payment(second)) == [
        (100_000, 50_000, 50, 40, -10, TODAY),
        (150_000, 75_000, 50, 60, 10, TODAY),
    ]


def test_page_of_a_payment_works_out_at_once_what_it_can(world, client, monkeypatch):
    factories.make_rate("EUR", "ARS", "1250")
    [row] = paid(world, "50000")
    treasurer = log_in(client, factories.make_user(None, "treasurer"))

    def said():
        page = treasurer.get(f"/admin/donations/disbursement/{row.pk}/change/").content.decode()
        return "Being worked out: look again in a minute." in page, "Bought by exchange" in page

    monkeypatch.setattr("donations.exchange_gains.AT_ONCE", 0)  # more is new than one look follows
    assert said() == (True, True)
    monkeypatch.undo()
    assert said() == (False, True)
    assert told(gains_of_payment(row)) == [(100_000, 50_000, 50, 40, -10, TODAY)]


def test_without_a_reporting_rate_nothing_is_claimed(world):
    [row] = paid(world, "50000")

    [gain] = gains_of_payment(row)

    assert (gain.worth, gain.difference, gain.given) == (None, None, 50)


def test_payment_of_what_was_given_in_its_currency_needs_no_exchange(world):
    cost = world.cost("40")
    world.set_aside(cost, "40")
    row = world.pay(cost, "40")
    tracing.follow(1000)

    assert gains_of_payment(row) == []


def test_public_reads_exchanges_and_surpluses_without_names_or_reasons(world):
    world.move_rest()

    shown = public_moves(language="en")

    [move] = shown.surpluses
    assert (move.source, move.target, move.amount, move.cause) == (
        "Sample case (en)",
        "General fund",
        Decimal(800),
        "the case has ended",
    )
    assert [(x.given, x.received, x.rate, x.fund) for x in shown.exchanges] == [
        (100, 150_000, 1500, "Sample case (en)"),
        (100, 100_000, 1000, "Sample case (en)"),
    ]


def test_books_page_shows_what_two_people_moved(world, client):
    world.move_rest()

    page = " ".join(client.get("/en/books/").content.decode().split())
    data = client.get("/en/books.json").json()

    assert "<strong>€800.00</strong> from “Sample case (en)” to “General fund”, since" in page
    assert "became <strong>ARS 150,000.00</strong>" in page
    assert [row["received"] for row in data["exchanges"]] == ["150000.00", "100000.00"]
    assert [row["amount"] for row in data["surpluses"]] == ["800.00"]
