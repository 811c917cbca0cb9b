"""Costs in UMA: what is open floats with the newest value, what is paid stands at the value of its day.

The values of 2018 and 2023 are the Court's own: 1 UMA = 624 pesos, then 1,559 by one ruling of 2018; 20,595 pesos in
effect from 1 July 2023, set on 22 September 2023. The others are invented.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from donations import allocation, disbursement, proofs, uma
from donations.models import AccountKey, LegalCost, OwedChange, UmaPayment, UmaValue
from donations.uma_tables import UmaRow, UnreadableUma, read
from tests import factories
from tests.factories import make_uma, make_user
from tests.threads import in_parallel

pytestmark = pytest.mark.django_db

HEAD = "value,effective_from,published_on,ruling,source\n"
JUNE = "17000,2023-06-01,2023-06-20,Invented act 1,\n"
JULY = "20595,2023-07-01,2023-09-22,Invented act 2,https://example.org/uma\n"
AT = datetime(2023, 10, 1, 12, tzinfo=UTC)


def refused(match, write):
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        write()


class World:
    """A cost of 10 UMA at 17,000 pesos, a fund with a million, and two people; it is August 2023."""


@pytest.fixture
def world(db):
    w = World()
    make_uma("17000", "2023-06-01", "2023-06-20")
    w.treasurer, w.approver = make_user(), make_user()
    w.cost = factories.make_cost(
        uma=Decimal(10), owed="1", currency="ARS", by=w.treasurer, recorded_at=at(8, 1)
    )
    w.cost.refresh_from_db()
    w.bank = factories.make_bank_account("ARS")
    w.fund = factories.make_fund()
    factories.give(w.fund, "1000000", currency="ARS", into=AccountKey.bank(w.bank))
    w.bill = factories.make_document(w.cost)
    return w


def at(month, day):
    return datetime(2023, month, day, 12, tzinfo=UTC)


def owed(w):
    return LegalCost.objects.get(pk=w.cost.pk).owed


def set_aside(w, amount):
    allocation.allocate(
        fund=w.fund, cost=w.cost, amount=Decimal(amount), by=w.treasurer, at=at(8, 2)
    )


def pay(w, amount, day, *, recorded=None):
    row = disbursement.request(
        cost=w.cost,
        document=w.bill,
        bank_account=w.bank,
        amount=Decimal(amount),
        by=w.treasurer,
        at=day,
    )
    row = disbursement.approve(row, content_hash=row.content_hash, by=w.approver, at=day)
    return disbursement.pay(row, paid_on=day.date(), by=w.treasurer, at=recorded or day)


def publish_july(w):
    make_uma("20595", "2023-07-01", "2023-09-22", entered_at=at(9, 22))


# --- What floats and what stands -----------------------------------------------------------------------


def test_cost_in_uma_is_owed_in_pesos_at_the_newest_value(world):
    assert owed(world) == 170_000

    make_uma("20595", "2023-07-01", "2023-09-22")

    assert owed(world) == 205_950


def test_value_published_late_raises_what_is_open_and_nothing_that_was_paid(world):
    set_aside(world, "170000")
    first = pay(world, "51000", at(8, 10))

    assert (first.uma.settled, first.uma.value.value, owed(world)) == (3, 17000, 170_000)
    publish_july(world)

    # In effect from 1 July, before the payment of 10 August: that stays as it was made.
    assert UmaPayment.objects.get().settled == 3
    assert owed(world) == 51_000 + 7 * 20_595
    assert world.cost.uma_open() == 7


def test_cost_paid_in_full_is_closed_for_good(world):
    set_aside(world, "170000")
    pay(world, "170000", at(8, 10))
    publish_july(world)

    assert (owed(world), world.cost.uma_open()) == (170_000, 0)
    assert not LegalCost.objects.owed_in_uma().exists()


def test_payment_settles_at_the_value_known_on_its_day_whenever_it_is_recorded(world):
    set_aside(world, "170000")
    row = disbursement.request(
        cost=world.cost, document=world.bill, bank_account=world.bank, amount=Decimal(34000),
        by=world.treasurer, at=at(8, 10),
    )  # fmt: skip
    disbursement.approve(row, content_hash=row.content_hash, by=world.approver, at=at(8, 10))
    publish_july(world)
    disbursement.pay(row, paid_on=date(2023, 8, 11), by=world.treasurer, at=at(9, 25))

    assert (row.uma.settled, row.uma.value.value) == (2, 17000)
    assert owed(world) == 34_000 + 8 * 20_595


def test_payment_after_publication_settles_at_the_new_value(world):
    publish_july(world)
    set_aside(world, "205950")
    row = pay(world, "20595", at(9, 23))

    assert (row.uma.settled, owed(world)) == (1, 205_950)


def test_payments_in_odd_amounts_leave_not_a_cent_over(world):
    set_aside(world, "170000")
    for amount in ("0.01", "33333.33", "77777.77"):
        pay(world, amount, at(8, 10))
        assert owed(world) == 170_000
    pay(world, "58888.89", at(8, 11))

    assert (owed(world), world.cost.uma_open()) == (170_000, 0)


def test_full_payment_at_the_old_value_leaves_too_much_set_aside_to_release(world):
    publish_july(world)
    set_aside(world, "205950")
    # The transfer left in August, at the value of August, and is recorded now.
    pay(world, "170000", at(8, 30), recorded=at(9, 25))

    assert owed(world) == 170_000
    cost = LegalCost.objects.with_figures().get()
    assert (cost.set_aside, cost.missing) == (35_950, -35_950)
    for amount in ("5000", "30950"):
        allocation.release(
            fund=world.fund,
            cost=world.cost,
            amount=Decimal(amount),
            by=world.treasurer,
            at=at(9, 26),
        )
    with pytest.raises(allocation.WrongAmount, match="Only"):
        set_aside(world, "1")


def test_mistyped_value_is_mended_by_a_later_row_of_the_same_day(world):
    make_uma("205950", "2023-07-01", "2023-09-22")
    assert owed(world) == 2_059_500
    make_uma("20595", "2023-07-01", "2023-09-22")

    assert owed(world) == 205_950


def test_older_value_entered_late_changes_nothing_that_is_owed(world):
    publish_july(world)
    make_uma("15000", "2023-05-01", "2023-05-02")

    assert owed(world) == 205_950


def test_what_was_owed_at_an_earlier_instant_stays_as_it_was_told(world):
    before = datetime.now(tz=UTC)
    publish_july(world)

    later = datetime.now(tz=UTC) + timedelta(seconds=5)
    told = [OwedChange.objects.owed_at(when) for when in (at(7, 1), before, later)]
    assert told == [{}, {world.cost.pk: 170_000}, {world.cost.pk: 205_950}]
    assert list(OwedChange.objects.values_list("owed", "uma_value__value")) == [
        (170_000, 17_000),
        (205_950, 20_595),
    ]


def test_cost_typed_in_uma_ignores_the_pesos_typed_beside_it(world):
    LegalCost.objects.update(owed=5)
    assert owed(world) == 170_000
    LegalCost.objects.update(uma=Decimal("10.5"))
    assert owed(world) == 178_500


def test_uma_paid_are_owed(world):
    set_aside(world, "170000")
    pay(world, "51000", at(8, 10))

    refused("more UMA are paid", lambda: LegalCost.objects.update(uma=Decimal("2.9999")))


def test_cap_is_for_what_people_decide_not_for_what_rises(world):
    factories.make_policy(caps=[("fees", "ARS", "200000")], limits=[("ARS", "1", "0")], at=at(8, 1))
    cost = factories.make_cost(
        uma=Decimal(10), owed="1", currency="ARS", recorded_at=at(8, 1)
    )  # fmt: skip
    publish_july(world)

    assert LegalCost.objects.get(pk=cost.pk).owed == 205_950
    refused("above the cap", lambda: LegalCost.objects.filter(pk=cost.pk).update(uma=11))
    LegalCost.objects.filter(pk=cost.pk).update(uma=9)


def test_no_cost_in_uma_without_a_value():
    refused("no value of the UMA", lambda: factories.make_cost(uma=Decimal(1), currency="ARS"))


@pytest.mark.parametrize("fields", [{"currency": "EUR"}, {"uma": Decimal(0)}, {"uma": Decimal(-1)}])
def test_uma_are_above_zero_and_paid_in_pesos(world, fields):
    refused(
        "legal_cost_uma_in_pesos|legal_cost_owed_positive|more UMA are paid",
        lambda: factories.make_cost(**{"uma": Decimal(1), "currency": "ARS"} | fields),
    )


def test_cost_stays_in_uma_once_it_is_in_the_ledger(world):
    set_aside(world, "10")

    refused("stands in the ledger", lambda: LegalCost.objects.update(uma=None))


@pytest.mark.parametrize(
    "write",
    [
        lambda: UmaValue.objects.update(value=1),
        lambda: UmaValue.objects.all()._raw_delete("default"),
        lambda: UmaPayment.objects.update(settled=1),
        lambda: UmaPayment.objects.all()._raw_delete("default"),
        lambda: OwedChange.objects.update(owed=1),
        lambda: OwedChange.objects.all()._raw_delete("default"),
    ],
)
def test_values_and_what_was_settled_at_them_stay(world, write):
    set_aside(world, "170000")
    pay(world, "17000", at(8, 10))

    refused("never changed", write)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"value": "0"}, "uma_value_positive"),
        ({"ruling": ""}, "uma_value_has_ruling"),
        ({"effective_from": "2023-10-02"}, "uma_value_in_effect_and_published"),
        ({"published_on": "2023-10-02"}, "uma_value_in_effect_and_published"),
    ],
)
def test_no_such_value(fields, rule):
    row = {"value": "1", "effective_from": "2023-07-01", "published_on": "2023-09-22"} | fields

    refused(rule, lambda: make_uma(**row, entered_at=AT))


@pytest.mark.django_db(transaction=True)
def test_value_and_payments_at_once_leave_what_the_rows_say():
    make_uma("100", "2023-06-01", "2023-06-20")
    w = World()
    w.treasurer, w.approver = make_user(), make_user()
    w.cost = factories.make_cost(uma=Decimal(30), owed="1", currency="ARS", by=w.treasurer)
    w.bank, w.fund = factories.make_bank_account("ARS"), factories.make_fund()
    factories.give(w.fund, "3000", currency="ARS", into=AccountKey.bank(w.bank))
    w.bill = factories.make_document(w.cost)
    set_aside(w, "3000")

    def act(number):
        if number % 2:
            make_uma(str(100 + number), "2023-07-01", "2023-09-22")
        else:
            pay(w, "300", at(8, 10))

    results = in_parallel(6, act)

    assert results == [None] * 6
    value = UmaValue.objects.newest().value
    settled = [row.settled for row in UmaPayment.objects.all()]
    assert settled == [3, 3, 3]
    assert owed(w) == 900 + 21 * value
    assert uma_proof().holds


@pytest.mark.parametrize(
    "behind",
    [
        "UPDATE donations_legalcost SET owed = owed + 1",
        "UPDATE donations_umapayment SET settled = settled - 1",
        "DELETE FROM donations_umapayment",
    ],
)
def test_books_tell_of_a_cost_changed_behind_the_database_s_back(world, behind):
    set_aside(world, "170000")
    pay(world, "51000", at(8, 10))
    assert uma_proof().holds
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE donations_legalcost DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE donations_umapayment DISABLE TRIGGER USER")
        cursor.execute(behind)

    assert uma_proof().examples == (world.cost.number,)


def uma_proof():
    return next(proof for proof in proofs.prove() if proof.name == "uma")


# --- Tables --------------------------------------------------------------------------------------------


def test_table_is_read_and_entered_once(world):
    by = make_user()
    preview = uma.read(HEAD + JUNE + JULY, at=AT)
    done = uma.enter(HEAD + JUNE + JULY, by=by, at=AT)
    again = uma.enter(HEAD + JUNE + JULY, by=by, at=AT)

    assert preview == done
    # That of June was there with another ruling.
    assert ([r.row for r in done.new], [r.row for r in done.mended], done.open_costs) == (
        [2, 3], [2], 1,
    )  # fmt: skip
    assert (again.new, again.known) == ((), 2)
    newest = UmaValue.objects.newest()
    assert (newest.value, newest.effective_from, newest.published_on, newest.entered_by) == (
        20595, date(2023, 7, 1), date(2023, 9, 22), by,
    )  # fmt: skip
    assert owed(world) == 205_950


def test_value_far_from_the_one_before_is_doubted(world):
    found = uma.read(HEAD + JULY.replace("20595", "205950"), at=AT)

    assert found.doubts == (
        "205950 pesos from July 1, 2023 on are far from the value before, 17000.",
    )


def test_semicolons_and_another_order_of_columns():
    text = "\ufeffRuling;Value;Published_on;Effective_from\n\nAct;1559.00;2018-03-01;2018-01-01\n"

    assert read(text, today=AT.date()) == (
        UmaRow(3, Decimal(1559), date(2018, 1, 1), date(2018, 3, 1), "Act", ""),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The table is empty."),
        ("value,ruling\n1,x\n", "names no column effective_from, published_on."),
        (HEAD, "There is no value in the table."),
        (HEAD + JULY + "1,2\n", "Row 3: it has 2 cells, the first row has 5."),
        (HEAD + JULY.replace("20595", "20.595,00"), "Row 2: it has 6 cells"),
        (HEAD + JULY.replace("20595", "0"), "Row 2: “0” is no value."),
        (HEAD + JULY.replace("2023-07-01", "01/07/2023"), "Row 2: “01/07/2023” is no day."),
        (HEAD + JULY.replace("2023-09-22", "2023-02-30"), "Row 2: “2023-02-30” is no day."),
        (
            HEAD + JULY.replace("2023-07-01", "2023-10-02"),
            "Row 2: October 2, 2023 is still to come",
        ),
        (HEAD + JULY.replace("Invented act 2", ""), "Row 2: name the ruling"),
        (
            HEAD + JULY + JUNE + JULY,
            "Row 4: row 2 has a value in effect from July 1, 2023 already.",
        ),
    ],
)
def test_wrong_row_stops_all_of_it(text, sentence):
    with pytest.raises(UnreadableUma) as refusal:
        uma.enter(text, by=None, at=AT)

    assert sentence in str(refusal.value)
    assert not UmaValue.objects.exists()
