"""The steps of a payment; every rule tried against the verb, the database and many at once."""

from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from donations import allocation, disbursement, ledger
from donations.ledger import Posting
from donations.models import AccountKey, Allocation, CostDocument, Disbursement, Entry
from tests import factories
from tests.donations.spending import (
    allocate,
    approve,
    balances,
    make_ready,
    request,
    requested,
)
from tests.factories import NOW, TODAY
from tests.threads import in_parallel


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def ready(db):
    return make_ready()


def another_account(payee):
    """One that was recorded for the payee and is not the one in use."""
    payee.account.refresh_from_db()
    row = payee.account
    row.pk, row.payee_hash, row.confirmed_by, row.confirmed_at = None, "f" * 64, None, None
    row.save(force_insert=True)
    return row


def amend(ready, row, *, by=None, **changes):
    content = {"amount": row.amount, "document": row.document, "bank_account": row.bank_account}
    return disbursement.amend(row, by=by or ready.treasurer, at=NOW, **content | changes)


def test_money_moves_from_fund_to_cost_to_payee(ready):
    allocate(ready, "600")
    assert balances(ready) == (1000, 400, 600)

    row = approve(ready, requested(ready, "450"))
    disbursement.pay(row, paid_on=TODAY, by=ready.treasurer, at=NOW)

    assert balances(ready) == (550, 400, 150)
    row.refresh_from_db()
    assert (row.paid_on, row.paid_by, row.payee_account.name) == (
        TODAY,
        ready.treasurer,
        "Sample law office",
    )
    assert set(Entry.objects.values_list("kind", "source")) >= {
        ("disbursement", f"disbursement:{row.number}"),
        ("allocation", f"allocation:{Allocation.objects.get().number}"),
    }


def test_request_beyond_what_is_set_aside_is_refused(ready):
    allocate(ready, "600")
    request(ready, "400")

    with pytest.raises(disbursement.NotEnoughMoney, match=r"€200\.00 is set aside"):
        request(ready, "200.01")


def test_who_asks_cannot_approve_not_even_a_superuser(ready):
    ready.treasurer.is_superuser = True
    ready.treasurer.save()
    allocate(ready, "600")
    row = requested(ready)

    with pytest.raises(disbursement.SamePerson):
        approve(ready, row, by=ready.treasurer)
    with pytest.raises(IntegrityError, match="approved_by_another_person"), transaction.atomic():
        Disbursement.objects.filter(pk=row.pk).update(
            approved_by=ready.treasurer, approved_at=NOW, approved_hash=row.content_hash
        )


def test_approval_is_of_what_the_approver_saw(ready):
    allocate(ready, "600")
    row = requested(ready)
    amend(ready, row, amount=Decimal(500))

    with pytest.raises(disbursement.ContentChanged):
        approve(ready, row)


@pytest.mark.parametrize(
    "field", ["amount", "payee_account", "currency", "bank_account", "document"]
)
def test_any_change_of_content_voids_the_approval(ready, field):
    allocate(ready, "600")
    row = approve(ready, requested(ready))
    change = {
        "amount": Decimal(401),
        "payee_account": another_account(ready.cost.payee),
        "currency": "USD",
        "bank_account": factories.make_bank_account("USD"),
        "document": factories.make_document(ready.cost, content=b"%PDF-other"),
    }[field]

    Disbursement.objects.filter(pk=row.pk).update(**{field: change})

    row.refresh_from_db()
    assert (row.approved_by, row.approved_at, row.approved_hash) == (None, None, "")
    with pytest.raises(disbursement.WrongState, match="not approved"):
        disbursement.pay(row, paid_on=TODAY, by=ready.treasurer, at=NOW)


def test_payment_without_approval_is_refused_by_verb_and_database(ready):
    allocate(ready, "600")
    row = requested(ready)

    with pytest.raises(disbursement.WrongState):
        disbursement.pay(row, paid_on=TODAY, by=ready.treasurer, at=NOW)
    with pytest.raises(IntegrityError, match="paid_only_when_approved"), transaction.atomic():
        Disbursement.objects.filter(pk=row.pk).update(
            paid_by=ready.treasurer, paid_at=NOW, paid_on=TODAY
        )


def test_paid_is_final(ready):
    allocate(ready, "600")
    row = approve(ready, requested(ready))
    disbursement.pay(row, paid_on=TODAY, by=ready.treasurer, at=NOW)

    with pytest.raises(disbursement.WrongState):
        disbursement.pay(row, paid_on=TODAY, by=ready.treasurer, at=NOW)
    for change in ({"amount": 1}, {"paid_on": TODAY - timedelta(days=1)}, {"paid_by": ready.other}):
        with pytest.raises(IntegrityError, match="is not changed"), transaction.atomic():
            Disbursement.objects.filter(pk=row.pk).update(**change)
    assert balances(ready) == (600, 400, 200)


def test_payment_on_a_future_day_is_refused(ready):
    allocate(ready, "600")
    row = approve(ready, requested(ready))

    with pytest.raises(disbursement.WrongDay, match="future"):
        disbursement.pay(row, paid_on=TODAY + timedelta(days=1), by=ready.treasurer, at=NOW)


def test_payment_is_never_dated_back_to_before_it_was_approved(ready):
    allocate(ready, "600")
    row, yesterday = approve(ready, requested(ready)), TODAY - timedelta(days=1)

    with pytest.raises(disbursement.WrongDay, match="It was approved on March 10, 2026"):
        disbursement.pay(row, paid_on=yesterday, by=ready.treasurer, at=NOW)
    with pytest.raises(IntegrityError, match="made after it was approved"), transaction.atomic():
        Disbursement.objects.filter(pk=row.pk).update(
            paid_by=ready.treasurer, paid_at=NOW, paid_on=yesterday
        )
    assert balances(ready) == (1000, 400, 600)


def test_refused_payment_frees_the_money_and_keeps_the_reason(ready):
    allocate(ready, "600")
    row = requested(ready, "600")
    with pytest.raises(disbursement.NoReason, match="Say why"):
        disbursement.refuse(row, reason=" ", by=ready.approver, at=NOW)

    disbursement.refuse(row, reason="Wrong bill", by=ready.approver, at=NOW)

    with pytest.raises(disbursement.WrongState):
        approve(ready, row)
    assert request(ready, "600").amount == 600


def test_bail_moves_to_the_court_and_cannot_be_spent_twice(db):
    r = make_ready(kind="bail")
    allocate(r, "600")
    row = approve(r, requested(r, "500"))
    disbursement.pay(row, paid_on=TODAY, by=r.treasurer, at=NOW)

    assert balances(r) == (500, 400, 600)
    assert ledger.balance(AccountKey.bail(r.cost)) == 500
    assert ledger.free(AccountKey.cost(r.cost)) == 100
    with pytest.raises(ledger.NotEnough):
        ledger.post(
            Posting(
                Entry.Kind.RELEASE,
                AccountKey.cost(r.cost),
                AccountKey.fund(r.fund, "EUR"),
                Decimal(101),
                TODAY,
                "test:too much",
            )
        )


def test_bail_with_nothing_set_aside_is_refused_by_the_database(db):
    r = make_ready(kind="bail")

    with pytest.raises(ledger.NotEnough):
        ledger.post(
            Posting(
                Entry.Kind.BAIL_PAID,
                AccountKey.bail(r.cost),
                AccountKey.bank(r.bank),
                Decimal(1),
                TODAY,
                "test:bail",
            )
        )


@pytest.mark.django_db(transaction=True)
def test_hundred_parallel_payments_of_what_forty_fit_pay_exactly_forty():
    r = make_ready()
    allocate(r, "1000")
    rows = []
    for _i in range(100):
        # Requests beyond the money are refused, so these are made as if each had been alone.
        row = Disbursement.objects.create(
            cost=r.cost,
            document=r.document,
            bank_account=r.bank,
            amount=Decimal(25),
            currency="EUR",
            payee_account=r.cost.payee.account,
            payment_reference=f"PAY-{_i}",
            requested_by=r.treasurer,
            requested_at=NOW,
        )
        row.refresh_from_db()
        rows.append(approve(r, row))

    results = in_parallel(
        100,
        lambda n: bool(disbursement.pay(rows[n], paid_on=TODAY, by=r.treasurer, at=NOW)),
    )

    assert results.count(True) == 40
    assert results.count("NotEnoughMoney") == 60
    assert balances(r) == (0, 0, 0)
    assert Disbursement.objects.filter(paid_at__isnull=False).count() == 40
    assert Entry.objects.filter(kind="disbursement").count() == 40


@pytest.mark.django_db(transaction=True)
def test_two_approvers_at_once_approve_once():
    r = make_ready()
    allocate(r, "600")
    row = requested(r)

    results = in_parallel(6, lambda n: bool(approve(r, row, by=r.approver if n % 2 else r.other)))

    assert sorted(map(str, results)) == ["True"] + ["WrongState"] * 5


def test_payment_reference_fits_a_transfer_and_is_hard_to_misread(ready):
    allocate(ready, "600")

    reference = requested(ready).payment_reference

    assert len(reference) == 12
    assert reference.startswith("PAY-")
    assert not set(reference[4:]) & set("01IOL")


def test_request_sent_twice_is_made_once(ready):
    allocate(ready, "600")
    number = uuid4()
    given = {"cost": ready.cost, "document": ready.document, "bank_account": ready.bank}
    given |= {"amount": Decimal(100), "by": ready.treasurer, "at": NOW, "number": number}
    disbursement.request(**given)

    with pytest.raises(disbursement.AlreadyDone):
        disbursement.request(**given)

    assert Disbursement.objects.get().number == number


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("foreign document", disbursement.WrongDocument),
        ("other currency", disbursement.WrongAccount),
        ("closed account", disbursement.WrongAccount),
        ("nothing", disbursement.WrongAmount),
        ("too fine", disbursement.WrongAmount),
    ],
)
def test_wrong_request_is_refused_when_made_and_when_amended(ready, change, error):
    allocate(ready, "600")
    row = requested(ready, "100")
    content = {"document": ready.document, "bank_account": ready.bank, "amount": Decimal(50)}
    content |= {
        "foreign document": lambda: {
            "document": factories.make_document(factories.make_cost(ready.case))
        },
        "other currency": lambda: {"bank_account": factories.make_bank_account("USD")},
        "closed account": lambda: {
            "bank_account": factories.make_bank_account("EUR", "old", closed_on=TODAY)
        },
        "nothing": lambda: {"amount": Decimal(0)},
        "too fine": lambda: {"amount": Decimal("1.005")},
    }[change]()

    with pytest.raises(error):
        disbursement.request(cost=ready.cost, by=ready.treasurer, at=NOW, **content)
    with pytest.raises(error):
        disbursement.amend(row, by=ready.treasurer, at=NOW, **content)

    row.refresh_from_db()
    assert (row.amount, row.document, row.bank_account) == (100, ready.document, ready.bank)


def test_amending_voids_the_approval_and_makes_the_amender_the_one_who_asked(ready):
    allocate(ready, "600")
    row = approve(ready, requested(ready))
    another = factories.make_document(ready.cost, content=b"%PDF-other")

    amend(ready, row, document=another, by=ready.approver)

    row.refresh_from_db()
    assert (row.approved_by, row.approved_at, row.approved_hash) == (None, None, "")
    assert row.requested_by == ready.approver
    with pytest.raises(disbursement.SamePerson):
        approve(ready, row)


def test_amending_to_the_same_content_still_voids_the_approval(ready):
    allocate(ready, "600")
    row = approve(ready, requested(ready))

    amend(ready, row)

    row.refresh_from_db()
    assert row.approved_at is None


def test_amending_beyond_what_is_set_aside_is_refused(ready):
    allocate(ready, "600")
    row = requested(ready, "400")
    request(ready, "100")

    with pytest.raises(disbursement.NotEnoughMoney, match=r"€500\.00 is set aside"):
        amend(ready, row, amount=Decimal("500.01"))
    amend(ready, row, amount=Decimal(500))


def test_states_follow_the_steps(ready):
    allocate(ready, "600")
    State = Disbursement.State

    def states():
        row = Disbursement.objects.with_proof().get()
        listed = {state for state in State if Disbursement.objects.in_state(state).exists()}
        return row.state(is_proved=row.is_proved), listed

    row = requested(ready)
    assert states() == (State.TO_APPROVE, {State.TO_APPROVE})
    approve(ready, row)
    assert states() == (State.TO_PAY, {State.TO_PAY})
    row = disbursement.pay(row, paid_on=TODAY, by=ready.treasurer, at=NOW)
    assert states() == (State.TO_PROVE, {State.TO_PROVE})
    factories.prove(row, by=ready.treasurer)
    assert states() == (State.DONE, {State.DONE})


# --- What the database refuses, whoever asks ------------------------------------------------------


def refused(match, act):
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        act()


def test_payment_cannot_start_approved_even_with_the_right_hash(ready):
    allocate(ready, "600")
    row = requested(ready)
    row.pk, row.number, row.payment_reference = None, uuid4(), "PAY-OTHER"
    row.approved_by, row.approved_at, row.approved_hash = ready.approver, NOW, row.content_hash

    refused("starts as a request", row.save)


def test_approval_of_another_content_is_refused(ready):
    allocate(ready, "600")
    row = requested(ready)
    wrong = sha256(b"another").hexdigest()

    refused(
        "of_this_content",
        lambda: Disbursement.objects.filter(pk=row.pk).update(
            approved_by=ready.approver, approved_at=NOW, approved_hash=wrong
        ),
    )


def test_payment_is_not_deleted_and_keeps_its_reference(ready):
    allocate(ready, "600")
    row = Disbursement.objects.filter(pk=requested(ready).pk)
    other = factories.make_cost(ready.case)

    refused("never deleted", row.delete)
    for change in ({"payment_reference": "PAY-OTHER"}, {"number": uuid4()}, {"cost": other}):
        refused("keeps its cost", lambda change=change: row.update(**change))


def test_refused_is_final(ready):
    allocate(ready, "600")
    row = requested(ready)
    disbursement.refuse(row, reason="Wrong bill", by=ready.approver, at=NOW)
    mine = Disbursement.objects.filter(pk=row.pk)

    for change in (
        {"amount": 1},
        {"refused_by": None, "refused_at": None, "refusal_reason": ""},
        {"refusal_reason": "Other"},
        {"approved_by": ready.other, "approved_at": NOW, "approved_hash": row.content_hash},
    ):
        refused("refused payment", lambda change=change: mine.update(**change))


def test_document_of_a_cost_is_not_exchanged(ready):
    mine = CostDocument.objects.filter(pk=ready.document.pk)

    for change in ({"sha256": "0" * 64}, {"size": 1}, {"cost": factories.make_cost(ready.case)}):
        refused("not exchanged", lambda change=change: mine.update(**change))
    allocate(ready, "600")
    requested(ready)
    with pytest.raises(IntegrityError), transaction.atomic():
        mine.delete()


def test_payment_beyond_what_is_set_aside_is_refused_by_verb_and_ledger(ready):
    allocate(ready, "600")
    row = approve(ready, requested(ready, "600"))
    # As if the money had gone by another way after the approval.
    key = {"debit": AccountKey.cost(ready.cost), "credit": AccountKey.bank(ready.bank)}
    ledger.post(
        Posting(Entry.Kind.DISBURSEMENT, amount=Decimal(1), booked_on=TODAY, source="t:1", **key)
    )

    with pytest.raises(disbursement.NotEnoughMoney, match=r"Only €599\.00"):
        disbursement.pay(row, paid_on=TODAY, by=ready.treasurer, at=NOW)

    row.refresh_from_db()
    assert (row.paid_at, row.paid_by, row.paid_on) == (None, None, None)


# --- Many at once -----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_one_payment_recorded_by_many_at_once_is_booked_once():
    r = make_ready()
    allocate(r, "600")
    row = approve(r, requested(r, "100"))

    results = in_parallel(
        6, lambda n: bool(disbursement.pay(row, paid_on=TODAY, by=r.treasurer, at=NOW))
    )

    assert sorted(map(str, results)) == ["True"] + ["WrongState"] * 5
    assert balances(r) == (900, 400, 500)


@pytest.mark.django_db(transaction=True)
def test_requests_and_releases_at_once_never_promise_more_than_there_is():
    r = make_ready()
    allocate(r, "1000")

    def work(n):
        if n % 2:
            return "asked" if request(r, "25") else ""
        return (
            "released"
            if allocation.release(
                fund=r.fund, cost=r.cost, amount=Decimal(25), by=r.treasurer, at=NOW
            )
            else ""
        )

    results = in_parallel(100, work)

    assert set(results) <= {"asked", "released", "NotEnoughMoney", "WrongAmount"}
    assert results.count("asked") + results.count("released") == 40
    assert Disbursement.objects.open().total() == balances(r)[2]


@pytest.mark.django_db(transaction=True)
def test_payment_is_either_approved_as_seen_or_amended():
    r = make_ready()
    allocate(r, "600")
    row = requested(r, "100")

    def work(n):
        if n == 0:
            return bool(amend(r, row, amount=Decimal(500), by=r.other))
        return bool(approve(r, row))

    results = in_parallel(6, work)

    assert results[0] is True
    row.refresh_from_db()
    assert (row.amount, row.approved_at) == (500, None)
