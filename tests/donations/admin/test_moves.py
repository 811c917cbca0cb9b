"""Exchanges, bail, ended costs and surpluses by the office's pages alone: each button, one form, one sentence."""

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from donations import ledger
from donations.models import AccountKey, BailOutcome, Exchange, LegalCost, SurplusMove
from tests import factories
from tests.donations.test_bail import deposited
from tests.donations.test_exchange import World
from tests.donations.test_surplus import make_world
from tests.factories import PDF, TODAY, log_in


def url(name, *args):
    return reverse(f"admin:donations_{name}", args=args)


@pytest.fixture
def office(client, django_user_model):
    """(page, press): what a treasurer, or the approver named, reads and sends."""

    class Office:
        treasurer = factories.make_user("treasurer", "treasurer")
        approver = factories.make_user("approver", "approver")

        def get(self, address, by=None):
            return log_in(client, by or self.treasurer).get(address).content.decode()

        def post(self, address, data=None, by=None):
            """The page after the redirect, or the form again."""
            page = log_in(client, by or self.treasurer).post(address, data or {}, follow=True)
            return page.content.decode()

    return Office()


@pytest.fixture
def world(db):
    factories.make_rate("EUR", "ARS", "1400")
    return World()


def exchanged(world, **fields):
    return {
        "number": "2b1c1f7a-58a3-4d6e-9a52-0d9cd9a3c001",
        "fund": world.fund.pk,
        "given_from": world.euros.pk,
        "given": "400,00",
        "received_into": world.pesos.pk,
        "received": "600.000,00",
        "market": "mep",
        "exchanged_on": TODAY.isoformat(),
        "file": SimpleUploadedFile("slip.pdf", PDF),
    } | fields


def test_exchange_from_the_form_to_the_books_by_two_people(office, world, db):
    assert "Record an exchange" in office.get(url("exchange_changelist"))

    page = office.post(url("exchange_record"), exchanged(world))

    row = Exchange.objects.get()
    assert "Recorded: another person approves it." in page
    assert "€400.00 → ARS\xa0600,000.00" in page
    # 600,000 at 1,400 are 428.57 EUR.
    assert "is worth €428.57 at the reporting rate and cost €400.00" in page
    assert "gain €28.57" in " ".join(page.replace("<strong>", "").split())
    assert "You recorded this exchange yourself" not in page

    page = office.post(url("exchange_approve", row.pk), by=office.approver)

    assert "became ARS\xa0600,000.00" in page
    assert world.balances() == (600, 600, 600_000, 600_000)
    assert b"".join(
        log_in(Client(), office.treasurer).get(url("exchange_document", row.pk)).streaming_content
    ).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"given": "1000.01"}, "has only €1,000.00 free"),
        ({"given": "nothing"}, "25,50"),
        ({"received_into": ""}, "Choose the account."),
        ({"exchanged_on": "2099-01-01"}, "The day of the exchange lies in the future."),
        ({"file": SimpleUploadedFile("slip.exe", b"MZ")}, "Only PDF, JPEG and PNG are taken"),
        ({"file": ""}, "Choose the document."),
    ],
)
def test_exchange_that_cannot_be_says_why_and_keeps_what_was_written(
    office, world, change, sentence
):
    page = office.post(url("exchange_record"), exchanged(world, **change))

    assert sentence in page
    assert 'value="600.000,00"' in page
    assert not Exchange.objects.exists()


def test_exchange_taken_back_by_its_button(office, world):
    row = world.done()

    page = office.post(url("exchange_doubt", row.pk), {"reason": "Another day."})

    assert "Asked for: another person takes it back, or keeps it." in page
    assert "asks that it be taken back" in page
    assert "exchange recorded wrongly, to take back" in office.get("/admin/", by=office.approver)
    listed = office.get(url("exchange_changelist") + "?state=doubted", by=office.approver)
    assert "€400.00" in listed
    page = office.post(url("exchange_take_back", row.pk), by=office.approver)
    assert "Taken back: both entries are reversed." in page
    assert world.balances() == (1000, 1000, 0, 0)


def test_list_of_exchanges_asks_as_little_with_many(
    office, world, client, django_assert_max_num_queries
):
    world.done("100", "150000")
    log_in(client, office.treasurer)
    client.get(url("exchange_changelist"))
    for _i in range(3):
        world.done("100", "150000")

    with django_assert_max_num_queries(9):
        page = client.get(url("exchange_changelist")).content.decode()

    assert page.count("€100.00") == 4


def test_bail_comes_back_and_is_lost_by_buttons(office, db):
    r = deposited("600", "400")
    page = office.get(url("legalcost_change", r.cost.pk))
    assert "Bail came back" in page
    assert 'With a court</dt><dd class="amount">€1,000.00' in page

    page = office.post(
        url("legalcost_bail_returned", r.cost.pk),
        {"number": "2b1c1f7a-58a3-4d6e-9a52-0d9cd9a3c002", "amount": "700", "into": r.bank.pk,
         "happened_on": TODAY.isoformat()},
    )  # fmt: skip
    assert "€700.00 is back, and free in the funds it came from." in page

    page = office.post(
        url("legalcost_bail_forfeited", r.cost.pk),
        {"number": "2b1c1f7a-58a3-4d6e-9a52-0d9cd9a3c003", "amount": "300", "document": r.document.pk,
         "happened_on": TODAY.isoformat()},
    )  # fmt: skip
    assert "€300.00 is lost to the court" in page
    assert BailOutcome.objects.count() == 2
    assert ledger.balance(AccountKey.bail(r.cost)) == 0


def test_overdue_bail_is_on_the_work_list(office, db):
    r = deposited()
    LegalCost.objects.update(return_expected_on=TODAY)

    assert "deposit of bail that should have come back" in office.get(reverse("admin:index"))
    assert r.cost.number in office.get(url("legalcost_changelist") + "?need=bail")


def test_cost_ends_and_opens_again_by_buttons(office, db):
    r = make_world()

    page = office.post(url("legalcost_end", r.cost.pk), {"ending": "covered"})
    assert "This cost has ended." in page
    assert "covered by somebody else" in page

    page = office.post(url("legalcost_reopen", r.cost.pk))
    assert "This cost is open again" in page
    assert LegalCost.objects.get().ended_on is None


def test_rest_of_a_fund_moves_by_two_people(office, db):
    r = make_world()
    page = office.post(url("fund_surplus", r.fund.pk), {"currency": "EUR", "cause": "paid"})
    assert "Pay or end them first, or give the reason that is true." in page
    assert '<p class="panel panel--warning">Costs that this fund is for still lack money' in page

    page = office.post(
        url("fund_surplus", r.fund.pk), {"currency": "EUR", "cause": "case", "note": ""}
    )
    assert "Asked for: another person moves €1,000.00" in page

    move = SurplusMove.objects.get()
    for address in (url("fund_surplus", r.fund.pk), url("surplusmove_change", move.pk)):
        page = office.get(address)
        assert "this fund is for still lack money" in page
        assert r.cost.number in page
        assert "€1,000.00" in page
    page = office.post(url("surplusmove_approve", move.pk), by=office.approver)
    assert "€1,000.00 moved from" in page
    assert "still lack money" not in page
    assert ledger.balance(AccountKey.fund(r.general, "EUR")) == Decimal(1000)

    page = office.post(url("surplusmove_doubt", move.pk), {"reason": "it goes on"})
    assert "Asked for: another person takes it back, or keeps it." in page
    assert "treasurer asks that it be taken back" in page
    listed = office.get(url("surplusmove_changelist") + "?state=doubted", by=office.approver)
    assert "1 move of a surplus" in listed
    page = office.post(url("surplusmove_take_back", move.pk), by=office.approver)
    assert "Taken back: €1,000.00 is in “" in page
    assert "Taken back by approver" in page
    assert ledger.balance(AccountKey.fund(r.fund, "EUR")) == Decimal(1000)
    assert ". Taken back on" in Client().get("/en/books/").content.decode()
    [told] = Client().get("/en/books.json").json()["surpluses"]
    assert told["taken_back_on"] == f"{SurplusMove.objects.get().undone_at:%Y-%m-%d}"


def test_fund_without_a_fallback_says_so(office, db):
    r = make_world()

    page = office.get(url("fund_surplus", r.general.pk))

    assert "names no fallback fund" in page
