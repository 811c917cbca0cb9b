"""Who keeps out of a payment, who has to come in, and what an emergency may not do; each tried against verb and database."""

from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from donations import conflicts, disbursement, payees
from donations.emergencies import emergencies
from donations.models import (
    Conflict,
    CostShare,
    Disbursement,
    Payee,
    PayeeAccount,
    Scheme,
    StaffAccount,
)
from donations.models.payee import new_payee_number
from tests import factories
from tests.donations.spending import allocate, approve, make_ready, requested
from tests.factories import NOW, TODAY, make_user
from tests.threads import in_parallel

HOUR = timedelta(hours=1)
IBAN = "DE02120300000000202051"


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


def make_world(approvers=1):
    """All of 1,000 EUR set aside; above 100 a third person, emergencies up to 100 (of two approvals: up to 500)."""
    r = make_ready()
    limits = [("EUR", "100", "100") if approvers == 1 else ("EUR", "500", "500")]
    factories.make_policy(limits=limits, approvers=approvers, at=NOW - timedelta(days=9))
    r.third = make_user()
    allocate(r, "1000")
    return r


@pytest.fixture
def r(db):
    return make_world()


@pytest.fixture
def strict(db):
    return make_world(approvers=2)


def refused(match, act):
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        act()


def write(row, **values):
    Disbursement.objects.filter(pk=row.pk).update(**values)


def pay(r, row, *, at=NOW, **how):
    return disbursement.pay(row, paid_on=TODAY, by=r.treasurer, at=at, **how)


def ask(r, amount, *, at=NOW, why="", by=None):
    return disbursement.request(
        cost=r.cost, document=r.document, bank_account=r.bank, amount=Decimal(amount),
        by=by or r.treasurer, at=at, emergency_reason=why,
    )  # fmt: skip


# --- A third person above the limit ---------------------------------------------------------------


def test_up_to_the_limit_one_other_person_is_enough_and_above_it_a_third(r):
    small, large = requested(r, "100"), requested(r, "100.01")
    assert (small.approvals_needed, large.approvals_needed) == (1, 2)

    pay(r, approve(r, small))
    approve(r, large)
    with pytest.raises(disbursement.WrongState, match="third person"):
        pay(r, large)
    refused("third person", lambda: write(large, paid_by=r.treasurer, paid_at=NOW, paid_on=TODAY))
    for who in (r.treasurer, r.approver):
        with pytest.raises(disbursement.SamePerson):
            approve(r, large, by=who)
        refused(
            "third_person_is_a_third",
            lambda who=who: write(
                large, seconded_by=who, seconded_at=NOW, seconded_hash=large.content_hash
            ),
        )
    large = approve(r, large, by=r.third)
    assert (large.approved_by, large.seconded_by) == (r.approver, r.third)
    with pytest.raises(disbursement.WrongState):
        approve(r, large, by=r.other)
    assert pay(r, large).paid_on == TODAY


def test_second_approval_is_of_the_same_content_and_falls_with_the_first(r):
    row = approve(r, approve(r, requested(r, "200")), by=r.third)
    refused("third_person_is_a_third", lambda: write(row, seconded_hash="0" * 64))

    payees.change_account(
        r.cost.payee, name="Sample", scheme=Scheme.IBAN, account="ES9121000418450200051332",
        by=r.other, at=NOW,
    )  # fmt: skip

    row.refresh_from_db()
    assert (row.approved_at, row.seconded_by, row.seconded_at, row.seconded_hash) == (
        None,
        None,
        None,
        "",
    )


def test_amount_raised_above_the_limit_needs_the_third_person(r):
    row = approve(r, requested(r, "50"))

    write(row, amount=Decimal(500))

    row.refresh_from_db()
    assert (row.approvals_needed, row.approved_at) == (2, None)
    write(row, approvals_needed=1)
    row.refresh_from_db()
    assert row.approvals_needed == 2


@pytest.mark.parametrize(("has_policy", "needed"), [(False, 1), (True, 2)])
def test_without_a_policy_one_is_enough_and_a_policy_silent_on_the_currency_asks_for_a_third(
    db, has_policy, needed
):
    if has_policy:
        # Before there was an account in that currency.
        factories.make_policy(at=NOW)
    r = make_ready()
    allocate(r, "1000")

    assert requested(r, "1").approvals_needed == needed


def test_payments_wait_on_the_list_of_who_may_approve_them(r):
    fresh, half = requested(r, "10"), approve(r, requested(r, "200"))
    objects = Disbursement.objects

    assert set(objects.to_approve_by(r.third)) == {fresh, half}
    assert set(objects.to_approve_by(r.approver)) == {fresh}
    assert set(objects.to_approve_by(r.treasurer)) == set()
    assert set(objects.undecided()) == {fresh, half}
    approve(r, half, by=r.third)
    assert list(objects.payable()) == [half]


# --- Who has a stake ------------------------------------------------------------------------------


def with_stake(r, user, subject="payee"):
    """`subject`: the payee, the defendant, or another whom the cost is for too."""
    who = r.cost.defendant
    if subject == "sharer":
        who = factories.make_defendant("Beto (sample)", cases=[r.case])
        with transaction.atomic():
            for defendant in (r.cost.defendant, who):
                CostShare.objects.create(cost=r.cost, defendant=defendant, parts=1)
    return conflicts.record(
        user=user,
        payee=r.cost.payee if subject == "payee" else None,
        defendant=None if subject == "payee" else who,
        relation=Conflict.Relation.RELATIVE,
        by=r.other,
        at=NOW,
    )


@pytest.mark.parametrize("subject", ["payee", "defendant", "sharer"])
def test_who_has_a_stake_neither_asks_nor_approves_nor_pays(r, subject):
    row, large = requested(r, "10"), approve(r, requested(r, "200"))
    relative = make_user(is_superuser=True)
    with_stake(r, relative, subject)

    for act in (
        lambda: ask(r, "1", by=relative),
        lambda: approve(r, row, by=relative),
        lambda: approve(r, large, by=relative),
    ):
        with pytest.raises(disbursement.Conflicted, match="You have a stake in this payment"):
            act()
    values = {"approved_by": relative, "approved_at": NOW, "approved_hash": row.content_hash}
    refused("has a stake", lambda: write(row, **values))
    second = {"seconded_by": relative, "seconded_at": NOW, "seconded_hash": large.content_hash}
    refused("has a stake", lambda: write(large, **second))
    refused("has a stake", lambda: write(row, requested_by=relative))
    row = approve(r, row)
    with pytest.raises(disbursement.Conflicted):
        disbursement.pay(row, paid_on=TODAY, by=relative, at=NOW)
    refused("has a stake", lambda: write(row, paid_by=relative, paid_at=NOW, paid_on=TODAY))
    pay(r, row)


@pytest.mark.parametrize("subject", ["payee", "defendant", "sharer"])
def test_payment_does_not_wait_for_who_has_a_stake_in_it(r, subject):
    row = requested(r, "10")
    stake = with_stake(r, r.third, subject)

    waiting = [Disbursement.objects.to_approve_by(user) for user in (r.third, r.approver)]
    assert [list(rows) for rows in waiting] == [[], [row]]
    conflicts.end(stake, by=r.other, at=NOW)
    assert list(Disbursement.objects.to_approve_by(r.third)) == [row]


@pytest.mark.parametrize("role", ["treasurer", "approver", "third"])
def test_stake_recorded_later_voids_what_was_approved(r, role):
    row = approve(r, approve(r, requested(r, "200")), by=r.third)
    with_stake(r, getattr(r, role))

    row.refresh_from_db()
    assert (row.approved_at, row.seconded_at) == (None, None)
    if role == "treasurer":
        # Who asked for it: another person has to.
        with pytest.raises(disbursement.Conflicted):
            approve(r, row)
        disbursement.amend(
            row, amount=row.amount, document=row.document, bank_account=row.bank_account,
            by=r.other, at=NOW,
        )  # fmt: skip
        row.refresh_from_db()
        approve(r, row)


def test_stake_is_lifted_by_another_person_and_never_edited(r):
    row = with_stake(r, r.approver)
    mine = Conflict.objects.filter(pk=row.pk)

    with pytest.raises(conflicts.SamePerson):
        conflicts.end(row, by=r.approver, at=NOW)
    refused("ended_by_another_person", lambda: mine.update(ended_by=r.approver, ended_at=NOW))
    refused("never changed", lambda: mine.update(user=r.other))
    refused("never changed", mine.delete)
    conflicts.end(row, by=r.other, at=NOW)
    with pytest.raises(conflicts.WrongState):
        conflicts.end(row, by=r.other, at=NOW)
    refused("never changed", lambda: mine.update(ended_at=None, ended_by=None))
    approve(r, requested(r, "10"))
    with pytest.raises(conflicts.WrongSubject):
        conflicts.record(
            user=r.other,
            payee=None,
            defendant=None,
            relation=Conflict.Relation.SELF,
            by=r.other,
            at=NOW,
        )


def test_who_has_a_stake_does_not_confirm_the_account(r):
    payee = factories.make_payee(is_confirmed=False)
    relative = make_user()
    conflicts.record(
        user=relative,
        payee=payee,
        defendant=None,
        relation=Conflict.Relation.SELF,
        by=r.other,
        at=NOW,
    )

    with pytest.raises(payees.Conflicted, match="has a stake"):
        payees.confirm(payee, account=IBAN, by=relative, at=NOW)
    refused(
        "does not confirm",
        lambda: (
            type(payee.account)
            .objects.filter(pk=payee.account_id)
            .update(confirmed_by=relative, confirmed_at=NOW)
        ),
    )


def declare(user, account=IBAN):
    return conflicts.declare_account(account=account, scheme=Scheme.IBAN, by=user, at=NOW)


def test_nothing_is_paid_to_an_account_of_staff(r):
    row = approve(r, requested(r, "10"))
    payee = factories.make_payee(is_confirmed=False)
    # As anybody of the staff might write it.
    mine = declare(make_user(), "de02 1203 0000 0000 2020 51")

    row.refresh_from_db()
    assert row.approved_at is None
    for act in (lambda: ask(r, "1"), lambda: approve(r, row)):
        with pytest.raises(disbursement.Conflicted, match="member of staff"):
            act()
    values = {"approved_by": r.approver, "approved_at": NOW, "approved_hash": row.content_hash}
    refused("account of staff", lambda: write(row, **values))
    with pytest.raises(payees.Conflicted, match="member of staff"):
        payees.confirm(payee, account=IBAN, by=r.other, at=NOW)
    confirmed = {"confirmed_by": r.other, "confirmed_at": NOW}
    theirs = PayeeAccount.objects.filter(pk=payee.account_id)
    refused("account of a member of staff", lambda: theirs.update(**confirmed))
    conflicts.end(mine, by=r.other, at=NOW)
    approve(r, row)


def test_account_of_staff_is_recorded_for_no_payee(r):
    other = "ES9121000418450200051332"
    mine = declare(make_user(), other)
    theirs = {"scheme": Scheme.IBAN, "account": "ES91 2100 0418 4502 0005 1332", "at": NOW}
    new = {"kind": Payee.Kind.LAWYER, "name": "Sample", "number": new_payee_number()}
    payee = Payee.objects.get()

    def record():
        return payees.record(**new, **theirs, by=r.other)

    for act in (record, lambda: payees.change_account(payee, name="x", **theirs, by=r.other)):
        with pytest.raises(payees.Conflicted, match="member of staff"):
            act()
    row = PayeeAccount.objects.get()
    row.pk, row.account_hash, row.confirmed_by, row.confirmed_at = (
        None,
        mine.account_hash,
        None,
        None,
    )
    refused("account of a member of staff", row.save)

    conflicts.end(mine, by=r.other, at=NOW)
    assert record().account.tail == "…1332"


def test_nobody_asks_or_approves_who_has_not_said_which_account_is_theirs(r):
    """Nor that they have none: with accounts nobody declared none could be found equal to a payee's."""
    new, other, row = make_user(is_declared=False), make_user(is_declared=False), ask(r, "10")

    for act in (lambda: ask(r, "1", by=new), lambda: approve(r, row, by=new)):
        with pytest.raises(disbursement.Undeclared, match="which account is yours, or that you"):
            act()
    values = {"approved_by": new, "approved_at": NOW, "approved_hash": row.content_hash}
    refused("which account is theirs", lambda: write(row, **values))
    refused("which account is theirs", lambda: write(row, requested_by=new, requested_at=NOW))
    none = conflicts.declare_none(by=new, at=NOW)
    approve(r, row, by=new)
    with pytest.raises(conflicts.WrongState):
        conflicts.declare_none(by=new, at=NOW)
    # The word of another day says nothing of this one.
    conflicts.end(none, by=other, at=NOW)
    second = ask(r, "20")
    with pytest.raises(disbursement.Undeclared):
        approve(r, second, by=new)
    declare(new, "ES9121000418450200051332")
    approve(r, second, by=new)


def test_first_account_ends_the_word_that_there_is_none(r):
    mine = make_user()
    declare(mine, "ES9121000418450200051332")

    said = StaffAccount.objects.filter(user=mine).order_by("pk")
    assert [(bool(each.account_hash), each.ended_by) for each in said] == [
        (False, mine),
        (True, None),
    ]
    # Of an account nobody takes back their own word.
    refused(
        "staff_account_ended_by_another_person",
        lambda: said.filter(ended_at=None).update(ended_at=NOW, ended_by=mine),
    )


def test_of_an_account_of_staff_only_the_hash_is_kept(r):
    mine = make_user(is_declared=False)
    row = declare(mine)

    kept = str(StaffAccount.objects.filter(user=mine).values().get())
    assert "2020" not in kept.replace(row.account_hash, "")
    for act, error in (
        (lambda: declare(mine), conflicts.WrongState),
        (lambda: declare(mine, IBAN[:-1] + "2"), conflicts.WrongAccount),
        (lambda: conflicts.end(row, by=mine, at=NOW), conflicts.SamePerson),
    ):
        with pytest.raises(error):
            act()


@pytest.mark.django_db(transaction=True)
def test_stake_and_approvals_at_once_leave_no_approval_of_who_has_it():
    r = make_world()
    rows = [requested(r, "10") for _i in range(10)]

    def work(n):
        if n == 5:
            return "recorded" if with_stake(r, r.approver) else ""
        return "approved" if approve(r, rows[n % 10]) else ""

    results = in_parallel(10, work)

    assert set(results) <= {"recorded", "approved", "Conflicted"}
    assert results.count("recorded") == 1
    assert not Disbursement.objects.filter(approved_at__isnull=False).exists()


# --- The emergency path ---------------------------------------------------------------------------


def test_emergency_is_paid_with_one_approval_and_signed_by_a_third_person_in_time(strict):
    r = strict
    row = ask(r, "500", why="Arrested tonight; the lawyer leaves at once.")
    with pytest.raises(disbursement.WrongState, match="not approved"):
        pay(r, row)
    row = pay(r, approve(r, row))

    objects = Disbursement.objects
    assert (row.is_emergency, row.lacks_second) == (True, True)
    assert list(objects.unsigned()) == [row]
    assert (
        list(objects.overdue(at=NOW + 72 * HOUR)),
        list(objects.overdue(at=NOW + 73 * HOUR)),
    ) == ([], [row])
    assert list(objects.to_approve_by(r.third)) == [row]
    for who in (r.treasurer, r.approver):
        with pytest.raises(disbursement.SamePerson):
            approve(r, row, by=who)
    row = disbursement.approve(row, content_hash=row.content_hash, by=r.third, at=NOW + 80 * HOUR)
    assert (row.seconded_by, list(objects.unsigned())) == (r.third, [])
    refused("paid disbursement", lambda: write(row, seconded_by=r.other))


@pytest.mark.parametrize(
    ("amount", "sentence"), [("500.01", r"lets €500\.00 be paid"), ("900", "not more")]
)
def test_emergency_above_its_limit_is_none(strict, amount, sentence):
    with pytest.raises(disbursement.NoEmergency, match=sentence):
        ask(strict, amount, why="Now")
    row = requested(strict, amount)
    refused("no emergency", lambda: write(row, emergency_reason="Now"))
    approve(strict, row)
    refused("no emergency|afterwards", lambda: write(row, emergency_reason="Now"))
    small = approve(strict, requested(strict, "10"))
    refused("afterwards", lambda: write(small, emergency_reason="Now"))


def test_where_one_approval_is_enough_there_is_no_emergency(r):
    with pytest.raises(disbursement.NoEmergency, match="One approval is enough"):
        ask(r, "100", why="Now")
    with pytest.raises(disbursement.NoEmergency, match="be paid with one approval"):
        ask(r, "101", why="Now")


def test_emergency_that_was_not_signed_in_time_freezes_all_others(strict):
    r = strict
    late = pay(r, approve(r, ask(r, "10", why="Night")))
    waiting = approve(r, ask(r, "20", why="Night", at=NOW + 71 * HOUR))
    after = NOW + 73 * HOUR

    for act in (lambda: ask(r, "5", why="Again", at=after), lambda: pay(r, waiting, at=after)):
        with pytest.raises(disbursement.NoEmergency, match=late.payment_reference):
            act()
    refused(
        "earlier emergency",
        lambda: write(waiting, paid_by=r.treasurer, paid_at=after, paid_on=TODAY),
    )
    # What two have approved goes its way; and the emergencies too, once the late signature is there.
    pay(r, approve(r, approve(r, ask(r, "30")), by=r.third), at=after)
    approve(r, late, by=r.third)
    pay(r, waiting, at=after)


def test_public_is_told_how_many_and_never_which(strict, client):
    r = strict
    late = pay(r, approve(r, ask(r, "10", why="Arrested tonight")))
    pay(r, approve(r, ask(r, "20", why="Night")), at=NOW + HOUR)

    assert asdict(emergencies(at=NOW + 72.5 * HOUR)) == {"paid": 2, "unsigned": 2, "overdue": 1}
    page = client.get("/en/books/").content.decode()
    assert "2 payments could not wait and were made with one approval each." in page
    # Today all of it is late.
    assert "2 are late" in page
    assert "Arrested" not in page
    assert late.payment_reference not in page
    assert client.get("/en/books.json").json()["emergencies"] == {
        "paid": 2,
        "unsigned": 2,
        "overdue": 2,
    }


# --- The payment itself ---------------------------------------------------------------------------


def test_payment_says_what_the_payee_received_in_another_currency(r):
    row = approve(r, requested(r, "100"))
    for received, currency in ((Decimal(0), "ARS"), (Decimal(5), "EUR"), (Decimal(5), "")):
        with pytest.raises(disbursement.WrongAmount):
            pay(r, row, received=received, received_currency=currency)

    row = pay(r, row, bank_reference=" TX-9 ", received=Decimal("141000"), received_currency="ARS")

    row.refresh_from_db()
    assert (row.bank_reference, row.received, row.received_currency) == ("TX-9", 141000, "ARS")
    assert row.obtained_rate == 1410
    for values in ({"received": Decimal(1)}, {"bank_reference": "X"}, {"approvals_needed": 2}):
        refused("paid disbursement", lambda values=values: write(row, **values))
    other = requested(r, "10")
    refused(
        "received_in_another", lambda: write(other, received=Decimal(1), received_currency="EUR")
    )
