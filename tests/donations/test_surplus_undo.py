"""The move of a surplus is taken back by two people, while all of it is there; and its cause is held to the costs. Tried to break."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from donations import allocation, ledger
from donations.models import AccountKey, CostShare, Entry, SurplusMove
from donations.public_moves import public_moves
from tests import factories
from tests.donations.conftest import pay
from tests.donations.spending import allocate
from tests.donations.test_surplus import ask, free, make_world, proof
from tests.donations.test_tracing import World, proved, told, waiting
from tests.factories import NOW, TODAY, log_in, make_user

Cause = SurplusMove.Cause


@pytest.fixture
def moved(db):
    return make_moved()


def make_moved():
    r = make_world()
    r.move = allocation.approve_surplus(ask(r), by=r.approver, at=NOW)
    return r


def doubt(r, reason="The case goes on.", by=None):
    return allocation.request_surplus_undo(r.move, reason=reason, by=by or r.treasurer, at=NOW)


def undo(r, by=None):
    return allocation.undo_surplus(r.move, by=by or r.approver, at=NOW)


def by_hand(statement, row):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE donations_surplusmove SET {statement} WHERE id = %s", [row.pk])


UNDONE = "undone_at = now(), undone_by_id = approved_by_id"


def test_money_is_back_the_books_keep_both_and_everybody_sees_it(moved):
    doubt(moved)
    assert free(moved.fund) == 0

    undo(moved)

    assert (free(moved.fund), free(moved.general)) == (1000, 0)
    [entry, mirror] = Entry.objects.filter(kind="surplus").order_by("pk")
    assert (mirror.reverses, mirror.amount, mirror.reversal.reason, mirror.reversal.by) == (
        entry,
        1000,
        "The case goes on.",
        moved.approver,
    )
    assert proof("surpluses") == (1, 0)
    assert [move.taken_back_on for move in public_moves(language="en").surpluses] == [TODAY]
    # The purpose may be over another day.
    again = allocation.approve_surplus(ask(moved), by=moved.approver, at=NOW)
    assert (again.amount, free(moved.general)) == (1000, 1000)
    assert proof("surpluses") == (2, 0)


def test_who_asked_does_not_take_it_back_and_it_is_done_once(moved):
    with pytest.raises(allocation.WrongState, match="Nobody asked"):
        undo(moved)
    with pytest.raises(allocation.NoReason):
        doubt(moved, reason=" ")
    doubt(moved)
    with pytest.raises(allocation.SamePerson):
        undo(moved, by=moved.treasurer)
    with pytest.raises(allocation.WrongState, match="already"):
        doubt(moved, by=moved.other)
    allocation.keep_surplus(moved.move, by=moved.approver, at=NOW)
    assert (free(moved.fund), free(moved.general)) == (0, 1000)
    doubt(moved)
    undo(moved)
    for act in (undo, doubt):
        with pytest.raises(allocation.WrongState):
            act(moved)
    assert free(moved.fund) == 1000


def test_request_that_nobody_approved_is_refused_instead(db):
    r = make_world()
    r.move = ask(r)

    with pytest.raises(allocation.WrongState, match="refuse it instead"):
        doubt(r)
    with pytest.raises(IntegrityError, match="surplus_undo_asked_whole"):
        by_hand("undo_reason = 'x', undo_requested_at = now(), undo_requested_by_id = requested_by_id", r.move)  # fmt: skip


def test_what_is_spent_is_not_undone_and_what_is_set_aside_is_released_first(moved):
    doubt(moved)
    allocate(moved, "300", fund=moved.general)

    with pytest.raises(allocation.NotEnoughMoney, match=r"Only €700\.00 of it is still free"):
        undo(moved)
    allocation.release(
        fund=moved.general, cost=moved.cost, amount=Decimal(100), by=moved.treasurer, at=NOW
    )
    pay(moved.cost, "200", by=moved.treasurer, bank=moved.bank)
    # Later gifts to the general fund are not taken for what it spent.
    factories.give(moved.general, "5000", into=AccountKey.bank(moved.bank))
    with pytest.raises(allocation.NotEnoughMoney, match=r"Only €800\.00"):
        undo(moved)
    with pytest.raises(IntegrityError, match="not all of this surplus is still there"):
        by_hand(UNDONE, moved.move)

    assert (free(moved.fund), free(moved.general)) == (0, 5800)
    assert SurplusMove.objects.get().undone_at is None


def test_what_is_released_again_goes_back_whole_whatever_the_rule_says_today(moved):
    allocate(moved, "300", fund=moved.general)
    with pytest.raises(allocation.NotEnoughMoney):
        doubt(moved)
    allocation.release(
        fund=moved.general, cost=moved.cost, amount=Decimal(300), by=moved.treasurer, at=NOW
    )
    moved.fund.fallback = None
    moved.fund.closed_on = TODAY
    moved.fund.save()
    with pytest.raises(allocation.WrongFund, match="is closed: open it again first"):
        doubt(moved)
    moved.fund.closed_on = None
    moved.fund.save()
    doubt(moved)
    moved.fund.closed_on = TODAY
    moved.fund.save()
    with pytest.raises(IntegrityError, match="a closed fund takes no money back"):
        by_hand(UNDONE, moved.move)
    moved.fund.closed_on = None
    moved.fund.save()

    undo(moved)

    assert (free(moved.fund), free(moved.general)) == (1000, 0)


def test_gifts_are_followed_back_to_where_they_were(db):
    """Those that were moved, not those that were there before: gifts of two funds do not change places."""
    world = World()
    own, general = world.give("100"), world.give("10", fund=world.general)
    world.spend("60")
    world.move_rest()
    later = world.give("25", fund=world.general)
    world.spend("10", set_aside=[(world.general, "10")], kind="experts")
    assert waiting(own) == ({}, {"General fund": 40}, 0)

    move = SurplusMove.objects.get()
    allocation.request_surplus_undo(move, reason="x", by=world.by, at=NOW)
    allocation.undo_surplus(move, by=world.other, at=NOW)

    assert waiting(own) == ({}, {}, 40)
    assert told(general) == ({"Experts and translators": 10}, 0)
    assert waiting(later) == ({}, {}, 25)
    assert proved() == {"lots": (), "gifts": ()}
    world.spend("40", kind="travel")
    assert told(own) == ({"Lawyers' fees": 60, "Travel to hearings": 40}, 0)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (UNDONE, "undone_by_another_person"),
        ("undo_reason = 'x'", "undo_asked_whole"),
        ("amount = 1", "approved as it was asked for"),
        ("approved_at = NULL, approved_by_id = NULL", "approved as it was asked for"),
        ("refused_at = now(), refused_by_id = requested_by_id, refusal_reason = 'x'", "approved as it was asked for"),
    ],
)  # fmt: skip
def test_database_lets_only_two_people_take_it_back(moved, change, rule):
    with pytest.raises(IntegrityError, match=rule):
        by_hand(change, moved.move)
    with pytest.raises(IntegrityError, match="nobody decided this"):
        ledger.reverse(Entry.objects.get(kind="surplus"), by=moved.other, reason="x", at=NOW)

    assert free(moved.general) == 1000


def test_database_keeps_what_was_asked_for_and_what_was_taken_back(moved):
    doubt(moved)
    with pytest.raises(IntegrityError, match="taken back as it was asked for"):
        by_hand(f"undo_reason = 'another', {UNDONE}", moved.move)
    undo(moved)
    for change in ("undone_at = NULL, undone_by_id = NULL", "undo_reason = 'another'"):
        with pytest.raises(IntegrityError, match="once"):
            by_hand(change, moved.move)


# --- "All its costs are paid" -------------------------------------------------------------------


def test_costs_are_not_said_to_be_paid_while_one_is_open(db, client):
    r = make_world()

    with pytest.raises(allocation.CostsOpen, match=rf"{r.cost.number} €1,000\.00\. Pay or end"):
        ask(r, cause=Cause.COSTS_PAID)
    with pytest.raises(IntegrityError, match="costs of this fund"), transaction.atomic():
        factories.make_surplus(r.fund, cause=Cause.COSTS_PAID)
    allocate(r, "1000")
    pay(r.cost, "1000", by=r.treasurer, bank=r.bank)
    factories.give(r.fund, "70", into=AccountKey.bank(r.bank))
    move = ask(r, cause=Cause.COSTS_PAID)
    # Between the request and the approval another bill comes, in another currency.
    cost = factories.make_cost(r.case, owed="90000", currency="ARS", by=r.treasurer)
    with pytest.raises(allocation.CostsOpen, match=cost.number):
        allocation.approve_surplus(move, by=r.approver, at=NOW)
    with pytest.raises(IntegrityError, match="not all costs of this fund are paid"):
        by_hand(f"approved_at = now(), approved_by_id = {r.approver.pk}", move)
    assert free(r.fund) == 70
    log_in(client, make_user("abe", "approver"))
    page = client.get(reverse("admin:donations_surplusmove_change", args=[move.pk]))
    assert "These costs are not all paid." in page.content.decode()
    assert "ARS\xa090,000.00 of ARS\xa090,000.00 still to be paid" in page.content.decode()

    allocation.end_cost(cost, ending="covered", by=r.treasurer, at=NOW)

    allocation.approve_surplus(move, by=r.approver, at=NOW)
    assert (free(r.fund), free(r.general)) == (0, 70)


@pytest.mark.parametrize("kind", ["appeal", "case", "defendant", "sharer", "other case"])
def test_costs_are_those_that_the_fund_is_for(db, kind):
    r = make_world()
    sharer = factories.make_defendant()
    sharer.cases.add(r.case)
    for who in (r.cost.defendant, sharer):
        CostShare.objects.create(cost=r.cost, defendant=who, parts=1)
    fund = {
        "appeal": lambda **f: factories.make_fund("appeal", appeal=r.case.appeal, **f),
        "case": lambda **f: r.fund,
        "defendant": lambda **f: factories.make_fund("defendant", defendant=r.cost.defendant, **f),
        "sharer": lambda **f: factories.make_fund("defendant", defendant=sharer, **f),
        "other case": lambda **f: factories.make_fund("case", case=factories.make_case(), **f),
    }[kind](fallback=r.general)
    if kind != "case":
        factories.give(fund, "10", into=AccountKey.bank(r.bank))

    if kind == "other case":
        assert ask(r, fund=fund, cause=Cause.COSTS_PAID).amount == 10
        return
    with pytest.raises(allocation.CostsOpen, match=r.cost.number):
        ask(r, fund=fund, cause=Cause.COSTS_PAID)
    with pytest.raises(IntegrityError, match="not all costs"):
        factories.make_surplus(fund, cause=Cause.COSTS_PAID)
