"""Allocation, payment, cover: the verbs, and every rule of the books tried against the database itself."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import translation

from donations import allocation, disbursement, ledger
from donations.ledger import Posting
from donations.models import AccountKey, Allocation, Disbursement, Entry, FundCover
from tests import factories
from tests.factories import NOW, TODAY


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def ready(db):
    return make_ready()


class Ready:
    """A case with a fund of 1,000 EUR, a cost of 1,000 with a bill, a bank account, and three people."""


def make_ready(owed="1000", kind="fees"):
    r = Ready()
    r.treasurer, r.approver, r.other = (factories.make_user() for _i in range(3))
    r.case = factories.make_case(by=r.treasurer)
    r.fund = factories.make_fund("case", case=r.case)
    r.general = factories.make_fund()
    r.cost = factories.make_cost(r.case, owed=owed, by=r.treasurer, kind=kind)
    r.document = factories.make_document(r.cost)
    r.bank = factories.make_bank_account("EUR")
    factories.give(r.fund, "1000", into=AccountKey.bank(r.bank))
    return r


def allocate(r, amount, fund=None):
    return allocation.allocate(
        fund=fund or r.fund, cost=r.cost, amount=Decimal(amount), by=r.treasurer, at=NOW
    )


def request(r, amount):
    return disbursement.request(
        cost=r.cost,
        document=r.document,
        bank_account=r.bank,
        amount=Decimal(amount),
        by=r.treasurer,
        at=NOW,
    )


def approve(r, row, by=None):
    return disbursement.approve(row, content_hash=row.content_hash, by=by or r.approver, at=NOW)


def requested(r, amount="400"):
    row = request(r, amount)
    row.refresh_from_db()
    return row


def balances(r):
    return tuple(
        ledger.balance(key)
        for key in (
            AccountKey.bank(r.bank),
            AccountKey.fund(r.fund, "EUR"),
            AccountKey.cost(r.cost),
        )
    )


def test_money_moves_from_fund_to_cost_to_payee(ready):
    allocate(ready, "600")
    assert balances(ready) == (1000, 400, 600)

    row = approve(ready, requested(ready, "450"))
    disbursement.pay(row, paid_on=TODAY, by=ready.treasurer, at=NOW)

    assert balances(ready) == (550, 400, 150)
    row.refresh_from_db()
    assert (row.paid_on, row.paid_by, row.payee_name) == (
        TODAY,
        ready.treasurer,
        "Sample law office",
    )
    assert set(Entry.objects.values_list("kind", "source")) >= {
        ("disbursement", f"disbursement:{row.number}"),
        ("allocation", f"allocation:{Allocation.objects.get().number}"),
    }


def test_allocation_beyond_the_fund_is_refused_with_what_is_free(ready):
    factories.give(ready.general, "50")

    with pytest.raises(allocation.NotEnoughMoney, match=r"Only €50\.00 is free there"):
        allocate(ready, "50.01", fund=ready.general)

    assert ledger.balance(AccountKey.fund(ready.general, "EUR")) == 50
    assert not Allocation.objects.exists()


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        ("0", "above zero"),
        ("-1", "above zero"),
        ("1.001", "EUR has no such small parts"),
        ("1000.01", "Only €1,000.00 of this cost is not set aside yet"),
    ],
)
def test_allocation_of_a_wrong_amount_is_refused(ready, amount, sentence):
    with pytest.raises(allocation.WrongAmount, match=sentence):
        allocate(ready, amount)


def test_fund_of_another_case_cannot_serve_the_cost(ready):
    stranger = factories.make_fund("case", case=factories.make_case())
    factories.give(stranger, "100")

    with pytest.raises(allocation.WrongFund):
        allocate(ready, "10", fund=stranger)


def test_release_gives_back_what_is_not_spoken_for(ready):
    allocate(ready, "600")
    request(ready, "450")

    def release(amount, fund=ready.fund):
        return allocation.release(
            fund=fund, cost=ready.cost, amount=Decimal(amount), by=ready.treasurer, at=NOW
        )

    with pytest.raises(allocation.NotEnoughMoney):
        release("151")
    with pytest.raises(allocation.WrongAmount):
        release("1", fund=ready.general)
    release("150")

    assert balances(ready) == (1000, 550, 450)


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
    disbursement.amend(row, amount=Decimal(500), by=ready.treasurer)

    with pytest.raises(disbursement.ContentChanged):
        approve(ready, row)


@pytest.mark.parametrize("field", ["amount", "payee_hash", "currency", "bank_account", "document"])
def test_any_change_of_content_voids_the_approval(ready, field):
    allocate(ready, "600")
    row = approve(ready, requested(ready))
    change = {
        "amount": Decimal(401),
        "payee_hash": "f" * 64,
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

    with pytest.raises(disbursement.DisbursementError, match="future"):
        disbursement.pay(row, paid_on=TODAY + timedelta(days=1), by=ready.treasurer, at=NOW)


def test_refused_payment_frees_the_money_and_keeps_the_reason(ready):
    allocate(ready, "600")
    row = requested(ready, "600")
    with pytest.raises(disbursement.DisbursementError, match="Say why"):
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


def refund(r, amount):
    ledger.post(
        Posting(
            Entry.Kind.REFUND,
            AccountKey.fund(r.fund, "EUR"),
            AccountKey.stripe("EUR"),
            Decimal(amount),
            TODAY,
            f"test:refund {amount}",
        )
    )


def test_fact_takes_a_fund_below_zero_and_freezes_it_until_two_people_cover_it(ready):
    allocate(ready, "900")
    refund(ready, "150")
    assert ledger.balance(AccountKey.fund(ready.fund, "EUR")) == -50

    # Gifts that follow do not lift the freeze.
    factories.give(ready.fund, "80")
    with pytest.raises(allocation.NotEnoughMoney, match="frozen"):
        allocate(ready, "10")

    factories.give(ready.general, "500")
    cover = allocation.request_cover(
        source=ready.general,
        target=ready.fund,
        amount=Decimal(20),
        currency="EUR",
        reason="Refund after the money was spent",
        by=ready.treasurer,
        at=NOW,
    )
    with pytest.raises(allocation.SamePerson):
        allocation.approve_cover(cover, by=ready.treasurer, at=NOW)
    with pytest.raises(IntegrityError, match="approved_by_another"), transaction.atomic():
        FundCover.objects.update(approved_by=ready.treasurer, approved_at=NOW)
    allocation.approve_cover(cover, by=ready.approver, at=NOW)

    allocate(ready, "10")
    assert balances(ready) == (1000, 40, 910)
    with pytest.raises(allocation.AllocationError, match="already"):
        allocation.approve_cover(cover, by=ready.other, at=NOW)


def test_cover_too_small_leaves_the_fund_frozen(ready):
    allocate(ready, "900")
    refund(ready, "150")
    factories.give(ready.general, "500")
    cover = allocation.request_cover(
        source=ready.general,
        target=ready.fund,
        amount=Decimal(20),
        currency="EUR",
        reason="First part",
        by=ready.treasurer,
        at=NOW,
    )
    allocation.approve_cover(cover, by=ready.approver, at=NOW)

    with pytest.raises(allocation.NotEnoughMoney, match="frozen"):
        allocate(ready, "1")


# The pool of a process has eight connections, and the test itself holds one.
THREADS = 6


def in_parallel(count, work):
    """`count` calls of `work(number)` by several threads at once; how each ended: its result or its error's name."""
    start = threading.Barrier(THREADS)
    waiting = threading.local()

    def run(number):
        if not getattr(waiting, "over", False):
            waiting.over = True
            start.wait(timeout=10)
        try:
            return work(number)
        except Exception as error:
            return type(error).__name__

    def close():
        connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(run, range(count)))
        for _i in range(THREADS):
            pool.submit(close)
    connections.close_all()
    return results


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
            payee_name="Sample",
            payee_account="Sample",
            payee_hash="0" * 64,
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
def test_hundred_parallel_allocations_of_what_forty_fit_set_aside_exactly_forty():
    r = make_ready(owed="100000")

    results = in_parallel(100, lambda n: bool(allocate(r, "25")))

    assert results.count(True) == 40
    assert results.count("NotEnoughMoney") == 60
    assert balances(r) == (1000, 0, 1000)
    assert Allocation.objects.count() == 40


@pytest.mark.django_db(transaction=True)
def test_allocations_to_many_costs_at_once_never_overdraw_the_fund_and_refunds_still_book():
    r = make_ready()
    costs = [factories.make_cost(r.case, by=r.treasurer) for _i in range(10)]

    def work(n):
        if n % 10 == 0:
            ledger.post(
                Posting(
                    Entry.Kind.REFUND,
                    AccountKey.fund(r.fund, "EUR"),
                    AccountKey.stripe("EUR"),
                    Decimal(1),
                    TODAY,
                    f"test:refund {n}",
                )
            )
            return "fact"
        return bool(
            allocation.allocate(
                fund=r.fund, cost=costs[n % 10], amount=Decimal(25), by=r.treasurer, at=NOW
            )
        )

    results = in_parallel(100, work)

    assert results.count("fact") == 10
    paid = results.count(True)
    assert set(results) <= {True, "fact", "NotEnoughMoney"}
    assert ledger.balance(AccountKey.fund(r.fund, "EUR")) == 1000 - 10 - 25 * paid
    assert paid in (38, 39)


@pytest.mark.django_db(transaction=True)
def test_two_approvers_at_once_approve_once():
    r = make_ready()
    allocate(r, "600")
    row = requested(r)

    results = in_parallel(6, lambda n: bool(approve(r, row, by=r.approver if n % 2 else r.other)))

    assert sorted(map(str, results)) == ["True"] + ["WrongState"] * 5


def test_decision_posted_past_the_verbs_is_still_refused(ready):
    with (
        pytest.raises(IntegrityError, match="has not enough"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        allocate(ready, "1")
        cursor.execute(
            "INSERT INTO donations_entry (kind, debit_id, credit_id, amount, currency, booked_on, source)"
            " SELECT 'disbursement', c.id, b.id, 2, 'EUR', '2026-03-10', 'test:past'"
            " FROM donations_account c, donations_account b"
            " WHERE c.kind = 'cost' AND b.place = 'bank'"
        )
