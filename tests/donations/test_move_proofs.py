"""Exchanges, bail, surpluses and ended costs: honest ones hold, and breaking one behind the verbs' back is found."""

import pytest

from donations import allocation
from donations.models import LegalCost
from donations.move_proofs import MOVE_PROOFS
from donations.proofs import prove
from tests import factories
from tests.donations.test_bail import deposited, give_back, keep
from tests.donations.test_check_books import past, tamper
from tests.donations.test_exchange import World
from tests.donations.test_surplus import ask
from tests.factories import NOW


@pytest.fixture(scope="module")
def moves(rows_of_a_module):
    with rows_of_a_module():
        return make_moves()


@pytest.fixture
def moved(moves, db):
    return moves


def make_moves():
    """An exchange; bail given back, kept and still held; a surplus moved; a cost that ended."""
    r = deposited()
    give_back(r, "300")
    keep(r, "500")
    r.fund.fallback = r.general
    r.fund.save()
    cost = factories.make_cost(r.case, by=r.treasurer)
    allocation.end_cost(cost, ending=LegalCost.Ending.COVERED, by=r.treasurer, at=NOW)
    keep(r, "100")
    give_back(r, "50")
    world = World(r.bank)
    world.done()
    world.fund.fallback = factories.make_fund()
    world.fund.save()
    r.fund, r.treasurer = world.fund, world.treasurer
    allocation.approve_surplus(ask(r), by=r.approver, at=NOW)
    return r


def looked_at():
    return {p.name: p for p in prove() if p.name in MOVE_PROOFS or p.name in {"guards", "balanced"}}


def test_honest_moves_hold_and_every_proof_looked_at_something(moved):
    proofs = looked_at()

    assert {p.name: p.examples for p in proofs.values() if not p.holds} == {}
    assert {name: proofs[name].cases for name in MOVE_PROOFS} == {
        "exchanges": 2,
        "surpluses": 1,
        "bail": 9,
        "ended_costs": 1,
    }


BREAKS = {
    "exchange of another amount": ("exchange", "UPDATE donations_exchange SET given = given + 1", "exchanges"),
    "exchange of another fund": (
        "exchange",
        "UPDATE donations_exchange SET fund_id = (SELECT min(id) FROM donations_fund)",
        "exchanges",
    ),
    "exchange said to be taken back": (
        "exchange",
        "UPDATE donations_exchange SET undone_at = now(), undone_by_id = recorded_by_id, undoing_reason = 'x'",
        "exchanges",
    ),
    "exchange never approved": (
        "exchange",
        "UPDATE donations_exchange SET approved_at = NULL, approved_by_id = NULL",
        "exchanges",
    ),
    "surplus of another amount": (
        "surplusmove",
        "UPDATE donations_surplusmove SET amount = amount + 1",
        "surpluses",
    ),
    "surplus to another fund": (
        "surplusmove",
        "UPDATE donations_surplusmove SET target_id = (SELECT min(id) FROM donations_fund)",
        "surpluses",
    ),
    "surplus said to be taken back": (
        "surplusmove",
        "UPDATE donations_surplusmove SET undone_at = now(), undone_by_id = approved_by_id,"
        " undo_requested_at = now(), undo_requested_by_id = requested_by_id, undo_reason = 'x'",
        "surpluses",
    ),
    "bail given back and not booked": (
        "bailoutcome",
        "INSERT INTO donations_bailoutcome (number, cost_id, kind, amount, currency, happened_on, document_id, by_id, at)"
        " SELECT gen_random_uuid(), cost_id, kind, amount, currency, happened_on, document_id, by_id, at"
        " FROM donations_bailoutcome WHERE kind = 'forfeited' LIMIT 1",
        "bail",
    ),
    "bail of another amount": (
        "bailoutcome",
        "UPDATE donations_bailoutcome SET amount = amount + 1 WHERE amount = 300",
        "bail",
    ),
    "cost that ended with money": (
        "legalcost",
        "UPDATE donations_legalcost SET ending = 'covered', ended_on = now(), ended_by_id = recorded_by_id",
        "ended_costs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BREAKS)
def test_what_is_broken_behind_the_verbs_is_found_and_nothing_else(moved, what):
    table, statement, name = BREAKS[what]

    tamper(past(table, statement))

    assert {p.name for p in looked_at().values() if not p.holds} == {name}
