"""Costs shared to the cent, and agreed instalments; funds that may serve a cost, and how far."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from donations import allocation, costs, disbursement
from donations.admin.standing import policy_today, serving_funds
from donations.currencies import exponent
from donations.models import CostInstalment, CostShare, LegalCost
from donations.models.cost_share import split
from tests import factories
from tests.donations.spending import allocate, approve, make_ready, request
from tests.factories import NOW, TODAY

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def refused(match, write):
    """Where the rule is looked at when the transaction ends, that is brought forward."""
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        write()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.fixture
def shared(db):
    """A cost of 100 EUR of Ana's, in a case with Bo and Cy; Dee is in another."""
    w = make_ready(owed="100")
    w.ana = w.cost.defendant
    w.bo, w.cy = (factories.make_defendant(f"{name} (sample)", [w.case]) for name in ("Bo", "Cy"))
    w.dee = factories.make_defendant("Dee (sample)", [factories.make_case(w.case.appeal)])
    return w


def owed(w):
    shares = w.cost.shares_owed()
    return [shares.get(each.pk) for each in (w.ana, w.bo, w.cy)]


# --- To the cent -----------------------------------------------------------------------------------------


def test_cost_of_one_is_theirs_alone(shared):
    assert owed(shared) == [100, None, None]
    assert shared.cost.defendants() == [shared.ana]


def test_equal_parts_of_what_does_not_divide(shared):
    costs.share(shared.cost, parts={shared.ana: 1, shared.bo: 1, shared.cy: 1})

    assert owed(shared) == [Decimal("33.33"), Decimal("33.33"), Decimal("33.34")]
    assert shared.cost.defendants() == [shared.ana, shared.bo, shared.cy]


def test_amounts(shared):
    costs.share(shared.cost, amounts={shared.ana: Decimal("99.99"), shared.cy: Decimal("0.01")})

    assert owed(shared) == [Decimal("99.99"), None, Decimal("0.01")]


def test_sharing_anew_replaces_the_shares_and_ends_them(shared):
    costs.share(shared.cost, parts={shared.ana: 1, shared.bo: 3})
    costs.share(shared.cost, parts={shared.ana: 3, shared.bo: 1})
    assert owed(shared) == [75, 25, None]
    costs.share(shared.cost)

    assert owed(shared) == [100, None, None]


def test_shares_in_uma_follow_its_value(shared):
    factories.make_uma("100", "2026-01-01", "2026-01-02")
    cost = factories.make_cost(shared.case, shared.ana, uma=Decimal(10), owed="1", currency="ARS")
    costs.share(cost, parts={shared.ana: 1, shared.bo: 2})
    factories.make_uma("100.01", "2026-02-01", "2026-02-02")

    # 1,000.10 pesos: the third is cut, what is cut off is carried on.
    assert [cost.shares_owed()[each.pk] for each in (shared.ana, shared.bo)] == [
        Decimal("333.36"),
        Decimal("666.74"),
    ]


def test_split_adds_up_is_fair_and_is_the_same_in_the_database(shared):
    chance = random.Random(20260310)
    for currency in ("EUR", "CLP", "KWD"):
        places = exponent(currency)
        for number in range(200):
            parts = [chance.randint(1, 30_000) for _j in range(chance.randint(2, 3))]
            total = Decimal(chance.randint(1, 10**12)).scaleb(-places)
            shares = split(total, parts, places)

            assert sum(shares) == total
            unit = Decimal(1).scaleb(-places)
            assert all(
                abs(each - total * part / sum(parts)) < unit
                for each, part in zip(shares, parts, strict=True)
            )
            if number % 25:
                continue
            cost = factories.make_cost(
                shared.case,
                shared.ana,
                owed=total,
                currency=currency,
                by=shared.treasurer,
                payee=shared.cost.payee,
            )
            people = [shared.ana, shared.bo, shared.cy][: len(parts)]
            costs.share(cost, parts=dict(zip(people, parts, strict=True)))
            assert [cost.shares_owed()[each.pk] for each in people] == shares


def test_split_by_nothing_shares_nothing():
    assert split(Decimal(0), [0, 0], 2) == [0, 0]
    assert split(Decimal(5), [], 2) == []


@pytest.mark.parametrize(
    ("sharing", "sentence"),
    [
        (lambda w: {"parts": {w.ana: 1}}, "Only one person has a share"),
        (lambda w: {"parts": {w.bo: 1, w.cy: 1}}, "The bill is Ana .sample.'s: give them a share"),
        (lambda w: {"parts": {w.ana: 1, w.dee: 1}}, "Dee .sample. is no defendant"),
        (
            lambda w: {"amounts": {w.ana: Decimal(50), w.bo: Decimal("49.99")}},
            r"add up to €99\.99, and €100\.00 is owed",
        ),
        (
            lambda w: {"amounts": {w.ana: Decimal("99.995"), w.bo: Decimal("0.005")}},
            "no finer than its currency",
        ),
        (
            lambda w: {"amounts": {w.ana: Decimal(101), w.bo: Decimal(-1)}},
            "Each share is above zero",
        ),
    ],
)
def test_shares_that_are_none(shared, sharing, sentence):
    costs.share(shared.cost, parts={shared.ana: 1, shared.cy: 1})

    with pytest.raises(costs.WrongShares, match=sentence):
        costs.share(shared.cost, **sharing(shared))
    assert owed(shared) == [50, None, 50]


def test_cost_in_uma_is_not_shared_by_amounts(shared):
    factories.make_uma("10", "2026-01-01", "2026-01-02")
    cost = factories.make_cost(shared.case, shared.ana, uma=Decimal(10), owed="1", currency="ARS")
    cost.refresh_from_db()

    with pytest.raises(costs.WrongShares, match="share it by parts"):
        costs.share(cost, amounts={shared.ana: Decimal(50), shared.bo: Decimal(50)})


def test_rows_past_the_verb_are_refused_when_the_transaction_ends(shared):
    def rows(*shares):
        shared.cost.shares.all().delete()
        CostShare.objects.bulk_create(
            CostShare(cost=shared.cost, defendant=who, parts=parts, amount=amount)
            for who, parts, amount in shares
        )

    ana, bo, dee = shared.ana, shared.bo, shared.dee
    refused("by several or by nobody", lambda: rows((ana, 1, None)))
    refused("all parts or all amounts", lambda: rows((ana, 1, None), (bo, None, 50)))
    refused("others of its case", lambda: rows((ana, 1, None), (dee, 1, None)))
    refused("others of its case", lambda: rows((bo, 1, None), (shared.cy, 1, None)))
    refused("do not add up", lambda: rows((ana, None, 50), (bo, None, 49)))
    refused("cost_share_by_parts_or_amount", lambda: rows((ana, 1, 50), (bo, None, 50)))
    refused("cost_share_once", lambda: rows((ana, 1, None), (ana, 1, None)))
    rows((ana, None, 50), (bo, None, 50))
    refused("do not add up", lambda: LegalCost.objects.update(owed=101))
    refused("others of its case", lambda: LegalCost.objects.update(defendant=shared.cy))


# --- Which funds serve, and how far -------------------------------------------------------------------------


def test_own_fund_of_one_pays_no_more_than_their_share(shared):
    costs.share(shared.cost, parts={shared.ana: 1, shared.bo: 1})
    own = factories.make_fund("defendant", defendant=shared.bo)
    factories.give(own, "100")
    allocate(shared, "30", own)

    with pytest.raises(allocation.WrongAmount, match=r"share only €20\.00 is open"):
        allocate(shared, "20.01", own)
    allocate(shared, "20", own)
    allocate(shared, "50")
    with pytest.raises(costs.WrongShares, match=r"has €50\.00 set aside, more than this share"):
        costs.share(shared.cost, parts={shared.ana: 2, shared.bo: 1})
    refused(
        "own fund gave more",
        lambda: shared.cost.shares.filter(defendant=shared.ana).update(parts=2),
    )


def test_own_fund_past_the_verb_pays_no_more_than_their_share(shared):
    costs.share(shared.cost, parts={shared.ana: 1, shared.bo: 1})
    own = factories.make_fund("defendant", defendant=shared.bo)
    row = {"cost": shared.cost, "fund": own, "by": shared.treasurer, "at": NOW}

    refused("own fund gave more", lambda: shared.cost.allocations.create(amount=51, **row))


@pytest.mark.parametrize("kind", ["case", "appeal", "defendant"])
def test_fund_of_another_purpose_serves_no_cost(shared, kind):
    other = {
        "case": lambda: factories.make_fund("case", case=shared.dee.cases.get()),
        "appeal": lambda: factories.make_fund("appeal", appeal=factories.make_appeal()),
        "defendant": lambda: factories.make_fund("defendant", defendant=shared.bo),
    }[kind]()
    factories.give(other, "100")
    row = {"cost": shared.cost, "by": shared.treasurer, "at": NOW, "amount": 1}

    with pytest.raises(allocation.WrongFund, match="does not reach this cost"):
        allocate(shared, "1", other)
    refused("may not serve", lambda: shared.cost.allocations.create(fund=other, **row))


def test_closed_fund_serves_no_cost(shared):
    type(shared.fund).objects.filter(pk=shared.fund.pk).update(closed_on=TODAY)
    row = {"cost": shared.cost, "by": shared.treasurer, "at": NOW, "amount": 1}

    refused("may not serve", lambda: shared.cost.allocations.create(fund=shared.fund, **row))


def test_policy_says_which_funds_serve(shared):
    factories.make_policy(fund_order=["general", "appeal"], limits=[("EUR", "1000", "0")])
    row = {"cost": shared.cost, "by": shared.treasurer, "at": NOW, "amount": 1}

    with pytest.raises(
        allocation.WrongFund, match="from other kinds of fund, not from one for a case"
    ):
        allocate(shared, "1")
    refused("may not serve", lambda: shared.cost.allocations.create(fund=shared.fund, **row))


def serving(shared):
    cost = LegalCost.objects.with_figures().get(pk=shared.cost.pk)
    return {
        each.fund: (each.proposed, each.told("EUR")) for each in serving_funds(cost, policy_today())
    }


def test_reserve_is_whole_units_in_words_and_in_what_is_refused(shared):
    factories.make_policy(reserve_percent=Decimal("12.5"), limits=[("EUR", "1000", "0")])
    factories.give(shared.general, "0.99")

    # The policy's part is 0.12375.
    assert serving(shared)[shared.general] == ("0.86", "€0.99 free, of it €0.13 stays in reserve")
    with pytest.raises(
        allocation.NotEnoughMoney, match=r"€0\.13 stays in reserve, so €0\.86 can be set aside"
    ):
        allocate(shared, "0.87", shared.general)
    allocate(shared, "0.86", shared.general)
    assert serving(shared)[shared.general] == ("0.00", "€0.13 free, of it €0.13 stays in reserve")


def test_reserve_of_a_general_fund_stays(shared):
    factories.make_policy(reserve_percent=Decimal(20), limits=[("EUR", "1000", "0")])
    factories.give(shared.general, "100")
    allocate(shared, "50", shared.general)

    with pytest.raises(allocation.NotEnoughMoney) as refusal:
        allocate(shared, "30.01", shared.general)
    assert str(refusal.value).endswith(
        "keeps 20 % of a general fund in reserve: of the €50.00 free here €20.00 stays in reserve, so €30.00 can be set aside."
    )
    assert serving(shared)[shared.general] == (
        "30.00",
        "€50.00 free, of it €20.00 stays in reserve",
    )
    allocate(shared, "30", shared.general)
    # A fund with a purpose is spent to its end.
    allocate(shared, "20")
    refused(
        "would not leave the reserve",
        lambda: factories.make_cost(shared.case, shared.ana, owed="50").allocations.create(
            fund=shared.general, amount=21, by=shared.treasurer, at=NOW
        ),
    )


# --- Instalments ----------------------------------------------------------------------------------------------


def plan(*parts):
    return [(TODAY + days * DAY, Decimal(amount)) for days, amount in parts]


def next_due(cost):
    return LegalCost.objects.with_figures().get(pk=cost.pk).next_due


def test_next_due_is_the_oldest_part_that_is_not_paid(shared):
    LegalCost.objects.update(due_on=TODAY + 90 * DAY)
    assert next_due(shared.cost) == TODAY + 90 * DAY
    assert not LegalCost.objects.due_by(TODAY + 89 * DAY).exists()
    costs.agree_plan(shared.cost, plan((30, "40"), (10, "30"), (20, "30")))
    seen, late = [next_due(shared.cost)], []
    for amount in ("29.99", "0.01", "30", "40"):
        allocate(shared, amount)
        row = approve(shared, request(shared, amount))
        disbursement.pay(row, paid_on=TODAY, by=shared.treasurer, at=NOW)
        seen.append(next_due(shared.cost))
        late.append(LegalCost.objects.due_by(TODAY + 20 * DAY).count())

    assert late == [1, 1, 0, 0]
    assert [day and (day - TODAY).days for day in seen] == [10, 10, 20, 30, None]


def test_instalments_in_uma(shared):
    factories.make_uma("10", "2026-01-01", "2026-01-02")
    cost = factories.make_cost(
        shared.case, shared.ana, uma=Decimal("10.5"), owed="1", currency="ARS"
    )
    costs.agree_plan(cost, [(TODAY, Decimal("5.25")), (TODAY + DAY, Decimal("5.25"))])
    factories.make_uma("20", "2026-02-01", "2026-02-02")

    assert (next_due(cost), costs.in_unit(cost, Decimal("5.2500"))) == (TODAY, "5.25 UMA")


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([(1, "50"), (1, "50")], "fall on the same day"),
        ([(1, "100"), (2, "0")], "Each instalment is above zero"),
        ([(1, "99.995"), (2, "0.005")], "no such small parts"),
        ([(1, "50"), (2, "49.99")], r"add up to €99\.99, and €100\.00 is owed"),
    ],
)
def test_plan_that_is_none(shared, parts, sentence):
    costs.agree_plan(shared.cost, plan((1, "100")))

    with pytest.raises(costs.WrongPlan, match=sentence):
        costs.agree_plan(shared.cost, plan(*parts))
    assert CostInstalment.objects.get().amount == 100


def test_plan_is_ended_and_rows_past_the_verb_are_refused(shared):
    costs.agree_plan(shared.cost, plan((1, "60"), (2, "40")))
    refused("instalments do not add up", lambda: LegalCost.objects.update(owed=101))
    refused("instalments do not add up", lambda: CostInstalment.objects.first().delete())
    costs.agree_plan(shared.cost, [])

    assert (next_due(shared.cost), CostInstalment.objects.count()) == (None, 0)
