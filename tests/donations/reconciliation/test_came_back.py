"""Money that comes back, or comes less: payments sent back by the payee's bank, bail, payouts less a bank's fee."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from donations import allocation, assertions, differences, disbursement, ledger, tracing
from donations.models import (
    Account,
    AccountKey,
    BailOutcome,
    Disbursement,
    Entry,
    LegalCost,
    StatementMatch,
)
from donations.proofs import prove
from donations.reconciliation import (
    AlreadyMatched,
    CameBack,
    Certainty,
    DoesNotFit,
    GivenBack,
    Less,
    ReconciliationError,
    match,
    suggest,
    unmatch,
)
from donations.transparency import books
from tests import factories
from tests.donations.spending import allocate, approve, make_ready, request, requested
from tests.donations.test_bail import deposited, give_back, keep
from tests.factories import NOW, TODAY, make_fund, make_user

from .files import make_account, make_line, on_its_way

LATER = TODAY + timedelta(days=3)


def said(line, target, **fields):
    return match(line=line, target=target, by=make_user(), at=NOW, **fields)


def broken():
    """Of the proofs; gifts that tests put into a fund are none that somebody gave."""
    tracing.follow(1000)
    return [p.name for p in prove() if not p.holds and p.name not in {"donations", "sources"}]


def paid(r, amount="400"):
    """Asked for, approved, paid, and seen to leave."""
    row = disbursement.pay(approve(r, requested(r, amount)), paid_on=TODAY, by=r.treasurer, at=NOW)
    said(make_line(f"-{amount}", r.bank, text=row.payment_reference), row)
    return row


@pytest.fixture
def ready(db):
    r = make_ready()
    allocate(r, "1000")
    return r


def back_line(r, amount="400", **fields):
    return make_line(amount, r.bank, **{"booked_on": LATER} | fields)


def figures(r):
    cost = LegalCost.objects.with_figures().get(pk=r.cost.pk)
    [fund] = [
        each.figures for each in books(language="en", at=NOW).funds if each.code == r.fund.code
    ]
    return (cost.paid, cost.requested, ledger.balance(AccountKey.cost(r.cost)), fund.paid)


def test_payment_of_a_cost_that_has_ended_comes_back_when_it_is_open_again(ready):
    row, line = paid(ready), back_line(ready)
    allocation.end_cost(ready.cost, ending=LegalCost.Ending.WITHDRAWN, by=ready.treasurer, at=NOW)

    with pytest.raises(DoesNotFit, match=r"^This cost has ended: open it again first\.$"):
        said(line, CameBack(row))
    assert broken() == []

    allocation.reopen_cost(ready.cost, by=ready.treasurer, at=NOW)
    said(line, CameBack(row))
    assert figures(ready) == (0, 0, 400, 0)
    allocation.end_cost(ready.cost, ending=LegalCost.Ending.WITHDRAWN, by=ready.treasurer, at=NOW)
    assert ledger.balance(AccountKey.cost(ready.cost)) == 0
    assert broken() == []


def test_payment_that_came_back_is_the_costs_again_and_can_be_asked_for_anew(ready):
    row = paid(ready)
    assert figures(ready) == (400, 0, 600, 400)

    standing = said(back_line(ready), CameBack(row))

    row.refresh_from_db()
    assert (row.came_back_on, row.state(is_proved=True)) == (LATER, Disbursement.State.CAME_BACK)
    assert figures(ready) == (0, 0, 1000, 0)
    assert ledger.balance(AccountKey.bank(ready.bank)) == 1000
    entry = Entry.objects.get(source=standing.source)
    assert (entry.kind, entry.booked_on, entry.reverses.source) == (
        "disbursement", LATER, f"disbursement:{row.number}",
    )  # fmt: skip
    assert entry.reversal.reason.startswith("Came back from the payee's bank on")
    assert broken() == []

    again = paid(ready, "1000")
    assert figures(ready) == (1000, 0, 0, 1000)
    assert [
        list(Disbursement.objects.in_state(state))
        for state in (Disbursement.State.CAME_BACK, Disbursement.State.DONE)
    ] == [[row], [again]]
    assert broken() == []


@pytest.mark.parametrize(
    ("text", "certainty"), [("{reference}", Certainty.SURE), ("", Certainty.POSSIBLE)]
)
def test_line_is_proposed_as_the_payment_that_came_back(ready, text, certainty):
    row = paid(ready)
    line = back_line(ready, text=text.format(reference=row.payment_reference))

    [best] = suggest(line)

    assert (best.target, best.certainty) == (CameBack(row), certainty)
    assert suggest(back_line(ready, "399")) == []
    assert suggest(back_line(ready, booked_on=TODAY + timedelta(days=61))) == []


def test_payment_comes_back_once_whole_and_after_it_left(ready):
    row = disbursement.pay(approve(ready, requested(ready)), paid_on=TODAY, by=ready.treasurer, at=NOW)  # fmt: skip
    with pytest.raises(DoesNotFit, match="No line shows yet that this payment left"):
        said(back_line(ready), CameBack(row))
    said(make_line("-400", ready.bank), row)
    with pytest.raises(DoesNotFit, match="this would be"):
        said(back_line(ready, "399"), CameBack(row))
    other = make_account(code="other")
    with pytest.raises(DoesNotFit, match="from another bank account"):
        said(make_line("400", other), CameBack(row))
    said(back_line(ready), CameBack(row))

    with pytest.raises(AlreadyMatched, match="says already that this payment came back"):
        said(back_line(ready), CameBack(row))

    assert figures(ready) == (0, 0, 1000, 0)


def test_match_of_what_came_back_is_taken_back_and_said_again(ready):
    row = paid(ready)
    line = back_line(ready)
    left = row.matches.get()

    for _n in range(2):
        standing = said(line, CameBack(row))
        with pytest.raises(ReconciliationError, match="take that match back first"):
            unmatch(match=left, reason="x", by=make_user(), at=NOW)
        unmatch(match=standing, reason="It was a gift.", by=make_user(), at=NOW)
        row.refresh_from_db()
        assert (row.came_back_on, figures(ready)) == (None, (400, 0, 600, 400))
        assert broken() == []
    said(line, CameBack(row))

    assert figures(ready) == (0, 0, 1000, 0)
    assert broken() == []


def test_what_came_back_and_was_spent_again_cannot_be_taken_back(ready):
    row = paid(ready)
    standing = said(back_line(ready), CameBack(row))
    paid(ready, "1000")

    with pytest.raises(ReconciliationError, match="spoken for by now"):
        unmatch(match=standing, reason="It was a gift.", by=make_user(), at=NOW)

    assert figures(ready) == (1000, 0, 0, 1000)


def test_bank_and_books_agree_on_each_day_though_the_match_is_late(ready):
    row = paid(ready)
    row_of_bank = Account.objects.get(code=f"bank:{ready.bank.code}:EUR")
    match(
        line=back_line(ready),
        target=CameBack(row),
        by=make_user(),
        at=datetime(2026, 5, 1, tzinfo=UTC),
    )

    for day in (TODAY, LATER, LATER + timedelta(days=30)):
        assert assertions.items(row_of_bank, day) == []


def test_payment_in_uma_that_came_back_settled_nothing(db):
    factories.make_uma("1000", "2026-01-20", "2026-01-20")
    r = make_ready()
    ars = factories.make_bank_account("ARS", number="")
    factories.give(r.fund, "9000", currency="ARS", into=AccountKey.bank(ars))
    r.cost = factories.make_cost(r.case, uma="5", owed="5000", currency="ARS", by=r.treasurer)
    r.document, r.bank = factories.make_document(r.cost), ars
    allocate(r, "5000")
    row = disbursement.pay(approve(r, request(r, "2000")), paid_on=TODAY, by=r.treasurer, at=NOW)
    said(make_line("-2000", ars), row)
    factories.make_uma("1100", "2026-03-09", "2026-03-10")
    r.cost.refresh_from_db()
    assert (r.cost.owed, r.cost.uma_open()) == (5300, 3)

    standing = said(make_line("2000", ars, booked_on=LATER), CameBack(row))
    r.cost.refresh_from_db()
    assert (r.cost.owed, r.cost.uma_open()) == (5500, 5)
    assert broken() == []

    unmatch(match=standing, reason="x", by=make_user(), at=NOW)
    r.cost.refresh_from_db()
    assert (r.cost.owed, r.cost.uma_open()) == (5300, 3)


def test_database_holds_what_came_back_to_what_left(ready):
    row = paid(ready)
    facts = {"disbursement": row, "confirmed_by": make_user(), "confirmed_at": NOW}

    def refused(constraint, work):
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            work()
        assert refusal.value.__cause__.diag.constraint_name == constraint

    def matched(line, amount):
        return lambda: StatementMatch.objects.create(line=line, amount=amount, **facts)

    refused("match_comes_back_as_it_left", matched(back_line(ready, "399"), 399))
    refused("match_comes_back_as_it_left", matched(make_line("400", make_account(code="o")), 400))
    said(back_line(ready), CameBack(row))
    refused("match_disbursement_once_in", matched(back_line(ready), 400))
    refused(
        "match_of_payment_that_came_back",
        lambda: row.matches.filter(amount__lt=0).update(undone_by=make_user(), undone_at=NOW),
    )


def test_bail_that_was_recorded_as_back_is_proved_by_its_line(db):
    r = deposited()
    outcome = give_back(r, "600")
    assert ("unproved", f"bail:{outcome.number}") in [
        (d.kind, d.name) for d in differences.listed(at=NOW)
    ]
    line = make_line("600", r.bank, booked_on=LATER)

    [best] = suggest(line)
    assert (best.target, best.certainty) == (outcome, Certainty.POSSIBLE)
    said(line, outcome)

    assert (suggest(make_line("600", r.bank)), list(BailOutcome.objects.unproved())) == ([], [])
    assert f"bail:{outcome.number}" not in [d.name for d in differences.listed(at=NOW)]
    with pytest.raises(AlreadyMatched, match="on another line already"):
        said(make_line("600", r.bank), outcome)
    bank = Account.objects.get(code=f"bank:{r.bank.code}:EUR")
    assert [(i.what, i.amount) for i in assertions.items(bank, TODAY) if "bail:" in i.name] == [
        ("paid", -600)
    ]
    assert [i for i in assertions.items(bank, LATER) if "bail:" in i.name] == []
    assert broken() == []


def test_bail_that_nobody_recorded_as_back_is_proposed_by_its_amount_or_by_who_sent_it(db):
    r = deposited()
    court = {"counterparty": Disbursement.objects.get().payee_account.name}

    def proposed(amount, **fields):
        found = suggest(make_line(amount, r.bank, booked_on=LATER, **fields))
        return [(each.target, each.certainty) for each in found]

    assert proposed("1000") == [(GivenBack(r.cost), Certainty.POSSIBLE)]
    assert proposed("1000", **court) == [(GivenBack(r.cost), Certainty.LIKELY)]
    assert proposed("600", **court) == [(GivenBack(r.cost), Certainty.POSSIBLE)]
    assert proposed("600") == proposed("1000.01", **court) == []
    keep(r, "400")
    assert proposed("600") == [(GivenBack(r.cost), Certainty.POSSIBLE)]
    assert proposed("1000", **court) == []


def test_deposit_of_bail_is_not_sent_back_like_a_bill(db):
    r = deposited()
    row = Disbursement.objects.get()
    said(make_line("-1000", r.bank), row)

    with pytest.raises(DoesNotFit, match="say that bail came back"):
        said(make_line("1000", r.bank, booked_on=LATER), CameBack(row))


@pytest.mark.usefixtures("fees_by_one_person")
def test_payout_that_came_less_a_fee_is_booked_with_the_fee(db):
    fund = make_fund()
    payout = on_its_way(fund)
    line = make_line("95.25", text="STRIPE po_sample00001 less charges")

    best = next(s for s in suggest(line) if isinstance(s.target, Less))
    assert (best.target, best.certainty) == (Less(payout, fund), Certainty.LIKELY)
    standing = said(line, best.target)

    assert (standing.amount, standing.withheld) == (Decimal("95.25"), 3)
    assert ledger.balance(AccountKey.transit("EUR")) == 0
    assert ledger.balance(AccountKey.bank(line.account)) == Decimal("95.25")
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == Decimal("95.25")
    fee = Entry.objects.get(kind="bank_fee")
    assert (fee.source, fee.debit.fund, fee.credit.code) == (
        f"{standing.source}:fee", fund, "transit:EUR",
    )  # fmt: skip
    assert {"withheld", "matches", "clearing", "lots"} & set(broken()) == set()

    unmatch(match=standing, reason="Another payout.", by=make_user(), at=NOW)
    assert ledger.balance(AccountKey.transit("EUR")) == Decimal("98.25")
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == Decimal("98.25")
    assert {"withheld", "matches", "clearing"} & set(broken()) == set()


@pytest.mark.parametrize(
    ("amount", "text", "proposed"),
    [
        ("95.25", "transfer STRIPE", True),
        ("95.25", "somebody else", False),
        ("80", "transfer STRIPE", False),
        ("99", "STRIPE po_sample00001", False),
    ],
)
def test_payout_less_a_fee_is_proposed_when_the_line_speaks_for_it(db, amount, text, proposed):
    on_its_way(make_fund())

    found = [s for s in suggest(make_line(amount, text=text)) if isinstance(s.target, Less)]

    assert bool(found) is proposed


@pytest.mark.usefixtures("fees_by_one_person")
def test_payout_that_came_whole_or_twice_is_not_less(db):
    fund = make_fund()
    payout = on_its_way(fund)
    with pytest.raises(DoesNotFit, match="no bank kept anything of it"):
        said(make_line("98.25"), Less(payout, fund))
    said(make_line("95.25"), Less(payout, fund))
    with pytest.raises(AlreadyMatched, match="on another line already"):
        said(make_line("95.25"), Less(payout, fund))

    with pytest.raises(IntegrityError, match="match_withheld_on_its_way"), transaction.atomic():
        StatementMatch.objects.create(
            line=make_line("5"), amount=5, withheld=1, explanation="x",
            confirmed_by=make_user(), confirmed_at=NOW,
        )  # fmt: skip
