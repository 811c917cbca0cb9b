"""Every invariant of the books holds on honest books, and breaking one behind the verbs' back is found and named."""

import json
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from donations import (
    allocation,
    cash,
    jobs,
    ledger,
    periods,
    receipts,
    reconciliation,
    tracing,
)
from donations.cost_proofs import COST_PROOFS
from donations.ledger import Posting
from donations.models import (
    AccountKey,
    BalanceTransaction,
    CashReceipt,
    Donation,
    Entry,
    FundCover,
    Payout,
    Period,
)
from donations.move_proofs import MOVE_PROOFS
from donations.past_proofs import PAST_PROOFS
from donations.proofs import NAMES, prove
from donations.sandbox import acts
from tests import factories
from tests.donations.card_gifts import catch_up, give_by_card
from tests.donations.conftest import pay
from tests.donations.monthly_gifts import make_subscription
from tests.donations.reconciliation.files import make_account, make_line
from tests.donations.test_proofs import make_charge, wrong
from tests.factories import NOW

pytestmark = pytest.mark.django_db

HONEST = {
    # Each proof looked at something, so that none holds for want of cases.
    "balanced": 2,
    "totals": 29,
    "days": 29,
    "donations": 6,
    "receipts": 2,
    "refunds": 3,
    "refund_approvals": 1,
    "fees": 2,
    "allocations": 2,
    "payments": 1,
    # Nor of these: test_never_left.py.
    "never_left": 0,
    "covers": 1,
    # Of these there are none here: test_move_proofs.py has books with them.
    **dict.fromkeys(MOVE_PROOFS, 0),
    "lots": 4,
    "gifts": 6,
    # Nor of these: test_costs.py and test_uma.py.
    **dict.fromkeys(COST_PROOFS, 0),
    # Nor a past: past/test_past.py.
    **dict.fromkeys(PAST_PROOFS, 0),
    "payouts": 1,
    "deposits": 1,
    "slips": 1,
    "cash": 1,
    "clearing": 1,
    "lines": 3,
    "matches": 3,
    "withheld": 0,
    "came_back": 1,
    "reversals": 1,
    "closed": 1,
    "months": 1,
    "sources": 19,
    "overdrawn": 4,
    "currencies": 20,
    "stripe": 21,
}


@pytest.fixture(scope="module")
def full(rows_of_a_module):
    """Books in which every kind of fact happened once: card, transfer, refund, payout, cost, cover, match taken back."""
    with rows_of_a_module():
        return make_full_books()


def make_full_books():
    fund = factories.make_fund("case", code="case-sample", case=factories.make_case())
    account = make_account()
    by, other = factories.make_user(), factories.make_user()
    session = give_by_card(fund, "100")
    give_by_card(fund, "25")
    give_by_card(fund, "9000", currency="CLP")
    catch_up()
    acts.refund(session["payment_intent"], amount=1000, at=timezone.now())
    failing = acts.refund(session["payment_intent"], amount=500, at=timezone.now())
    acts.fail_refund(failing["id"], at=timezone.now())
    acts.pay_out("eur", at=timezone.now())
    catch_up()
    for gift in Donation.objects.order_by("pk")[:2]:
        receipts.issue(gift, at=NOW)
    general = factories.make_fund(code="general")
    for target, amount, taken_back in (
        (Payout.objects.get(), str(Payout.objects.get().amount), False),
        (general, "500", False),
        (general, "70", True),
    ):
        made = reconciliation.match(line=make_line(amount, account), target=target, by=by, at=NOW)
        if taken_back:
            reconciliation.unmatch(match=made, reason="Not ours.", by=by, at=NOW)
    cost = factories.make_cost(fund.case, owed="300", by=by)
    allocation.allocate(fund=fund, cost=cost, amount=Decimal(80), by=by, at=NOW)
    allocation.release(fund=fund, cost=cost, amount=Decimal(10), by=by, at=NOW)
    pay(cost, "50", by=by, bank=account)
    slip = cash.record(
        key=uuid4(),
        kind=CashReceipt.Kind.CASH,
        fund=general,
        amount=Decimal(30),
        currency="EUR",
        received_on=NOW.date(),
        by=by,
        at=NOW,
    )
    cash.deposit(
        number=slip.key,
        bank_account=account,
        amount=Decimal(20),
        deposited_on=NOW.date(),
        by=by,
        at=NOW,
    )
    # As if it had been below zero.
    cover = FundCover.objects.create(
        source=general,
        target=fund,
        amount=Decimal(20),
        currency="EUR",
        reason="Test.",
        requested_by=by,
        requested_at=NOW,
    )
    FundCover.objects.update(approved_by=other, approved_at=NOW)
    parties = [AccountKey.fund(each, "EUR") for each in (general, fund)]
    ledger.post(
        Posting(Entry.Kind.COVER, *parties, Decimal(20), NOW.date(), f"cover:{cover.number}")
    )
    month = Period.objects.create(month=date(2026, 2, 1))
    for step, person in (
        ("verify", by),
        ("reconcile", by),
        ("request_close", by),
        ("close", other),
    ):
        getattr(periods, step)(month, by=person, at=NOW)
    make_charge(
        make_subscription(next_charge_at=timezone.now() + timedelta(days=10)),
        days=-20,
        donation=Donation.objects.filter(method="card").first(),
    )
    tracing.follow(1000)
    return fund


def tamper(statements):
    with connection.cursor() as cursor:
        # Else the checks put off to the commit hold the tables.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statements)


def test_honest_books_hold_and_every_proof_looked_at_something(full):
    proofs = list(prove())

    assert {p.name: p.examples for p in proofs if not p.holds} == {}
    assert {p.name: p.cases for p in proofs if p.name != "guards"} == HONEST
    assert (*HONEST, "guards") == NAMES


def test_check_books_prints_one_line_a_proof_with_its_figure(full, capsys):
    call_command("check_books")

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[:-1]] == [
        ["ok", name, str(cases)] for name, cases in HONEST.items()
    ]
    assert lines[-1].split()[:2] == ["ok", "guards"]


def test_check_books_as_json_and_its_exit_code(full, capsys):
    call_command("check_books", json=True)
    assert all(proof["holds"] for proof in json.loads(capsys.readouterr().out))
    tamper("UPDATE donations_donation SET fee = fee + 1 WHERE fee > 0 AND currency = 'EUR'")

    with pytest.raises(SystemExit) as exit:
        call_command("check_books", json=True)

    assert exit.value.code == 1
    [proof] = [p for p in json.loads(capsys.readouterr().out) if not p["holds"]]
    assert (proof["name"], proof["contradictions"], proof["examples"]) == (
        "fees",
        1,
        ["case-sample EUR"],
    )


def test_nightly_check_logs_what_does_not_hold_and_nothing_else(full, caplog):
    factories.make_user(None, "treasurer", email="rosa@example.org")
    jobs.check_books(timestamp=0)
    assert caplog.messages == []
    tamper(unguarded("fundcover", "UPDATE donations_fundcover SET amount = amount + 1"))

    jobs.check_books(timestamp=0)

    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert "The books do not hold: covers, 1 of 1, the first ('cover:" in record.getMessage()


ENTRIES_OPEN = "ALTER TABLE donations_entry DISABLE TRIGGER entry_append_only;"
ENTRIES_SHUT = "; ALTER TABLE donations_entry ENABLE ALWAYS TRIGGER entry_append_only"


def entries(statement):
    """A statement on entries past the trigger, which is then on again as if nothing had been."""
    return ENTRIES_OPEN + statement + ENTRIES_SHUT


def past(table, statement):
    """A statement past the table's own triggers, which are then on again."""
    table = f"ALTER TABLE donations_{table}"
    return f"{table} DISABLE TRIGGER USER; {statement}; {table} ENABLE TRIGGER USER"


def unguarded(table, statement):
    """A statement on a table whose triggers step aside for it and are then on again."""
    return (
        f"ALTER TABLE donations_{table} DISABLE TRIGGER USER; {statement};"
        f" ALTER TABLE donations_{table} ENABLE TRIGGER USER"
    )


def receipts_past_their_guards(statement):
    guards = ("receipt_number", "receipt_stands", "receipt_no_truncate")
    return unguarded("receipt", statement) + "".join(
        f"; ALTER TABLE donations_receipt ENABLE ALWAYS TRIGGER {guard}" for guard in guards
    )


def set_entry(change, where):
    return entries(f"UPDATE donations_entry SET {change} WHERE {where}")


# An entry past the trigger that keeps the totals, with the totals put right by hand.
def add_entry(kind, debit, credit, amount, source):
    return f"""
        INSERT INTO donations_entry (kind, debit_id, credit_id, amount, currency, booked_on, source)
        SELECT '{kind}', d.id, c.id, {amount}, d.currency, '2026-03-10', '{source}'
        FROM donations_account d, donations_account c WHERE d.code = '{debit}' AND c.code = '{credit}'"""


FUND, STRIPE = "fund:case-sample:EUR", "stripe:EUR"
# What was done → the statements, and the proofs that must fail: exactly these.
BREAKS = {
    "entry moved to an account of another currency": (
        "ALTER TABLE donations_entry DROP CONSTRAINT entry_currency_of_credit;"
        + set_entry(
            "credit_id = (SELECT id FROM donations_account WHERE code = 'stripe:CLP')",
            "kind = 'fee' AND currency = 'EUR'",
        ),
        {"balanced", "currencies", "days", "guards", "totals"},
    ),
    "total changed": (
        "UPDATE donations_total SET debit = debit + 1 WHERE kind = 'donation' AND account_id ="
        " (SELECT id FROM donations_account WHERE code = 'stripe:EUR')",
        {"totals"},
    ),
    "total deleted": (
        "DELETE FROM donations_total WHERE kind = 'payout_left'",
        {"totals", "clearing"},
    ),
    "total of a day changed": (
        "UPDATE donations_daytotal SET credit = credit + 1 WHERE kind = 'donation' AND account_id ="
        " (SELECT id FROM donations_account WHERE code = 'fund:case-sample:EUR')",
        {"days"},
    ),
    "closed month changed": (
        "ALTER TABLE donations_period DISABLE TRIGGER period_stands; UPDATE donations_period SET sha256 = repeat('0', 64);"
        "ALTER TABLE donations_period ENABLE ALWAYS TRIGGER period_stands",
        {"closed"},
    ),
    "donation's amount changed": (
        "UPDATE donations_donation SET amount = amount + 1 WHERE id ="
        " (SELECT min(id) FROM donations_donation)",
        {"donations"},
    ),
    "donation moved to another fund": (
        "UPDATE donations_donation SET fund_id = (SELECT id FROM donations_fund WHERE code = 'general'), fee = 0"
        " WHERE currency = 'CLP'; UPDATE donations_donation SET fee = 0 WHERE currency = 'CLP'",
        {"donations", "fees", "stripe"},
    ),
    "donation said to be taken back": (
        "UPDATE donations_donation SET reversed_at = now() WHERE method = 'transfer' AND reversed_at IS NULL",
        {"donations"},
    ),
    "donation that never arrived": (
        "INSERT INTO donations_donation (fund_id, method, amount, currency, received_at, source)"
        " SELECT id, 'cash', 5, 'EUR', now(), 'cash:never' FROM donations_fund WHERE code = 'general'",
        {"donations"},
    ),
    "gift booked that nobody gave": (
        add_entry("donation", STRIPE, FUND, 5, "stripe:pi_never"),
        {"donations"},
    ),
    "receipt made away with": (
        receipts_past_their_guards("DELETE FROM donations_receipt WHERE serial = 1"),
        {"receipts"},
    ),
    "receipt numbered out of turn": (
        receipts_past_their_guards("UPDATE donations_receipt SET serial = 9 WHERE serial = 2"),
        {"receipts"},
    ),
    "refund that never was": (
        "INSERT INTO donations_refund (donation_id, amount, refunded_at, stripe_refund_id, source)"
        " SELECT min(id), 1, now(), 're_never', 'stripe:txn_never' FROM donations_donation",
        {"refunds"},
    ),
    "refund's amount changed": (
        past("refund", "UPDATE donations_refund SET amount = amount + 1"),
        {"refunds"},
    ),
    "refund's entry of another amount than Stripe's": (
        set_entry("amount = amount + 1", "kind = 'refund' AND amount = 10")
        + "; "
        + past("refund", "UPDATE donations_refund SET amount = 11 WHERE amount = 10"),
        {"totals", "days", "stripe"},
    ),
    "what Stripe said changed": (
        past(
            "balancetransaction",
            "UPDATE donations_balancetransaction SET fee = 1 WHERE type = 'refund'",
        ),
        {"stripe"},
    ),
    "what Stripe said lost": (
        past(
            "balancetransaction",
            "DELETE FROM donations_balancetransaction WHERE type = 'refund_failure'",
        ),
        {"stripe"},
    ),
    "fee changed": (
        "UPDATE donations_donation SET fee = fee + 1 WHERE currency = 'EUR'",
        {"fees"},
    ),
    "allocation's amount changed": (
        past(
            "allocation", "UPDATE donations_allocation SET amount = amount + 1 WHERE NOT is_release"
        ),
        {"allocations"},
    ),
    "allocation said to be another fund's": (
        past(
            "allocation",
            "UPDATE donations_allocation SET fund_id ="
            " (SELECT id FROM donations_fund WHERE code = 'general')",
        ),
        {"allocations"},
    ),
    "paid cost changed": (
        unguarded("disbursement", "UPDATE donations_disbursement SET amount = amount + 1"),
        {"payments"},
    ),
    "paid what was not approved": (
        "ALTER TABLE donations_disbursement DROP CONSTRAINT disbursement_approval_complete_and_of_this_content;"
        + unguarded(
            "disbursement", "UPDATE donations_disbursement SET content_hash = 'something else'"
        ),
        {"payments"},
    ),
    "paid what one person asked for and approved": (
        "ALTER TABLE donations_disbursement DROP CONSTRAINT disbursement_approved_by_another_person;"
        + unguarded(
            "disbursement", "UPDATE donations_disbursement SET approved_by_id = requested_by_id"
        ),
        {"payments"},
    ),
    "cover changed": (
        past("fundcover", "UPDATE donations_fundcover SET amount = amount + 1"),
        {"covers"},
    ),
    "payout that never left": (
        "INSERT INTO donations_payout (stripe_payout_id, amount, currency, created_at, arrives_on, accepted_reason)"
        " VALUES ('po_never', 1, 'EUR', now(), now(), '')",
        {"payouts", "clearing"},
    ),
    "payout said to be returned": (
        "UPDATE donations_payout SET returned_at = now()",
        {"payouts"},
    ),
    "bank line changed after its match": (
        unguarded(
            "statementline",
            "UPDATE donations_statementline SET amount = 501, explained = 501 WHERE amount = 500",
        ),
        {"lines"},
    ),
    "match changed after it was booked": (
        unguarded(
            "statementmatch", "UPDATE donations_statementmatch SET amount = 499 WHERE amount = 500"
        ),
        {"lines", "matches"},
    ),
    "match undone and the entry left standing": (
        "UPDATE donations_statementmatch SET undone_at = now(), undone_by_id = confirmed_by_id"
        " WHERE donation_id IS NOT NULL AND undone_at IS NULL",
        {"matches"},
    ),
    "match deleted": (
        "DELETE FROM donations_statementmatch WHERE payout_id IS NOT NULL",
        {"matches", "clearing"},
    ),
    "reversal without a reason": ("DELETE FROM donations_reversal", {"reversals"}),
    "source of nothing known": (
        add_entry("bank_fee", FUND, STRIPE, 1, "made up"),
        {"sources", "stripe"},
    ),
    "fund below zero and not frozen": (
        add_entry("dispute_fee", FUND, STRIPE, 1000, "stripe:txn_x:fee")
        + "; UPDATE donations_account SET frozen_at = NULL",
        {"overdrawn", "stripe"},
    ),
    "amount finer than the currency": (
        "ALTER TABLE donations_entry DROP CONSTRAINT entry_amount_exact;"
        + add_entry("dispute_fee", FUND, STRIPE, "0.001", "stripe:txn_x:fee"),
        {"currencies", "guards", "stripe"},
    ),
    "trigger off": (ENTRIES_OPEN, {"guards"}),
    "trigger on for ordinary sessions only": (
        "ALTER TABLE donations_entry ENABLE TRIGGER entry_post",
        {"guards"},
    ),
    "trigger gone": ("DROP TRIGGER entry_no_truncate ON donations_entry", {"guards"}),
    "guard of spending off": (
        "ALTER TABLE donations_allocation DISABLE TRIGGER allocation_fits",
        {"guards"},
    ),
    "function that lets everything pass": (
        "CREATE OR REPLACE FUNCTION donations_entry_append_only() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NEW; END'",
        {"guards"},
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_check_books_finds_exactly_what_was_broken_behind_its_back(full, what):
    statements, expected = BREAKS[what]

    tamper(statements)

    assert set(wrong()) == expected


def test_deleted_entry_is_missed_by_its_donation_and_the_totals(full):
    source = Entry.objects.filter(kind="donation", currency="CLP").get().source
    day = BalanceTransaction.objects.get(currency="CLP").created_at.date()

    tamper(entries(f"DELETE FROM donations_entry WHERE source = '{source}'"))

    assert wrong() == {
        "donations": (source,),
        "totals": ("fund:case-sample:CLP donation", "stripe:CLP donation"),
        "days": (f"fund:case-sample:CLP {day} donation", f"stripe:CLP {day} donation"),
        "stripe": (f"missing {source}: 9000 CLP at Stripe, nothing booked",),
    }


def test_contradictions_are_counted_in_full_and_named_in_part(full):
    for number in range(7):
        tamper(add_entry("donation", STRIPE, FUND, 5, f"stripe:pi_never{number}"))

    [proof] = [proof for proof in prove() if not proof.holds]

    assert (proof.name, proof.contradictions) == ("donations", 7)
    assert proof.examples == tuple(f"stripe:pi_never{number}" for number in range(5))


def test_ledger_hash_command_prints_the_hash(full, capsys):
    call_command("ledger_hash")

    assert capsys.readouterr().out.strip() == ledger.ledger_hash()


def test_frozen_fund_is_no_contradiction(full):
    tamper(add_entry("dispute_fee", FUND, STRIPE, 1000, "stripe:txn_x:fee"))

    assert ledger.balance(AccountKey.fund(full, "EUR")) < 0
    assert "overdrawn" not in wrong()
