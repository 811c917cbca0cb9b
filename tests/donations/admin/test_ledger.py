"""The office's pages of accounts, entries and payouts: what they show, at a cost that stays."""

from decimal import Decimal

import pytest

from donations import ledger
from donations.models import Account, Entry, Payout
from tests import factories
from tests.donations.reconciliation.files import make_line
from tests.factories import NOW, give, log_in, make_user


@pytest.fixture
def office(client, db):
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return log_in(client, make_user(None, "auditor"))


def make_payout(number):
    return Payout.objects.create(
        stripe_payout_id=f"po_{number}",
        amount=Decimal("12.50"),
        currency="EUR",
        created_at=NOW,
        arrives_on=NOW.date(),
    )


def test_account_shows_its_balance(office):
    fund = factories.make_fund(code="sample")
    give(fund, "12.50")

    account = Account.objects.get(code="fund:sample:EUR")

    assert "€12.50" in office.get("/admin/donations/account/").content.decode()
    page = office.get(f"/admin/donations/account/{account.pk}/change/").content.decode()
    assert "€12.50" in page
    assert f"<h2>{account.title} (EUR)</h2>" in page


def test_entry_is_found_by_its_whole_source(office):
    for source in ("test:one", "test:two"):
        give(factories.make_fund(), "10", source=source)

    page = office.get("/admin/donations/entry/", {"q": "test:one"})

    assert [entry.source for entry in page.context["cl"].result_list] == ["test:one"]
    assert not office.get("/admin/donations/entry/", {"q": "one"}).context["cl"].result_list


def test_entry_and_its_reversal_say_who_and_why(office):
    give(factories.make_fund(), "10", source="test:one")
    entry = Entry.objects.get()
    mirror = ledger.reverse(entry, by=make_user("rosa"), reason="Booked twice.", at=NOW)

    for row, other in ((entry, mirror), (mirror, entry)):
        page = office.get(f"/admin/donations/entry/{row.pk}/change/").content.decode()
        assert "Booked twice. (rosa)" in page
        assert f'<a href="/admin/donations/entry/{other.pk}/change/">{other}</a>' in page
        assert row.source in page


def test_payout_leads_to_the_gifts_it_is_the_sum_of_and_they_to_it(office):
    payout, gift = make_payout(1), factories.make_donation(stripe_payment_intent_id="pi_1")
    given = factories.make_balance_transaction(stripe_payment_intent_id="pi_1", payout=payout)
    fee = factories.make_balance_transaction(type="adjustment", amount=-2, fee=0, payout=payout)

    page = office.get(f"/admin/donations/payout/{payout.pk}/change/")

    assert (page.context["movements"], page.context["more"]) == (
        [(given, "card payment", gift), (fee, "dispute or correction", None)],
        0,
    )
    assert f"/admin/donations/donation/{gift.pk}/change/" in page.content.decode()
    movement = office.get(f"/admin/donations/balancetransaction/{given.pk}/change/")
    assert [each.name for each in movement.context["steps"]] == [str(gift), "po_1"]
    assert f"/admin/donations/payout/{payout.pk}/change/" in movement.content.decode()


def test_payout_says_where_it_is(office):
    make_payout(1)
    Payout.objects.filter(pk=make_payout(2).pk).update(returned_at=NOW)
    make_payout(3).matches.create(
        line=make_line("12.50"), amount=12.50, confirmed_by=make_user(), confirmed_at=NOW
    )

    page = office.get("/admin/donations/payout/")

    states = [page.context["cl"].model_admin.state(row) for row in page.context["cl"].result_list]
    assert states == ["arrived, on a bank line", "came back to Stripe", "on its way"]
