"""Setting aside, releasing, covering; every rule tried against the verb, the database and many at once."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import translation

from donations import allocation, ledger, proofs
from donations.ledger import Posting
from donations.models import Account, AccountKey, Allocation, Entry, FundCover, LegalCost
from tests import factories
from tests.donations.spending import allocate, balances, make_ready, refund, request
from tests.factories import NOW, TODAY
from tests.threads import in_parallel


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def ready(db):
    return make_ready()


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


def test_fact_takes_a_fund_below_zero_and_freezes_it_until_two_people_cover_it(ready):
    allocate(ready, "900")
    refund(ready, "150")
    assert ledger.balance(AccountKey.fund(ready.fund, "EUR")) == -50

    # Gifts that follow do not lift the freeze.
    factories.give(ready.fund, "30")
    with pytest.raises(allocation.Frozen, match="frozen until two people"):
        allocate(ready, "10")

    factories.give(ready.general, "500")
    cover = allocation.request_cover(
        source=ready.general,
        target=ready.fund,
        amount=Decimal(60),
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
    assert balances(ready) == (1000, 30, 910)
    with pytest.raises(allocation.WrongState, match="already"):
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

    with pytest.raises(allocation.Frozen):
        allocate(ready, "1")


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


def test_decision_sent_twice_is_carried_out_once(ready):
    number = uuid4()
    given = {"fund": ready.fund, "cost": ready.cost, "by": ready.treasurer, "at": NOW}
    for verb in (allocation.allocate, allocation.release):
        verb(amount=Decimal(100 if verb is allocation.allocate else 30), number=number, **given)
        with pytest.raises(allocation.AlreadyDone):
            verb(amount=Decimal(10), number=number, **given)
        number = uuid4()

    assert balances(ready) == (1000, 930, 70)


def cover(ready, amount="20", **changes):
    return allocation.request_cover(
        **{
            "source": ready.general,
            "target": ready.fund,
            "amount": Decimal(amount),
            "currency": "EUR",
            "reason": "Refund after the money was spent",
            "by": ready.treasurer,
            "at": NOW,
        }
        | changes
    )


def test_cover_is_shown_to_everybody_and_a_mere_lift_or_request_is_not(frozen, client):
    asked = cover(frozen, "60")
    assert "below zero." not in client.get("/en/books/").content.decode()

    allocation.approve_cover(asked, by=frozen.approver, at=NOW)

    [told] = client.get("/en/books.json").json()["covers"]
    assert told == {
        "source": "General fund", "target": "Sample case (en)", "amount": "60.00", "currency": "EUR",
        "covered_on": TODAY.isoformat(),
    }  # fmt: skip
    page = " ".join(client.get("/en/books/").content.decode().split())
    assert (
        "<strong>€60.00</strong> from “General fund” to “Sample case (en)”, since a refund" in page
    )
    assert "Refund after the money was spent" not in page


@pytest.fixture
def frozen(ready):
    allocate(ready, "900")
    refund(ready, "150")
    factories.give(ready.general, "500")
    return ready


def test_cover_of_a_fund_that_needs_none_is_refused(ready):
    factories.give(ready.general, "500")

    with pytest.raises(allocation.WrongFund, match="is not frozen in EUR"):
        cover(ready)

    assert not FundCover.objects.exists()


def test_cover_that_is_not_needed_any_more_moves_nothing(frozen):
    first, second = cover(frozen, "50"), cover(frozen, "50")
    allocation.approve_cover(first, by=frozen.approver, at=NOW)

    with pytest.raises(allocation.WrongFund):
        allocation.approve_cover(second, by=frozen.approver, at=NOW)

    assert ledger.balance(AccountKey.fund(frozen.general, "EUR")) == 450
    assert FundCover.objects.get(pk=second.pk).approved_at is None


def test_cover_beyond_what_the_other_fund_has_is_refused_and_stays_open(frozen):
    row = cover(frozen, "500.01")

    with pytest.raises(allocation.NotEnoughMoney, match=r"€500\.00 is free"):
        allocation.approve_cover(row, by=frozen.approver, at=NOW)

    row.refresh_from_db()
    assert (row.approved_by, row.approved_at) == (None, None)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"amount": Decimal(0)}, allocation.WrongAmount),
        ({"amount": Decimal("0.001")}, allocation.WrongAmount),
        ({"reason": "  "}, allocation.NoReason),
    ],
)
def test_cover_without_amount_or_reason_is_refused(frozen, changes, error):
    with pytest.raises(error):
        cover(frozen, **changes)


def test_cover_of_a_fund_by_itself_is_refused(frozen):
    with pytest.raises(allocation.WrongFund, match="cannot cover itself"):
        cover(frozen, source=frozen.fund)


def lift(r, **changes):
    return allocation.request_lift(
        **{
            "fund": r.fund,
            "currency": "EUR",
            "reason": "Gifts have filled it again",
            "by": r.treasurer,
            "at": NOW,
        }
        | changes
    )


def test_fund_that_gifts_refilled_is_freed_by_two_people_with_nothing_to_cover(frozen):
    asked = cover(frozen, "50")
    with pytest.raises(allocation.WrongFund, match="still below zero in EUR"):
        lift(frozen)
    factories.give(frozen.fund, "50")

    # Nothing is missing any more: money given for another purpose stays where it is.
    for late in (lambda: allocation.approve_cover(asked, by=frozen.approver, at=NOW),
                 lambda: cover(frozen, "1")):  # fmt: skip
        with pytest.raises(allocation.WrongFund, match="not below zero in EUR any more"):
            late()
    with pytest.raises(allocation.NoReason):
        lift(frozen, reason=" ")
    row = lift(frozen)
    with pytest.raises(allocation.SamePerson):
        allocation.approve_cover(row, by=frozen.treasurer, at=NOW)
    with pytest.raises(allocation.Frozen):
        allocate(frozen, "0.01")
    before = Entry.objects.count()
    allocation.approve_cover(row, by=frozen.approver, at=NOW)

    assert (Entry.objects.count(), Account.objects.frozen().exists()) == (before, False)
    factories.give(frozen.fund, "10")
    allocate(frozen, "10")
    assert balances(frozen)[1:] == (0, 910)
    with pytest.raises(allocation.WrongFund, match="is not frozen"):
        lift(frozen)
    assert [proofs.look(name).holds for name in ("covers", "overdrawn")] == [True, True]


def test_refund_after_a_lift_was_asked_for_leaves_the_fund_frozen(frozen):
    factories.give(frozen.fund, "50")
    row = lift(frozen)
    refund(frozen, "0.01")

    with pytest.raises(allocation.WrongFund, match="still below zero"):
        allocation.approve_cover(row, by=frozen.approver, at=NOW)
    refused(
        "at zero or above is freed",
        lambda: FundCover.objects.update(approved_by=frozen.approver, approved_at=NOW),
    )

    assert Account.objects.frozen().get().fund == frozen.fund
    assert FundCover.objects.get().approved_at is None


@pytest.mark.parametrize("changes", [{"amount": 1}, {"source": "general"}])
def test_lift_moves_no_money_and_a_cover_always_some(frozen, changes):
    if "source" in changes:
        changes = {"source": frozen.general}
    row = FundCover(
        target=frozen.fund, currency="EUR", reason="x", requested_by=frozen.treasurer,
        requested_at=NOW, **{"amount": 0} | changes,
    )  # fmt: skip

    refused("cover_moves_money_or_lifts", row.save)


# --- What the database refuses, whoever asks ------------------------------------------------------


def refused(match, act):
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        act()


def run(query):
    with connection.cursor() as cursor:
        cursor.execute(query)


@pytest.mark.parametrize(
    "query",
    [
        "UPDATE donations_entry SET amount = 1",
        "UPDATE donations_entry SET booked_on = '2020-01-01'",
        "DELETE FROM donations_entry",
        "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE donations_entry CASCADE",
    ],
)
def test_entries_are_never_changed_not_even_by_their_owner(ready, query):
    allocate(ready, "100")
    before = ledger.ledger_hash()

    refused("never changed", lambda: run(query))
    refused("never changed", lambda: run(f"SET LOCAL session_replication_role = replica; {query}"))

    assert ledger.ledger_hash() == before


def test_entry_in_another_currency_than_its_accounts_is_refused(ready):
    allocate(ready, "100")
    query = (
        "INSERT INTO donations_entry (kind, debit_id, credit_id, amount, currency, booked_on, source)"
        " SELECT 'release', c.id, f.id, 1, 'USD', '2026-03-10', 'test:usd'"
        " FROM donations_account c, donations_account f WHERE c.kind = 'cost' AND f.kind = 'fund'"
        " AND f.currency = 'EUR'; SET CONSTRAINTS ALL IMMEDIATE"
    )

    refused("entry_currency_of", lambda: run(query))


@pytest.mark.parametrize(
    "change", [{"amount": 1}, {"is_release": True}, {"at": NOW + timedelta(days=1)}]
)
def test_allocation_is_never_changed_or_deleted(ready, change):
    allocate(ready, "100")

    refused("never changed", lambda: Allocation.objects.update(**change))
    refused("never changed", lambda: Allocation.objects.all().delete())


def test_allocation_row_past_the_verb_fits_the_cost_too(ready):
    allocate(ready, "600")
    row = {"fund": ready.fund, "cost": ready.cost, "by": ready.treasurer, "at": NOW}

    refused("more is set aside", lambda: Allocation.objects.create(amount=Decimal(401), **row))
    refused(
        "more is released",
        lambda: Allocation.objects.create(amount=Decimal(601), is_release=True, **row),
    )


def test_cost_cannot_owe_less_than_is_set_aside(ready):
    allocate(ready, "600")
    mine = LegalCost.objects.filter(pk=ready.cost.pk)

    refused("more is set aside than this", lambda: mine.update(owed=Decimal("599.99")))
    mine.update(owed=Decimal(600))

    with pytest.raises(allocation.WrongAmount, match=r"Only €0\.00"):
        allocate(ready, "1")


@pytest.mark.parametrize("field", ["currency", "kind", "case", "defendant", "number"])
def test_cost_in_the_ledger_keeps_what_it_is(ready, field):
    allocate(ready, "600")
    change = {
        "currency": "USD",
        "kind": "bail",
        "case": factories.make_case(),
        "defendant": factories.make_defendant(),
        "number": "C-OTHER1",
    }[field]

    refused(
        "stands in the ledger",
        lambda: LegalCost.objects.filter(pk=ready.cost.pk).update(**{field: change}),
    )


def test_cover_is_approved_as_asked_for_and_stays(frozen):
    row = cover(frozen, "50")
    mine = FundCover.objects.filter(pk=row.pk)
    approval = {"approved_by": frozen.approver, "approved_at": NOW}

    refused("as it was asked for", lambda: mine.update(amount=500, **approval))
    refused("as it was asked for", lambda: mine.update(requested_by=frozen.other))
    refused("never deleted", mine.delete)
    row.pk, row.number = None, uuid4()
    row.approved_by, row.approved_at = frozen.approver, NOW
    refused("starts as a request", row.save)
    allocation.approve_cover(mine.get(), by=frozen.approver, at=NOW)
    refused("as it was asked for", lambda: mine.update(approved_by=frozen.other))


def test_fact_is_booked_into_a_frozen_fund(frozen):
    refund(frozen, "10")

    assert ledger.balance(AccountKey.fund(frozen.fund, "EUR")) == -60
    assert Account.objects.frozen().get().fund == frozen.fund


def test_cost_of_a_frozen_fund_may_still_be_released(frozen):
    allocation.release(
        fund=frozen.fund, cost=frozen.cost, amount=Decimal(60), by=frozen.treasurer, at=NOW
    )

    assert balances(frozen)[1:] == (10, 840)
    # What the people themselves moved back is no cover: the freeze stays until two decide.
    with pytest.raises(allocation.Frozen):
        allocate(frozen, "1")


def test_entry_is_reversed_once(ready):
    allocate(ready, "100")
    entry = Entry.objects.get(kind="allocation")
    ledger.reverse(entry, by=ready.treasurer, reason="Mistaken", at=NOW)

    with pytest.raises(ledger.AlreadyReversed):
        ledger.reverse(entry, by=ready.other, reason="Mistaken", at=NOW)

    assert balances(ready) == (1000, 1000, 0)


# --- Many at once -----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_one_decision_sent_by_many_at_once_is_carried_out_once():
    r = make_ready()
    number = uuid4()

    results = in_parallel(
        12,
        lambda n: bool(
            allocation.allocate(
                fund=r.fund, cost=r.cost, amount=Decimal(25), by=r.treasurer, at=NOW, number=number
            )
        ),
    )

    assert sorted(map(str, results)) == ["AlreadyDone"] * 11 + ["True"]
    assert balances(r) == (1000, 975, 25)


@pytest.mark.django_db(transaction=True)
def test_cost_is_never_set_aside_beyond_what_is_owed_by_many_at_once():
    r = make_ready(owed="100")

    results = in_parallel(30, lambda n: bool(allocate(r, "25")))

    assert sorted(map(str, results)) == ["True"] * 4 + ["WrongAmount"] * 26
    assert balances(r) == (1000, 900, 100)


@pytest.mark.django_db(transaction=True)
def test_entry_is_reversed_once_by_many_at_once():
    r = make_ready()
    allocate(r, "100")
    entry = Entry.objects.get(kind="allocation")

    results = in_parallel(
        6, lambda n: bool(ledger.reverse(entry, by=r.treasurer, reason="Mistaken", at=NOW))
    )

    assert sorted(map(str, results)) == ["AlreadyReversed"] * 5 + ["True"]
    assert balances(r) == (1000, 1000, 0)


@pytest.mark.django_db(transaction=True)
def test_two_people_approve_a_cover_at_once_and_it_moves_once():
    r = make_ready()
    allocate(r, "900")
    refund(r, "150")
    factories.give(r.general, "500")
    row = cover(r, "100")

    results = in_parallel(
        6,
        lambda n: bool(allocation.approve_cover(row, by=r.approver if n % 2 else r.other, at=NOW)),
    )

    assert sorted(map(str, results)) == ["True"] + ["WrongState"] * 5
    assert ledger.balance(AccountKey.fund(r.fund, "EUR")) == 50
