"""Payments to the partner at the bank: found and proved by a line, given back by another, and what the database holds of it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from donations import allocation, assertions, differences, erasure, ledger, tracing
from donations.models import Account, AccountKey, PartnerPayment, StatementMatch
from donations.proofs import prove
from donations.reconciliation import (
    AlreadyMatched,
    CameBack,
    Certainty,
    DoesNotFit,
    ReconciliationError,
    import_statement,
    match,
    suggest,
    unmatch,
)
from tests.donations.partner import approve, ask, make_over, make_paid, pay
from tests.factories import NOW, TODAY, make_user

from .files import BARE, bank_csv, make_account, make_line

LATER = TODAY + timedelta(days=3)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
State = PartnerPayment.State


@pytest.fixture
def paid(db):
    return make_paid()


def said(line, target):
    return match(line=line, target=target, by=make_user(), at=NOW)


def out(r, amount="-1000", **fields):
    return make_line(amount, r.bank, **{"text": r.row.payment_reference} | fields)


def back(r, amount="1000", **fields):
    return make_line(amount, r.bank, **{"booked_on": LATER} | fields)


def free(r):
    return ledger.balance(AccountKey.fund(r.fund, "EUR"))


def broken():
    """Of the proofs; gifts that tests put into a fund are none that somebody gave."""
    tracing.follow(1000)
    return [p.name for p in prove() if not p.holds and p.name not in {"donations", "sources"}]


def refused(constraint, work):
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        work()
    assert refusal.value.__cause__.diag.constraint_name == constraint


def test_line_that_names_it_with_its_amount_proves_it_by_itself(db):
    r = make_over()
    r.bank = make_account(BARE, code="bare")
    r.row = pay(r, approve(r, ask(r)))

    result = import_statement(
        account=r.bank,
        name="march.csv",
        content=bank_csv(
            f"2026-03-10;-999.00;EUR;Casa;{r.row.payment_reference}",
            f"2026-03-11;-1000.00;EUR;Casa;Transfer {r.row.payment_reference}",
        ),
        by=None,
        at=NOW,
    )

    # Of two lines that name it the first is looked at by a person, and so is the second.
    assert (result.new, result.booked) == (2, 0)
    result = import_statement(
        account=r.bank,
        name="april.csv",
        content=bank_csv(f"2026-03-12;-1000.00;EUR;Casa;{r.row.payment_reference}"),
        by=None,
        at=NOW,
    )
    assert (result.new, result.booked) == (1, 1)
    assert list(PartnerPayment.objects.in_state(State.DONE)) == [r.row]
    assert StatementMatch.objects.get().partner_payment == r.row
    assert free(r) == 0
    assert broken() == []


def test_it_is_among_what_waits_for_the_bank_until_a_line_shows_it(paid):
    name = f"partner_payment:{paid.row.number}"
    assert ("unproved", name) in [(d.kind, d.name) for d in differences.listed(at=NOW)]
    bank = Account.objects.get(code=f"bank:{paid.bank.code}:EUR")
    assert [(i.what, i.name, i.amount) for i in assertions.items(bank, TODAY)] == [
        ("paid", name, 1000)
    ]

    [best] = suggest(out(paid))
    assert (best.target, best.certainty) == (paid.row, Certainty.SURE)
    assert suggest(out(paid, "-999")) == []
    said(out(paid, booked_on=LATER), paid.row)

    assert list(PartnerPayment.objects.unproved()) == []
    assert name not in [d.name for d in differences.listed(at=NOW)]
    assert [i.what for i in assertions.items(bank, TODAY)] == ["paid"]
    assert assertions.items(bank, LATER) == []
    with pytest.raises(AlreadyMatched, match="on another line already"):
        said(out(paid), paid.row)
    assert broken() == []


def test_line_fits_only_a_payment_made_from_its_account(db):
    r = make_over()
    r.row = approve(r, ask(r))
    line = out(r)
    [best] = suggest(line)
    assert best.obstacle.startswith("This payment is not recorded as paid.")
    with pytest.raises(DoesNotFit, match="not recorded as paid"):
        said(line, r.row)
    facts = {"confirmed_by": make_user(), "confirmed_at": NOW, "partner_payment": r.row}

    def matched(line, amount):
        return lambda: StatementMatch.objects.create(line=line, amount=amount, **facts)

    refused("match_of_a_partner_payment_made", matched(line, -1000))
    pay(r, r.row)
    other = make_account(code="other")
    with pytest.raises(DoesNotFit, match="from another bank account"):
        said(make_line("-1000", other), r.row)
    refused("match_of_a_partner_payment_made", matched(make_line("-1000", other), -1000))
    refused("match_of_a_partner_payment_made", matched(out(r, "-999"), -999))
    refused("match_of_a_partner_payment_made", matched(back(r), 1000))
    said(line, r.row)
    refused("match_partner_payment_once_out", matched(out(r), -1000))


def test_what_came_back_is_the_funds_again_and_can_be_asked_for_anew(paid):
    with pytest.raises(DoesNotFit, match="No line shows yet that this payment left"):
        said(back(paid), CameBack(paid.row))
    left = said(out(paid), paid.row)
    line = back(paid, text=paid.row.payment_reference)
    [best] = suggest(line)
    assert (best.target, best.certainty) == (CameBack(paid.row), Certainty.SURE)

    for _n in range(2):
        standing = match(
            line=line,
            target=CameBack(paid.row),
            by=make_user(),
            at=MAY,
        )
        paid.row.refresh_from_db()
        assert (paid.row.came_back_on, paid.row.state(is_proved=True)) == (LATER, State.CAME_BACK)
        assert free(paid) == 1000
        with pytest.raises(AlreadyMatched, match="already"):
            said(back(paid), CameBack(paid.row))
        with pytest.raises(ReconciliationError, match="take that match back first"):
            unmatch(match=left, reason="x", by=make_user(), at=NOW)
        refused(
            "match_of_payment_that_came_back",
            lambda: StatementMatch.objects.filter(pk=left.pk).update(
                undone_by=make_user(), undone_at=NOW
            ),
        )
        assert broken() == []
        unmatch(match=standing, reason="It was a gift.", by=make_user(), at=MAY)
        paid.row.refresh_from_db()
        assert (paid.row.came_back_on, free(paid)) == (None, 0)
        assert broken() == []
    said(line, CameBack(paid.row))
    again = pay(paid, approve(paid, ask(paid, at=MAY), at=MAY), at=MAY, paid_on=MAY.date())

    assert (again.amount, free(paid)) == (1000, 0)
    assert broken() == []


def test_what_came_back_waits_until_its_closed_fund_is_open_again(paid):
    said(out(paid), paid.row)
    paid.fund.closed_on = TODAY
    paid.fund.save()
    line = back(paid)
    facts = {"confirmed_by": make_user(), "confirmed_at": NOW, "partner_payment": paid.row}

    with pytest.raises(DoesNotFit, match="is closed: open it again first"):
        said(line, CameBack(paid.row))
    refused(
        "match_gives_back_to_open_fund",
        lambda: StatementMatch.objects.create(line=line, amount=1000, **facts),
    )
    paid.fund.closed_on = None
    paid.fund.save()
    said(line, CameBack(paid.row))

    assert free(paid) == 1000


def test_what_a_line_shows_did_leave(paid):
    match_ = said(out(paid), paid.row)
    with pytest.raises(allocation.AtTheBank, match="it left"):
        allocation.request_partner_undo(paid.row, reason="x", by=paid.treasurer, at=NOW)
    unmatch(match=match_, reason="Another's.", by=make_user(), at=NOW)
    allocation.request_partner_undo(paid.row, reason="x", by=paid.treasurer, at=NOW)
    again = said(out(paid), paid.row)
    with pytest.raises(allocation.AtTheBank):
        allocation.undo_partner_payment(paid.row, by=paid.approver, at=NOW)
    refused(
        "partner_proved_is_not_undone",
        lambda: PartnerPayment.objects.update(
            undone_by=paid.approver, undone_at=NOW, came_back_on=TODAY
        ),
    )
    unmatch(match=again, reason="Another's.", by=make_user(), at=NOW)
    allocation.undo_partner_payment(paid.row, by=paid.approver, at=NOW)

    [best] = suggest(line := out(paid))
    assert best.obstacle.startswith("Two people said that this payment never left.")
    with pytest.raises(DoesNotFit, match="never left"):
        said(line, paid.row)
    assert broken() == []
    assert StatementMatch.objects.filter(undone_at=None).count() == 0


def test_line_of_a_payment_keeps_who_was_paid_also_when_they_gave_and_are_forgotten(paid):
    account = {"payer_hash": "a" * 64, "counterparty": "Casa"}
    line, gave = out(paid, **account), back(paid, "5", **account)
    said(line, paid.row)

    with pytest.raises(erasure.NotAPayer):
        erasure.forget_payer(line, at=NOW)
    assert erasure.forget_payer(gave, with_others=True, at=NOW) == 1

    line.refresh_from_db()
    assert line.counterparty == "Casa"


def test_bank_and_books_agree_on_each_day_though_the_match_is_late(paid):
    said(out(paid), paid.row)
    match(line=back(paid), target=CameBack(paid.row), by=make_user(), at=MAY)

    bank = Account.objects.get(code=f"bank:{paid.bank.code}:EUR")
    assert [assertions.items(bank, day) for day in (TODAY, LATER)] == [[], []]
