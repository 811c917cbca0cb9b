"""Exchanges, bail, surpluses, payments to the partner and ended costs: honest ones hold, and breaking one behind the verbs' back is found."""

import pytest

from donations import allocation
from donations.models import AccountKey, LegalCost
from donations.move_proofs import MOVE_PROOFS
from donations.proofs import prove
from tests import factories
from tests.donations import partner
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
    pay_partner(r)
    return r


def pay_partner(r):
    """What is left in dollars, thrice; the first never left, and so is paid with the second."""
    r.bank = factories.make_bank_account("USD")
    factories.make_policy(
        limits=partner.LIMITS, surplus_order=partner.ORDER, partner=partner.PARTNER
    )
    r.partner = factories.make_payee(partner.PARTNER)
    for nth in range(3):
        factories.give(r.fund, "70", currency="USD", into=AccountKey.bank(r.bank))
        row = partner.approve(r, partner.ask(r, currency="USD"))
        partner.pay(r, row)
        if nth == 0:
            allocation.request_partner_undo(row, reason="x", by=r.treasurer, at=NOW)
            allocation.undo_partner_payment(row, by=r.approver, at=NOW)


def looked_at():
    return {p.name: p for p in prove() if p.name in MOVE_PROOFS or p.name in {"guards", "balanced"}}


def test_honest_moves_hold_and_every_proof_looked_at_something(moved):
    proofs = looked_at()

    assert {p.name: p.examples for p in proofs.values() if not p.holds} == {}
    assert {name: proofs[name].cases for name in MOVE_PROOFS} == {
        "exchanges": 2,
        "surpluses": 1,
        "partner_payments": 3,
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
        "UPDATE donations_exchange SET undone_at = now(), undone_by_id = approved_by_id, undo_requested_by_id = recorded_by_id, undo_requested_at = now(), undo_reason = 'x'",
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
    "partner paid another amount": (
        "partnerpayment",
        "UPDATE donations_partnerpayment SET amount = amount + 1 WHERE undone_at IS NULL",
        "partner_payments",
    ),
    "another partner paid": (
        "partnerpayment",
        "UPDATE donations_partnerpayment SET partner = 'Another'",
        "partner_payments",
    ),
    "payment to the partner said never to have left": (
        "partnerpayment",
        "UPDATE donations_partnerpayment SET undone_at = now(), undone_by_id = approved_by_id, came_back_on = paid_on,"
        " undo_requested_at = now(), undo_requested_by_id = requested_by_id, undo_reason = 'x' WHERE undone_at IS NULL",
        "partner_payments",
    ),
    "payment to the partner said to have left after all": (
        "partnerpayment",
        "UPDATE donations_partnerpayment SET undone_at = NULL, undone_by_id = NULL, came_back_on = NULL",
        "partner_payments",
    ),
    "payment to the partner on another day": (
        "partnerpayment",
        "UPDATE donations_partnerpayment SET paid_on = paid_on + 1, came_back_on = came_back_on + 1",
        "partner_payments",
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
