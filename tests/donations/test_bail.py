"""Bail as a deposit: paid, held, given back in part or whole, kept; back to the same restriction. Each rule tried to break."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from donations import allocation, disbursement, ledger
from donations.ledger import Posting
from donations.models import AccountKey, Allocation, BailOutcome, Entry, LegalCost
from donations.proofs import PROOFS, _look
from donations.transparency import books
from tests import factories
from tests.donations.spending import allocate, approve, make_ready, requested
from tests.factories import NOW, TODAY
from tests.threads import in_parallel


def held(r):
    return ledger.balance(AccountKey.bail(r.cost))


def free(fund):
    return ledger.balance(AccountKey.fund(fund, "EUR"))


def deposited(own="1000", general="0"):
    """Bail of what both give, the case's fund first, paid to the court."""
    r = make_ready(owed=str(Decimal(own) + Decimal(general)), kind="bail")
    allocate(r, own)
    if Decimal(general):
        factories.give(r.general, general, into=AccountKey.bank(r.bank))
        allocate(r, general, fund=r.general)
    row = approve(r, requested(r, r.cost.owed))
    disbursement.pay(row, paid_on=TODAY, by=r.treasurer, at=NOW)
    return r


def give_back(r, amount, **fields):
    return allocation.bail_returned(
        **{
            "cost": r.cost,
            "amount": Decimal(amount),
            "into": r.bank,
            "happened_on": TODAY,
            "by": r.treasurer,
            "at": NOW,
        }
        | fields
    )


def keep(r, amount, **fields):
    return allocation.bail_forfeited(
        **{
            "cost": r.cost,
            "amount": Decimal(amount),
            "document": r.document,
            "happened_on": TODAY,
            "by": r.treasurer,
            "at": NOW,
        }
        | fields
    )


def proof(name):
    found = _look(name, *PROOFS[name], [])
    return found.cases, found.contradictions


@pytest.fixture
def bail(db):
    return deposited()


def test_deposit_is_ours_while_a_court_holds_it(bail):
    [shown] = [f.figures for f in books(language="en", at=NOW).funds if f.code == bail.fund.code]

    assert (held(bail), free(bail.fund)) == (1000, 0)
    assert (shown.paid, shown.held, shown.allocated) == (0, 1000, 1000)
    assert proof("bail") == (1, 0)


def test_deposit_given_back_is_free_for_its_fund_again(bail):
    give_back(bail, "1000")

    assert (held(bail), free(bail.fund), ledger.balance(AccountKey.cost(bail.cost))) == (0, 1000, 0)
    cost = LegalCost.objects.with_figures().get()
    assert (cost.set_aside, cost.came_back, cost.missing) == (0, 1000, 0)
    assert proof("bail") == (3, 0)
    assert proof("allocations")[1] == 0


def test_deposit_of_two_funds_goes_back_to_who_gave_last_first(db):
    r = deposited("600", "400")

    give_back(r, "500")

    assert (held(r), free(r.fund), free(r.general)) == (500, 500, 400)

    keep(r, "300")
    give_back(r, "200")

    # The fund that gave first bore what the court kept; together they have all the rest.
    assert (held(r), free(r.fund), free(r.general)) == (0, 700, 400)
    shown = {f.code: f.figures for f in books(language="en", at=NOW).funds}
    assert (shown[r.fund.code].paid, shown[r.general.code].paid) == (300, 0)
    assert proof("bail")[1] == 0


def test_what_came_back_is_not_set_aside_again(bail):
    give_back(bail, "250")

    with pytest.raises(allocation.WrongAmount, match=r"Only €0\.00 of this cost"):
        allocate(bail, "1")
    with pytest.raises(IntegrityError, match="more is set aside than is still owed"):
        Allocation.objects.create(
            fund=bail.fund, cost=bail.cost, amount=1, by=bail.treasurer, at=NOW
        )


@pytest.mark.parametrize("act", [give_back, keep])
@pytest.mark.parametrize(
    ("amount", "change", "error", "sentence"),
    [
        ("0", {}, allocation.WrongAmount, "above zero"),
        ("1.001", {}, allocation.WrongAmount, "no such small parts"),
        ("1000.01", {}, allocation.NotEnoughMoney, r"The court holds €1,000\.00"),
        ("1", {"happened_on": TODAY + timedelta(days=1)}, allocation.WrongDay, "in the future"),
        ("1", {"happened_on": TODAY - timedelta(days=1)}, allocation.WrongDay, r"held only €0\.00"),
    ],
)
def test_outcome_that_cannot_be_is_refused_with_the_reason(
    bail, act, amount, change, error, sentence
):
    with pytest.raises(error, match=sentence):
        act(bail, amount, **change)

    assert (held(bail), BailOutcome.objects.count()) == (1000, 0)


def test_bail_comes_back_into_an_open_account_of_its_currency(bail):
    with pytest.raises(allocation.WrongAccount, match="in EUR"):
        give_back(bail, "1", into=factories.make_bank_account("ARS"))


def test_only_bail_comes_back(db):
    r = make_ready()

    with pytest.raises(allocation.WrongState, match="no bail"):
        give_back(r, "1")


def test_same_form_sent_twice_is_one_outcome(bail):
    number = uuid4()
    give_back(bail, "100", number=number)

    with pytest.raises(allocation.AlreadyDone):
        give_back(bail, "100", number=number)

    assert held(bail) == 900


def test_database_never_lets_courts_give_back_more_than_they_hold(bail):
    with pytest.raises(IntegrityError, match="no court holds that much"):
        ledger.post(
            Posting(
                kind=Entry.Kind.BAIL_RETURNED,
                debit=AccountKey.bank(bail.bank),
                credit=AccountKey.bail(bail.cost),
                amount=Decimal("1000.01"),
                booked_on=TODAY,
                source="bail:test",
            )
        )


def test_database_books_nothing_of_bail_on_days_before_it_was_paid(bail):
    with pytest.raises(ledger.NotYetThere):
        ledger.post(
            Posting(
                kind=Entry.Kind.BAIL_FORFEITED,
                debit=AccountKey.cost(bail.cost),
                credit=AccountKey.bail(bail.cost),
                amount=Decimal(1),
                booked_on=TODAY - timedelta(days=1),
                source="bail:test",
            )
        )


def test_database_keeps_what_a_court_did(bail):
    row = give_back(bail, "100")

    for change in (
        lambda: BailOutcome.objects.filter(pk=row.pk).update(amount=1),
        lambda: BailOutcome.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            change()
    other = factories.make_document(factories.make_cost(bail.case, by=bail.treasurer), b"%PDF-2")
    with pytest.raises(IntegrityError, match="account and document"):
        keep(bail, "1", document=other)


@pytest.mark.django_db(transaction=True)
def test_outcomes_at_once_are_never_more_than_the_deposit():
    r = deposited()

    ended = in_parallel(
        14, lambda n: (give_back if n % 2 else keep)(r, "100").kind.value and "booked"
    )

    assert sorted(ended) == ["NotEnoughMoney"] * 4 + ["booked"] * 10
    assert (held(r), ledger.balance(AccountKey.cost(r.cost))) == (0, 0)
    assert proof("bail")[1] == 0
