"""A payment recorded as paid whose money never left the bank: taken back by two people, once, and never where a line shows it."""

from datetime import timedelta
from html import unescape

import pytest
from django.db import IntegrityError, transaction

from donations import allocation, assertions, differences, disbursement, ledger, tracing
from donations.exchange_gains import gains_of_payment
from donations.models import (
    Account,
    AccountKey,
    Disbursement,
    Entry,
    LegalCost,
    StatementMatch,
)
from donations.proofs import prove
from donations.reconciliation import CameBack, DoesNotFit, match, suggest, unmatch
from donations.reconciliation.automatic import Line, decide
from donations.transparency import books
from tests import factories
from tests.donations.reconciliation.files import make_line
from tests.donations.spending import allocate, approve, make_ready, request, requested
from tests.donations.test_bail import deposited, give_back, held
from tests.donations.test_third_person import ask, make_world, with_stake
from tests.donations.test_tracing import World
from tests.factories import NOW, TODAY, log_in, make_user
from tests.threads import in_parallel

pytestmark = pytest.mark.django_db
PAYMENT = "/admin/donations/disbursement/"
State = Disbursement.State


def broken():
    """Of the proofs; gifts that tests put into a fund are none that somebody gave."""
    tracing.follow(1000)
    return [p.name for p in prove() if not p.holds and p.name not in {"donations", "sources"}]


def paid(r, amount="400"):
    return disbursement.pay(approve(r, requested(r, amount)), paid_on=TODAY, by=r.treasurer, at=NOW)


def take_back(r, row, reason="the bank refused the order"):
    disbursement.doubt(row, reason=reason, by=r.treasurer, at=NOW)
    return disbursement.take_back(row, by=r.approver, at=NOW)


def said(line, target):
    return match(line=line, target=target, by=make_user(), at=NOW)


def figures(r):
    """Of the cost: set aside, paid, asked for, missing; and what the public books say its fund paid."""
    cost = LegalCost.objects.with_figures().get(pk=r.cost.pk)
    [fund] = [f.figures for f in books(language="en", at=NOW).funds if f.code == r.fund.code]
    return cost.set_aside, cost.paid, cost.requested, cost.missing, fund.paid


def unproved():
    return [item.name for item in differences.listed(at=NOW) if item.kind == "unproved"]


def refused(constraint, act):
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        act()
    assert refusal.value.__cause__.diag.constraint_name == constraint


@pytest.fixture
def ready():
    """The case's fund has set 600 aside, and the general one 400."""
    r = make_ready()
    factories.give(r.general, "400", into=AccountKey.bank(r.bank))
    allocate(r, "600")
    allocate(r, "400", fund=r.general)
    return r


def test_money_that_never_left_is_the_costs_again_and_is_asked_for_anew(ready):
    row = paid(ready, "700")
    assert figures(ready) == (300, 700, 0, 0, 600)
    assert unproved() == [f"disbursement:{row.number}"]

    take_back(ready, row)

    [proof] = [each for each in prove() if each.name == "never_left"]
    assert (proof.cases, proof.contradictions) == (1, 0)

    row.refresh_from_db()
    assert (row.state(is_proved=False), row.came_back_on) == (State.NEVER_LEFT, TODAY)
    assert figures(ready) == (1000, 0, 0, 0, 0)
    assert (ledger.free(AccountKey.cost(ready.cost)), unproved()) == (1000, [])
    assert ledger.balance(AccountKey.bank(ready.bank)) == 1400
    entry = Entry.objects.get(source=f"reversal:disbursement:{row.number}")
    # On the day of what never was, so that the bank and the books agree on every day.
    assert (entry.booked_on, entry.happened_on, entry.reversal.by, entry.reversal.reason) == (
        TODAY, None, ready.approver, "the bank refused the order",
    )  # fmt: skip
    account = Account.objects.get(code=f"bank:{ready.bank.code}:EUR")
    assert [assertions.items(account, TODAY + timedelta(days=n)) for n in (0, 40)] == [[], []]
    assert broken() == []

    again = paid(ready, "1000")
    said(make_line("-1000", ready.bank), again)
    assert figures(ready) == (0, 1000, 0, 0, 600)
    assert [list(Disbursement.objects.in_state(s)) for s in (State.NEVER_LEFT, State.DONE, State.CAME_BACK, State.TO_PROVE)] == [[row], [again], [], []]  # fmt: skip
    assert broken() == []


def test_who_asked_does_not_take_it_back_and_it_is_done_once(ready):
    row = requested(ready)
    with pytest.raises(disbursement.WrongState, match="not recorded as paid"):
        disbursement.doubt(row, reason="x", by=ready.treasurer, at=NOW)
    row = disbursement.pay(approve(ready, row), paid_on=TODAY, by=ready.treasurer, at=NOW)
    with pytest.raises(disbursement.WrongState, match="Nobody asked"):
        disbursement.take_back(row, by=ready.approver, at=NOW)
    with pytest.raises(disbursement.NoReason):
        disbursement.doubt(row, reason=" ", by=ready.treasurer, at=NOW)
    disbursement.doubt(row, reason="x", by=ready.treasurer, at=NOW)
    with pytest.raises(disbursement.WrongState, match="asked for"):
        disbursement.doubt(row, reason="y", by=ready.other, at=NOW)

    with pytest.raises(disbursement.SamePerson):
        disbursement.take_back(row, by=ready.treasurer, at=NOW)
    disbursement.keep(row, by=ready.approver, at=NOW)
    assert figures(ready)[1] == 400
    take_back(ready, row)
    with pytest.raises(disbursement.WrongState):
        disbursement.take_back(row, by=ready.other, at=NOW)
    with pytest.raises(disbursement.WrongState):
        disbursement.keep(row, by=ready.other, at=NOW)

    assert figures(ready) == (1000, 0, 0, 0, 0)


def test_what_a_bank_line_shows_did_leave(ready):
    row = paid(ready)
    disbursement.doubt(row, reason="x", by=ready.treasurer, at=NOW)
    standing = said(make_line("-400", ready.bank), row)

    with pytest.raises(disbursement.AtTheBank, match="it left"):
        disbursement.take_back(row, by=ready.approver, at=NOW)
    refused(
        "disbursement_proved_is_not_undone",
        lambda: Disbursement.objects.update(
            undone_by=ready.approver, undone_at=NOW, came_back_on=TODAY
        ),
    )
    disbursement.keep(row, by=ready.approver, at=NOW)
    with pytest.raises(disbursement.AtTheBank):
        disbursement.doubt(row, reason="x", by=ready.treasurer, at=NOW)

    # What came back left; and where neither is so after all, the entry that stands last is the one reversed.
    back = said(make_line("400", ready.bank), CameBack(row))
    with pytest.raises(disbursement.AtTheBank):
        disbursement.doubt(row, reason="x", by=ready.treasurer, at=NOW)
    unmatch(match=back, reason="another's", by=ready.other, at=NOW)
    unmatch(match=standing, reason="another's", by=ready.other, at=NOW)
    take_back(ready, row)
    assert figures(ready) == (1000, 0, 0, 0, 0)
    assert broken() == []


def test_line_is_never_matched_with_what_never_left(ready):
    row = paid(ready)
    take_back(ready, row)
    line = make_line("-400", ready.bank, text=row.payment_reference)

    [named] = suggest(line)
    assert (named.target, named.obstacle.split(".")[0]) == (
        row, "Two people said that this payment never left",
    )  # fmt: skip
    assert suggest(make_line("-400", ready.bank)) == []
    with pytest.raises(DoesNotFit, match="never left"):
        said(line, row)
    refused(
        "match_of_payment_that_left",
        lambda: StatementMatch.objects.create(
            line=line, amount=-400, disbursement=row, confirmed_by=make_user(), confirmed_at=NOW
        ),
    )
    named = Line(line.pk, line.key, line.amount, line.booked_on, (row.payment_reference,))
    assert decide(ready.bank, [named]) == {}


def test_payment_in_uma_that_never_left_settled_nothing():
    factories.make_uma("1000", "2026-01-20", "2026-01-20")
    r = make_ready()
    ars = factories.make_bank_account("ARS", number="")
    factories.give(r.fund, "9000", currency="ARS", into=AccountKey.bank(ars))
    r.cost = factories.make_cost(r.case, uma="5", owed="5000", currency="ARS", by=r.treasurer)
    r.document, r.bank = factories.make_document(r.cost), ars
    allocate(r, "5000")
    row = disbursement.pay(approve(r, request(r, "2000")), paid_on=TODAY, by=r.treasurer, at=NOW)
    factories.make_uma("1100", "2026-03-09", "2026-03-10")
    r.cost.refresh_from_db()
    assert (r.cost.owed, r.cost.uma_open()) == (5300, 3)

    take_back(r, row)

    r.cost.refresh_from_db()
    assert (r.cost.owed, r.cost.uma_open()) == (5500, 5)
    assert broken() == []


def test_payment_of_exchanged_money_that_never_left_gained_nothing():
    world = World()
    world.give("1000")
    world.exchange("100", "100000")
    factories.make_rate("EUR", "ARS", "1250")
    cost = world.cost("100000", currency="ARS")
    world.set_aside(cost, "100000")
    first, second = world.pay(cost, "40000"), world.pay(cost, "60000")

    disbursement.doubt(first, reason="x", by=world.by, at=NOW)
    disbursement.take_back(first, by=world.other, at=NOW)

    assert broken() == []
    assert gains_of_payment(first) == []
    [gain] = gains_of_payment(second)
    assert (gain.received, gain.given, gain.difference) == (60_000, 60, -12)


def test_bail_that_never_left_lies_with_no_court():
    r = deposited("600", "400")
    row = Disbursement.objects.get()
    outcome = give_back(r, "100")
    disbursement.doubt(row, reason="x", by=r.treasurer, at=NOW)
    with pytest.raises(disbursement.WrongState, match="take that back first"):
        disbursement.take_back(row, by=r.approver, at=NOW)
    allocation.request_bail_undo(outcome, reason="x", by=r.treasurer, at=NOW)
    allocation.undo_bail_outcome(outcome, by=r.approver, at=NOW)

    disbursement.take_back(row, by=r.approver, at=NOW)

    assert (held(r), ledger.free(AccountKey.cost(r.cost))) == (0, 1000)
    cost = LegalCost.objects.with_figures().get()
    assert (cost.set_aside, cost.paid, cost.with_court, cost.missing) == (1000, 0, 0, 0)
    assert broken() == []
    paid(r, "1000")
    assert held(r) == 1000


def test_cost_that_has_ended_is_opened_again_first(ready):
    row = paid(ready)
    allocation.end_cost(ready.cost, ending=LegalCost.Ending.WITHDRAWN, by=ready.treasurer, at=NOW)
    disbursement.doubt(row, reason="x", by=ready.treasurer, at=NOW)

    with pytest.raises(disbursement.WrongState, match="open it again first"):
        disbursement.take_back(row, by=ready.approver, at=NOW)
    refused(
        "disbursement_undone_of_open_cost",
        lambda: Disbursement.objects.update(
            undone_by=ready.approver, undone_at=NOW, came_back_on=TODAY
        ),
    )

    allocation.reopen_cost(ready.cost, by=ready.treasurer, at=NOW)
    disbursement.take_back(row, by=ready.approver, at=NOW)
    assert broken() == []


def test_who_has_a_stake_neither_says_so_nor_takes_it_back(ready):
    row = paid(ready)
    near = make_user()
    with_stake(ready, near)

    with pytest.raises(disbursement.Conflicted):
        disbursement.doubt(row, reason="x", by=near, at=NOW)
    refused(
        "disbursement_without_stake",
        lambda: Disbursement.objects.update(
            undo_reason="x", undo_requested_by=near, undo_requested_at=NOW
        ),
    )
    disbursement.doubt(row, reason="x", by=ready.treasurer, at=NOW)
    with pytest.raises(disbursement.Conflicted):
        disbursement.take_back(row, by=near, at=NOW)


def test_database_lets_only_two_people_take_it_back_once(ready):
    row = paid(ready)
    asked = {"undo_reason": "x", "undo_requested_by": ready.treasurer, "undo_requested_at": NOW}
    undone = {"undone_by": ready.approver, "undone_at": NOW, "came_back_on": TODAY}

    def write(**values):
        return lambda: Disbursement.objects.filter(pk=row.pk).update(**values)

    refused("disbursement_undo_asked_whole", write(undo_requested_at=NOW))
    refused("disbursement_undone_by_another_person", write(**undone))
    refused("disbursement_undone_as_asked", write(**asked, **undone))
    write(**asked)()
    refused("disbursement_undone_as_asked", write(undo_reason="y"))
    refused("disbursement_undone_by_another_person", write(**undone | {"undone_by": ready.treasurer}))  # fmt: skip
    refused("disbursement_undone_by_another_person", write(undone_by=ready.approver, undone_at=NOW))
    # Whoever writes to the table alone is found by the proofs: nothing is booked back.
    write(**undone)()
    assert "never_left" in broken()
    for values in ({"undone_at": None, "undone_by": None}, {"came_back_on": None}, {"undo_reason": "y"}):  # fmt: skip
        refused("disbursement_undone_is_final", write(**values))
    waiting = requested(ready, "10")
    refused("disbursement_undo_asked_whole", lambda: Disbursement.objects.filter(pk=waiting.pk).update(**asked))  # fmt: skip


def test_emergency_that_never_left_waits_for_no_second_approval():
    r = make_world(approvers=2)
    late = disbursement.pay(approve(r, ask(r, "10", why="Night")), paid_on=TODAY, by=r.treasurer, at=NOW)  # fmt: skip
    after = NOW + timedelta(hours=73)
    with pytest.raises(disbursement.NoEmergency):
        ask(r, "5", why="Again", at=after)

    take_back(r, late)

    assert list(Disbursement.objects.emergencies()) == []
    with pytest.raises(disbursement.WrongState):
        approve(r, late, by=r.third)
    again = approve(r, ask(r, "5", why="Again", at=after))
    assert disbursement.pay(again, paid_on=TODAY, by=r.treasurer, at=after).paid_at == after


@pytest.mark.django_db(transaction=True)
def test_taken_back_and_matched_at_once_only_one_happens():
    r = make_ready()
    allocate(r, "1000")
    row = paid(r)
    disbursement.doubt(row, reason="x", by=r.treasurer, at=NOW)
    line = make_line("-400", r.bank)
    people = [make_user() for _each in range(6)]

    def act(number):
        if number % 2:
            match(line=line, target=row, by=people[number], at=NOW)
        else:
            disbursement.take_back(row, by=people[number], at=NOW)

    ended = in_parallel(6, act)

    row.refresh_from_db()
    taken, matched = ended[::2].count(None), ended[1::2].count(None)
    assert (taken, matched) in {(1, 0), (0, 1)}
    assert (row.undone_at is not None, row.matches.count()) == (bool(taken), matched)
    assert Entry.objects.filter(source__startswith="reversal:").count() == taken
    assert set(filter(None, ended)) <= {"WrongState", "AtTheBank", "DoesNotFit", "AlreadyMatched"}


def words(response):
    return " ".join(unescape(response.content.decode()).split())


def test_treasurer_asks_and_approver_takes_back_in_the_office(client):
    r = make_ready()
    allocate(r, "1000")
    row = paid(r)
    path = f"{PAYMENT}{row.pk}/"
    tess = log_in(client, make_user("tess", "treasurer"))
    assert f"{path}doubt/" in words(tess.get(f"{path}change/"))
    page = words(tess.post(f"{path}doubt/", {"reason": "order not signed"}, follow=True))
    assert "another person takes it back" in page
    assert "tess says that it never left the bank" in page

    abe = log_in(client, make_user("abe", "approver"))
    assert "payment said never to have left the bank" in words(abe.get("/admin/"))
    assert row.payment_reference in words(abe.get(f"{PAYMENT}?state=doubted"))
    page = words(abe.post(f"{path}take-back/", follow=True))

    assert "€400.00 is set aside for the cost again" in page
    assert "Taken back by abe" in page
    assert f"{path}doubt/" not in page
    assert "payment said never to have left the bank" not in words(abe.get("/admin/"))
    assert Disbursement.objects.get().undone_by.username == "abe"
