"""Fees, payouts, public figures and proofs: one small fund, and what every page and file says of it."""

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from donations import allocation, disbursement, ledger, payouts, webhooks
from donations.models import AccountKey, Checkout, Donation, Payout, StripeEvent
from donations.proofs import PROOFS, prove
from donations.sandbox import acts
from donations.sandbox.models import SandboxDelivery, SandboxObject
from donations.stripe_api import create_session
from donations.transparency import CameIn, Figures, books, came_in_for_appeal, came_in_for_case
from tests import factories
from tests.factories import NOW, TODAY

AN_HOUR = timedelta(hours=1)


def give_by_card(fund, amount, currency="EUR"):
    """A card gift that the sandbox was paid for and whose webhooks never arrived."""
    pledge = factories.make_pledge(factories.make_appeal(), fund, amount=amount, currency=currency)
    visit = factories.make_checkout(pledge)
    session = create_session(
        idempotency_key=visit.idempotency_key,
        amount=pledge.amount,
        currency=currency,
        description="Sample fund",
        pledge_uuid=pledge.uuid,
        locale="en",
        success_url="http://127.0.0.1/",
        cancel_url="http://127.0.0.1/",
        expires_at=timezone.now() + timedelta(minutes=31),
    )
    Checkout.objects.filter(pk=visit.pk).update(stripe_session_id=session.id)
    return acts.pay(session.id, at=timezone.now())


def catch_up():
    now = timezone.now()
    webhooks.catch_up(since=now - AN_HOUR, at=now)
    while webhooks.process_pending(at=now):
        pass
    return payouts.sync(since=now - AN_HOUR)


@pytest.fixture
def fund(db):
    return factories.make_fund("case", code="case-sample", case=factories.make_case())


def test_lost_webhooks_fees_and_payout_are_fetched_and_booked_once(fund):
    give_by_card(fund, "25")
    give_by_card(fund, "100")

    first, second = catch_up(), catch_up()

    assert (first.new_entries, first.unplaced) == (2, [])
    assert (second.new_entries, second.unplaced) == (0, [])
    assert sorted(Donation.objects.values_list("amount", "fee")) == [
        (Decimal(25), Decimal("0.63")),
        (Decimal(100), Decimal("1.75")),
    ]
    payout = acts.pay_out("eur", at=timezone.now())
    assert catch_up().new_entries == 1
    assert Payout.objects.get().stripe_payout_id == payout["id"]
    assert [
        ledger.balance(key)
        for key in (
            AccountKey.stripe("EUR"),
            AccountKey.transit("EUR"),
            AccountKey.fund(fund, "EUR"),
        )
    ] == [0, Decimal("122.62"), Decimal("122.62")]
    assert all(proof.holds for proof in prove())


def test_books_end_the_same_whether_webhooks_arrive_or_not(fund, deliver):
    for amount in ("10", "20", "30"):
        give_by_card(fund, amount)
    catch_up()
    without = ledger.ledger_hash()
    for event in SandboxObject.objects.filter(kind="event"):
        deliver(event.data)
    catch_up()

    assert ledger.ledger_hash() == without
    assert Donation.objects.count() == 3


def test_failed_payout_comes_back(fund):
    give_by_card(fund, "100")
    payout = acts.pay_out("eur", at=timezone.now())
    catch_up()
    SandboxObject.objects.filter(id=payout["id"]).update(data=payout | {"status": "failed"})

    assert catch_up().new_entries == 1

    assert ledger.balance(AccountKey.transit("EUR")) == 0
    assert Payout.objects.get().returned_at is not None
    assert not Payout.objects.in_transit().exists()


def test_movement_nobody_knows_is_reported_and_not_booked(fund):
    give_by_card(fund, "100")
    catch_up()
    row = SandboxObject.objects.get(kind="balance_transaction")
    strange = row.data | {"id": "txn_strange", "type": "climate_order_purchase", "source": None}
    SandboxObject.objects.create(
        id="txn_strange", kind=row.kind, data=strange, created_at=timezone.now()
    )

    synced = catch_up()

    assert (synced.new_entries, synced.unplaced) == (0, ["txn_strange: climate_order_purchase"])


@pytest.fixture
def busy(fund):
    """100 + 25 EUR by card, fees 2.38; 80 set aside, 50 of it paid; 40 EUR promised; 9,000 CLP by card."""
    give_by_card(fund, "100")
    give_by_card(fund, "25")
    give_by_card(fund, "9000", currency="CLP")
    factories.make_pledge(factories.make_appeal(), fund, amount="40", method="transfer")
    catch_up()
    treasurer, approver = factories.make_user(), factories.make_user()
    cost = factories.make_cost(fund.case, owed="300", by=treasurer)
    bank = factories.make_bank_account("EUR")
    allocation.allocate(fund=fund, cost=cost, amount=Decimal(80), by=treasurer, at=NOW)
    row = disbursement.request(
        cost=cost,
        document=factories.make_document(cost),
        bank_account=bank,
        amount=Decimal(50),
        by=treasurer,
        at=NOW,
    )
    row.refresh_from_db()
    disbursement.approve(row, content_hash=row.content_hash, by=approver, at=NOW)
    disbursement.pay(row, paid_on=TODAY, by=treasurer, at=NOW)
    return fund


EUR = Figures(
    received=Decimal(125),
    processing_fees=Decimal("2.38"),
    paid=Decimal(50),
    held=Decimal("72.62"),
    allocated=Decimal(30),
    promised=Decimal(40),
)
CLP = Figures(received=Decimal(9000), processing_fees=Decimal(135), held=Decimal(8865))


def test_books_tell_what_came_in_went_out_and_is_held(busy, django_assert_num_queries):
    with django_assert_num_queries(2):
        shown = books(language="en", at=NOW)

    assert [(t.currency, t.figures) for t in shown.totals] == [("CLP", CLP), ("EUR", EUR)]
    assert [(f.code, f.title, f.currency, f.figures) for f in shown.funds] == [
        ("case-sample", "Sample case (en)", "CLP", CLP),
        ("case-sample", "Sample case (en)", "EUR", EUR),
    ]
    for total in shown.totals:
        figures = total.figures
        assert figures.net - figures.paid + figures.moved == figures.held
        assert sum(place.balance for place in total.places) == figures.held


def test_cost_of_two_funds_is_paid_from_the_one_that_gave_first(db):
    case = factories.make_case()
    first = factories.make_fund("case", code="first", case=case)
    second = factories.make_fund(code="second")
    bank = factories.make_bank_account("EUR")
    by, other = factories.make_user(), factories.make_user()
    cost = factories.make_cost(case, owed="1000", by=by)
    for fund, amount in ((first, 60), (second, 40)):
        factories.give(fund, "100", into=AccountKey.bank(bank))
        allocation.allocate(fund=fund, cost=cost, amount=Decimal(amount), by=by, at=NOW)
    row = disbursement.request(
        cost=cost,
        document=factories.make_document(cost),
        bank_account=bank,
        amount=Decimal(70),
        by=by,
        at=NOW,
    )
    row.refresh_from_db()
    disbursement.approve(row, content_hash=row.content_hash, by=other, at=NOW)
    disbursement.pay(row, paid_on=TODAY, by=by, at=NOW)

    figures = {
        f.code: (f.figures.paid, f.figures.allocated) for f in books(language="en", at=NOW).funds
    }

    assert figures == {"first": (60, 0), "second": (10, 30)}


@pytest.mark.parametrize("language", ["es", "en"])
def test_books_page_says_the_same_as_the_ledger(client, busy, language):
    response = client.get(f"/{language}/books/")

    page = response.content.decode()
    written = {"es": ("125,00\u00a0€", "72,62\u00a0€"), "en": ("€125.00", "€72.62")}[language]
    for amount in written:
        assert amount in page
    assert response.cookies == {}
    assert "max-age=60" in response["Cache-Control"]


def test_books_json_and_csv_hold_the_same_exact_figures(client, busy):
    data = json.loads(client.get("/en/books.json").content)
    rows = list(csv.DictReader(io.StringIO(client.get("/en/books.csv").content.decode())))

    expected = {
        "received": "125",
        "refunded": "0",
        "fees": "2.38",
        "net": "122.62",
        "paid": "50",
        "moved": "0",
        "held": "72.62",
        "allocated": "30",
        "promised": "40",
    }
    as_numbers = {name: Decimal(text) for name, text in expected.items()}
    assert {n: Decimal(data["totals"]["EUR"][n]) for n in expected} == as_numbers
    assert data["totals"]["EUR"]["held"] == "72.62"
    [eur] = [row for row in rows if row["currency"] == "EUR"]
    assert {name: Decimal(eur[name]) for name in expected} == as_numbers
    assert (eur["fund"], eur["title"]) == ("case-sample", "Sample case (en)")


def test_empty_books_say_so(client, db):
    assert "Nothing is booked yet" in client.get("/en/books/").content.decode()
    assert json.loads(client.get("/en/books.json").content)["totals"] == {}


def test_books_page_costs_the_same_with_many_gifts(client, busy, django_assert_num_queries):
    for _i in range(30):
        factories.give(busy, "1")

    with django_assert_num_queries(2):
        client.get("/en/books/")


def test_check_books_prints_every_proof_and_exits_0(busy, capsys):
    call_command("check_books")

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", name] for name in PROOFS]
    call_command("check_books", json=True)
    assert all(proof["holds"] for proof in json.loads(capsys.readouterr().out))


BREAKS = {
    "balanced": "ALTER TABLE donations_entry DROP CONSTRAINT entry_currency_of_credit;"
    " ALTER TABLE donations_entry DISABLE TRIGGER entry_append_only;"
    " UPDATE donations_entry SET credit_id = (SELECT id FROM donations_account WHERE code = 'stripe:CLP')"
    " WHERE kind = 'fee' AND currency = 'EUR'",
    "totals": "UPDATE donations_total SET debit = debit + 1 WHERE (account_id, kind, slot) IN"
    " (SELECT account_id, kind, slot FROM donations_total LIMIT 1)",
    "donations": "UPDATE donations_donation SET amount = amount + 1 WHERE id IN"
    " (SELECT min(id) FROM donations_donation)",
    "refunds": "INSERT INTO donations_refund (donation_id, amount, refunded_at, stripe_refund_id)"
    " SELECT min(id), 1, now(), 're_never' FROM donations_donation",
    "fees": "UPDATE donations_donation SET fee = fee + 1 WHERE currency = 'EUR'",
    "allocations": "UPDATE donations_allocation SET amount = amount + 1",
    "payouts": "INSERT INTO donations_payout (stripe_payout_id, amount, currency, created_at, arrives_on)"
    " VALUES ('po_never', 1, 'EUR', now(), now())",
    "payments": "ALTER TABLE donations_disbursement DISABLE TRIGGER USER;"
    " UPDATE donations_disbursement SET amount = amount + 1",
    "guards": "ALTER TABLE donations_entry DISABLE TRIGGER entry_append_only",
    "currencies": "ALTER TABLE donations_entry DROP CONSTRAINT entry_amount_exact;"
    " ALTER TABLE donations_entry DISABLE TRIGGER entry_append_only;"
    " UPDATE donations_entry SET amount = amount + 0.001 WHERE kind = 'fee' AND currency = 'EUR'",
    "overdrawn": "UPDATE donations_total SET credit = credit - 1000 WHERE kind = 'donation' AND account_id IN"
    " (SELECT id FROM donations_account WHERE kind = 'fund')",
}


@pytest.mark.parametrize("name", BREAKS)
def test_check_books_finds_what_was_broken_behind_its_back(busy, name, capsys):
    with connection.cursor() as cursor:
        # Else the checks put off to the commit hold the tables.
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; {BREAKS[name]}")

    with pytest.raises(SystemExit) as exit:
        call_command("check_books")

    assert exit.value.code == 1
    broken = {line.split()[1] for line in capsys.readouterr().out.splitlines() if line[:2] == "NO"}
    assert name in broken


def test_ledger_hash_command_prints_the_hash(busy, capsys):
    call_command("ledger_hash")

    assert capsys.readouterr().out.strip() == ledger.ledger_hash()


def test_sync_stripe_command_reports_and_refuses_a_bad_day(fund, capsys):
    give_by_card(fund, "100")
    SandboxDelivery.objects.all().delete()

    call_command("sync_stripe")

    assert capsys.readouterr().out == "new events 1, new entries 1\n"
    assert StripeEvent.objects.count() == 1
    with pytest.raises(CommandError, match="write a day like"):
        call_command("sync_stripe", since="yesterday")


def test_appeal_totals_are_shown_per_currency(busy, django_assert_num_queries):
    with django_assert_num_queries(1):
        totals = came_in_for_appeal(busy.case.appeal)

    assert totals == [
        CameIn("CLP", Decimal(9000), Decimal(0)),
        CameIn("EUR", Decimal(125), Decimal(40)),
    ]
    assert came_in_for_case(busy.case) == totals
