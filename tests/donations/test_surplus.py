"""Costs that end, and what a fund's purpose leaves: back to its fund, then to the fallback by two people. Tried to break."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from donations import allocation, disbursement, ledger
from donations.ledger import Posting
from donations.models import AccountKey, Allocation, Entry, LegalCost, SurplusMove
from donations.proofs import PROOFS, _look
from donations.transparency import books
from tests import factories
from tests.donations.conftest import pay
from tests.donations.spending import allocate, approve, balances, make_ready, requested
from tests.factories import NOW, TODAY
from tests.threads import in_parallel

Cause = SurplusMove.Cause
LIMITS = [("EUR", "5000", "0"), ("USD", "5000", "0")]


def make_world():
    r = make_ready()
    r.fund.fallback = r.general
    r.fund.save()
    return r


@pytest.fixture
def ready(db):
    return make_world()


def ask(r, **fields):
    return allocation.request_surplus(
        **{
            "fund": r.fund,
            "currency": "EUR",
            "cause": Cause.CASE_ENDED,
            "by": r.treasurer,
            "at": NOW,
        }
        | fields
    )


def free(fund):
    return ledger.balance(AccountKey.fund(fund, "EUR"))


def proof(name):
    found = _look(name, *PROOFS[name], [])
    return found.cases, found.contradictions


def end(r, ending=LegalCost.Ending.WITHDRAWN):
    return allocation.end_cost(r.cost, ending=ending, by=r.treasurer, at=NOW)


def test_rest_of_a_fund_goes_to_its_fallback_when_another_person_approves(ready):
    move = ask(ready)
    assert (move.amount, free(ready.fund)) == (1000, 1000)

    allocation.approve_surplus(move, by=ready.approver, at=NOW)

    assert (free(ready.fund), free(ready.general)) == (0, 1000)
    assert proof("surpluses") == (1, 0)
    shown = {f.code: (f.figures.moved, f.figures.held) for f in books(language="en", at=NOW).funds}
    assert shown == {ready.fund.code: (-1000, 0), ready.general.code: (1000, 1000)}


def test_who_asked_does_not_approve(ready):
    move = ask(ready)

    with pytest.raises(allocation.SamePerson):
        allocation.approve_surplus(move, by=ready.treasurer, at=NOW)
    with pytest.raises(IntegrityError, match="surplus_approved_by_another_person"):
        SurplusMove.objects.filter(pk=move.pk).update(approved_by=ready.treasurer, approved_at=NOW)


def test_nothing_moves_while_money_is_set_aside(ready):
    allocate(ready, "200")

    with pytest.raises(allocation.WrongState, match=r"€200\.00 of this fund is still set aside"):
        ask(ready)


def test_nothing_is_asked_for_twice_or_of_nothing_or_without_a_rule(ready):
    ask(ready)
    with pytest.raises(allocation.WrongState, match="asked for already"):
        ask(ready)
    with pytest.raises(allocation.NotEnoughMoney, match="nothing left in USD"):
        ask(ready, currency="USD")
    with pytest.raises(allocation.WrongFund, match="supporters were promised none"):
        ask(ready, fund=ready.general)


def test_refused_move_moves_nothing_and_another_may_be_asked_for(ready):
    move = ask(ready)
    with pytest.raises(allocation.NoReason):
        allocation.refuse_surplus(move, reason="", by=ready.approver, at=NOW)

    allocation.refuse_surplus(move, reason="An appeal is pending.", by=ready.approver, at=NOW)

    with pytest.raises(allocation.WrongState, match="refused"):
        allocation.approve_surplus(move, by=ready.approver, at=NOW)
    assert ask(ready).amount == free(ready.fund) == 1000


def test_money_spent_since_is_not_moved(ready):
    move = ask(ready)
    allocate(ready, "300")
    pay(ready.cost, "300", by=ready.treasurer, bank=ready.bank)

    with pytest.raises(allocation.NotEnoughMoney, match=r"Only €700\.00 is free"):
        allocation.approve_surplus(move, by=ready.approver, at=NOW)

    move.refresh_from_db()
    assert (move.approved_at, free(ready.fund), free(ready.general)) == (None, 700, 0)


def test_another_fallback_makes_the_request_void(ready):
    move = ask(ready)
    ready.fund.fallback = factories.make_fund()
    ready.fund.save()

    with pytest.raises(allocation.WrongFund, match="falls back to another"):
        allocation.approve_surplus(move, by=ready.approver, at=NOW)
    with pytest.raises(IntegrityError, match="the fund that the rule names"):
        SurplusMove.objects.filter(pk=move.pk).update(approved_by=ready.approver, approved_at=NOW)


@pytest.mark.parametrize(
    "change",
    ["amount = 1", "currency = 'USD'", "cause = 'dormant'", "target_id = source_id + 99",
     "requested_by_id = requested_by_id + 1"],
)  # fmt: skip
def test_database_keeps_a_request_as_it_was(ready, change):
    move = ask(ready)

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE donations_surplusmove SET {change} WHERE id = %s", [move.pk])
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        SurplusMove.objects.all().delete()


@pytest.mark.parametrize("kind", list(Entry.Kind))
def test_database_lets_no_money_from_fund_to_fund_but_by_cover_and_surplus_rule(ready, kind):
    """By no kind of entry, not even through the ledger's own verb; a surplus only as two people approved it."""
    posting = Posting(
        kind=kind,
        debit=AccountKey.fund(ready.fund, "EUR"),
        credit=AccountKey.fund(ready.general, "EUR"),
        amount=Decimal(10),
        booked_on=TODAY,
        source=f"surplus:{ask(ready).number}",
    )

    if kind == Entry.Kind.COVER:
        ledger.post(posting)
    else:
        with pytest.raises(IntegrityError, match=r"only by a cover|nobody decided"):
            ledger.post(posting)


@pytest.mark.django_db(transaction=True)
def test_move_approved_and_taken_back_by_many_at_once_is_so_once():
    r = make_world()
    move = ask(r)

    ended = in_parallel(
        7, lambda _n: allocation.approve_surplus(move, by=r.approver, at=NOW) and "moved"
    )

    assert sorted(ended) == ["WrongState"] * 6 + ["moved"]
    assert (free(r.fund), free(r.general)) == (0, 1000)

    # And is taken back once, by one of many, or not at all where somebody else sets it aside in that moment.
    allocation.request_surplus_undo(move, reason="x", by=r.treasurer, at=NOW)

    def act(number):
        if number % 2:
            return allocation.undo_surplus(move, by=r.approver, at=NOW) and "back"
        return allocate(r, "300", fund=r.general) and "set aside"

    ended = in_parallel(6, act)

    back, aside = ended.count("back"), ended.count("set aside")
    assert (back, aside) in {(1, 0), (0, 3)}
    assert free(r.fund) == 1000 * back
    assert free(r.general) == 1000 - 1000 * back - 300 * aside
    assert Entry.objects.filter(kind="surplus").count() == 1 + back


@pytest.mark.django_db(transaction=True)
def test_move_and_allocations_at_once_never_take_a_fund_below_zero():
    r = make_world()
    move = ask(r)

    def act(number):
        if number == 3:
            return allocation.approve_surplus(move, by=r.approver, at=NOW) and "moved"
        return allocate(r, "100") and "set aside"

    ended = in_parallel(7, act)

    assert free(r.fund) >= 0
    assert free(r.fund) + free(r.general) + ledger.balance(AccountKey.cost(r.cost)) == 1000
    assert ended.count("set aside") == ledger.balance(AccountKey.cost(r.cost)) / 100
    assert (free(r.general) == 1000) == (ended[3] == "moved")


# --- Dormant ----------------------------------------------------------------------------------------


def months_on(months, day=0):
    """So many months after NOW, which is the tenth of a month."""
    year, month = divmod(NOW.month - 1 + months, 12)
    return NOW.replace(year=NOW.year + year, month=month + 1) + timedelta(days=day)


def dormant(r, at):
    return ask(r, cause=Cause.DORMANT, at=at)


def dormant_by_hand(r, at):
    SurplusMove.objects.create(
        source=r.fund, target=r.general, amount=1000, currency="EUR", cause=Cause.DORMANT,
        requested_by=r.treasurer, requested_at=at,
    )  # fmt: skip


def not_dormant(r, at, match="Something moved in"):
    with pytest.raises(allocation.NotDormant, match=match):
        dormant(r, at)
    with pytest.raises(IntegrityError, match="not dormant by the policy"), transaction.atomic():
        dormant_by_hand(r, at)


def test_fund_is_dormant_after_the_months_of_the_policy_and_not_before(ready):
    not_dormant(ready, NOW, "No policy is in force that says")
    factories.make_policy(limits=LIMITS, dormant_months=2)

    not_dormant(ready, NOW, "on March 10, 2026. By the policy a fund is dormant when for 2 months")
    not_dormant(ready, months_on(2, -1))
    move = dormant(ready, months_on(2))
    assert str(move.get_cause_display()) == "nothing moved in it for the months that the rules name"
    # Between the request and the approval a gift comes: it is not told to everybody that nothing moved.
    factories.give(ready.fund, "1", into=AccountKey.bank(ready.bank), booked_on=months_on(2).date())
    with pytest.raises(allocation.NotDormant, match="on May 10, 2026"):
        allocation.approve_surplus(move, by=ready.approver, at=months_on(2))
    with pytest.raises(IntegrityError, match="not dormant by the policy"), transaction.atomic():
        SurplusMove.objects.update(approved_by=ready.approver, approved_at=months_on(2))
    allocation.refuse_surplus(move, reason="A gift came.", by=ready.approver, at=months_on(2))
    # The policy of the day counts.
    factories.make_policy(limits=LIMITS, dormant_months=3, at=months_on(3))
    not_dormant(ready, months_on(5, -1), "for 3 months")
    move = allocation.approve_surplus(
        dormant(ready, months_on(5)), by=ready.approver, at=months_on(5)
    )
    assert (move.amount, free(ready.fund)) == (1001, 0)


def test_money_set_aside_and_paid_is_a_movement_of_the_fund(ready):
    factories.make_policy(limits=LIMITS, dormant_months=2)
    allocation.allocate(fund=ready.fund, cost=ready.cost, amount=Decimal(100), by=ready.treasurer, at=months_on(1))  # fmt: skip
    row = requested(ready, "100")
    approve(ready, row)
    not_dormant(ready, months_on(3, -1))
    # What was set aside long ago is paid.
    disbursement.pay(row, paid_on=months_on(2).date(), by=ready.treasurer, at=months_on(2))
    not_dormant(ready, months_on(4, -1))

    assert dormant(ready, months_on(4)).amount == 900


def test_what_comes_by_itself_is_no_movement_nor_that_another_rest_went(ready):
    factories.make_policy(limits=LIMITS, dormant_months=2)
    later = months_on(2)
    dollars = factories.make_bank_account("USD")
    factories.give(ready.fund, "5", currency="USD", into=AccountKey.bank(dollars))
    move = ask(ready, currency="USD", cause=Cause.DORMANT, at=later)
    allocation.approve_surplus(move, by=ready.approver, at=later)
    bank, fund = AccountKey.bank(ready.bank), AccountKey.fund(ready.fund, "EUR")
    ledger.post(Posting(Entry.Kind.BANK_FEE, fund, bank, Decimal(2), later.date(), "test:fee"))
    ledger.post(Posting(Entry.Kind.INTEREST, bank, fund, Decimal(1), later.date(), "test:interest"))

    assert dormant(ready, later).amount == 999
    # The dollars came to the general fund: there something moved.
    assert SurplusMove.objects.moved().get().currency == "USD"
    ready.general.fallback = factories.make_fund()
    ready.general.save()
    with pytest.raises(allocation.NotDormant):
        ask(ready, fund=ready.general, currency="USD", cause=Cause.DORMANT, at=later)


def test_cost_withdrawn_gives_each_fund_its_own_part_back(ready):
    factories.give(ready.general, "500", into=AccountKey.bank(ready.bank))
    allocate(ready, "600")
    allocate(ready, "300", fund=ready.general)
    pay(ready.cost, "700", by=ready.treasurer, bank=ready.bank)

    cost = end(ready)

    # 700 was paid by the first fund's 600 and 100 of the second's.
    assert (free(ready.fund), free(ready.general)) == (400, 400)
    assert (cost.ending, cost.ended_on, ledger.balance(AccountKey.cost(cost))) == (
        "withdrawn",
        TODAY,
        0,
    )
    assert LegalCost.objects.with_figures().get().missing == 0
    assert proof("ended_costs") == (1, 0)


def test_ended_cost_takes_no_money_until_it_is_reopened(ready):
    cost = end(ready, LegalCost.Ending.COVERED)

    with pytest.raises(allocation.WrongState, match="takes no more money"):
        allocate(ready, "1")
    with pytest.raises(allocation.WrongState, match="ended already"):
        end(ready)
    with pytest.raises(IntegrityError, match="this cost has ended"), transaction.atomic():
        Allocation.objects.create(fund=ready.fund, cost=cost, amount=1, by=ready.treasurer, at=NOW)

    allocation.reopen_cost(cost, by=ready.treasurer, at=NOW)

    allocate(ready, "1")
    assert balances(ready) == (1000, 999, 1)


def test_cost_does_not_end_while_a_payment_is_asked_for(ready):
    allocate(ready, "600")
    requested(ready, "100")

    with pytest.raises(allocation.WrongState, match="A payment is asked for"):
        end(ready)
    with pytest.raises(IntegrityError, match="a cost ends when"):
        LegalCost.objects.update(ending="withdrawn", ended_on=TODAY, ended_by=ready.treasurer)


@pytest.mark.django_db(transaction=True)
def test_cost_that_ends_while_others_set_aside_keeps_nothing():
    r = make_world()
    allocate(r, "100")

    ended = in_parallel(7, lambda n: (end(r) if n == 3 else allocate(r, "50")) and "done")

    assert ended[3] == "done"
    assert ledger.balance(AccountKey.cost(r.cost)) == 0
    assert set(ended) <= {"done", "WrongState"}
    assert free(r.fund) == 1000
