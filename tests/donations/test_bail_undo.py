"""What was wrongly recorded of bail is taken back by two people, and the books keep both."""

from html import unescape

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import translation

from defensefund.templatetags.formats import plain_day
from donations import allocation, differences, ledger
from donations.models import AccountKey, BailOutcome, Entry, LegalCost
from donations.proofs import prove
from tests import factories
from tests.donations.lying import lying
from tests.donations.spending import allocate
from tests.donations.test_bail import deposited, free, give_back, held, keep
from tests.factories import NOW, log_in, make_user
from tests.threads import in_parallel

pytestmark = pytest.mark.django_db
COST = "/admin/donations/legalcost/"


def words(response):
    return " ".join(unescape(response.content.decode()).split())


def take_back(r, row, reason="another amount came"):
    allocation.request_bail_undo(row, reason=reason, by=r.treasurer, at=NOW)
    return allocation.undo_bail_outcome(row, by=r.approver, at=NOW)


def broken():
    """The gifts of this world are made up: their own two proofs know no such sources."""
    made_up = {"donations", "sources"}
    return [proof.name for proof in prove() if not proof.holds and proof.name not in made_up]


def unproved():
    lying(NOW)
    return [item.name for item in differences.listed(at=NOW) if item.kind == "unproved"]


def figures():
    cost = LegalCost.objects.with_figures().get()
    return cost.set_aside, cost.paid, cost.with_court, cost.came_back, cost.missing


def test_what_came_back_lies_with_the_court_again_and_is_set_aside_from_the_same_funds():
    r = deposited("600", "400")
    before = figures()
    row = give_back(r, "500")
    assert (held(r), free(r.fund), free(r.general)) == (500, 500, 400)
    assert f"bail:{row.number}" in unproved()

    take_back(r, row)

    assert f"bail:{row.number}" not in unproved()

    assert (held(r), free(r.fund), free(r.general)) == (1000, 400, 0)
    assert figures() == before == (0, 0, 1000, 0, 0)
    assert ledger.balance(AccountKey.bank(r.bank)) == 400
    assert broken() == []
    # What really happened is recorded after it.
    give_back(r, "700")
    assert held(r) == 300
    assert broken() == []


def test_what_was_not_lost_lies_with_the_court_again():
    r = deposited()
    row = keep(r, "250")
    assert figures()[2] == 750

    take_back(r, row)

    assert (held(r), figures()[2]) == (1000, 1000)
    [entry] = Entry.objects.filter(source__startswith="reversal:bail:")
    assert entry.reversal.reason == "another amount came"
    assert broken() == []


def test_who_asked_does_not_take_it_back_and_it_is_done_once():
    r = deposited()
    row = give_back(r, "100")
    with pytest.raises(allocation.WrongState, match="Nobody asked"):
        allocation.undo_bail_outcome(row, by=r.approver, at=NOW)
    with pytest.raises(allocation.NoReason):
        allocation.request_bail_undo(row, reason=" ", by=r.treasurer, at=NOW)
    allocation.request_bail_undo(row, reason="x", by=r.treasurer, at=NOW)

    with pytest.raises(allocation.SamePerson):
        allocation.undo_bail_outcome(row, by=r.treasurer, at=NOW)
    allocation.keep_bail_outcome(row, by=r.approver, at=NOW)
    assert held(r) == 900
    take_back(r, row)
    with pytest.raises(allocation.WrongState):
        allocation.undo_bail_outcome(row, by=r.other, at=NOW)

    assert held(r) == 1000


def test_money_that_was_used_since_is_not_taken_from_its_new_purpose():
    r = deposited()
    row = give_back(r, "1000")
    first, r.cost = r.cost, factories.make_cost(r.case, owed="900", by=r.treasurer)
    allocate(r, "900")
    allocation.request_bail_undo(row, reason="x", by=r.treasurer, at=NOW)

    with pytest.raises(allocation.NotEnoughMoney):
        allocation.undo_bail_outcome(row, by=r.approver, at=NOW)

    row.refresh_from_db()
    assert (row.undone_at, ledger.balance(AccountKey.bail(first))) == (None, 0)
    assert broken() == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("amount = 1", "never changed"),
        ("undone_by_id = by_id, undone_at = now()", "undone_by_another_person|never changed"),
        ("undo_requested_at = now()", "undo_asked_whole"),
    ],
)
def test_database_lets_only_two_people_take_it_back(change, rule):
    r = deposited()
    give_back(r, "100")

    with (
        pytest.raises(IntegrityError, match=rule),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE donations_bailoutcome SET {change}")


@pytest.mark.django_db(transaction=True)
def test_taken_back_at_once_by_many_it_is_reversed_once():
    r = deposited()
    row = give_back(r, "100")
    allocation.request_bail_undo(row, reason="x", by=r.treasurer, at=NOW)
    people = [make_user() for _each in range(3)]

    def act(number):
        allocation.undo_bail_outcome(row, by=people[number], at=NOW)

    assert sorted(map(str, in_parallel(3, act))) == ["None", "WrongState", "WrongState"]
    assert held(r) == 1000


def test_treasurer_doubts_and_approver_takes_back_in_the_office(client):
    r = deposited()
    row = give_back(r, "100")
    path = f"{COST}{r.cost.pk}/"
    tess = log_in(client, make_user("tess", "treasurer"))
    data = {"outcome": row.pk, "reason": "it was 90"}
    assert "another person takes it back" in words(tess.post(f"{path}bail-doubt/", data, follow=True))  # fmt: skip

    abe = log_in(client, make_user("abe", "approver"))
    assert "outcome of bail recorded wrongly" in words(abe.get("/admin/"))
    assert r.cost.number in words(abe.get(f"{COST}?need=doubt"))
    with translation.override("en"):
        day = plain_day(row.happened_on)
    assert f"{day}: given back, €100.00 (it was 90)</option>" in words(abe.get(f"{path}bail-take-back/"))  # fmt: skip
    page = words(abe.post(f"{path}bail-take-back/", {"outcome": row.pk}, follow=True))

    assert "the court holds €100.00 again" in page
    assert "it was 90 (tess, abe)" in page
    assert BailOutcome.objects.get().undone_by.username == "abe"
