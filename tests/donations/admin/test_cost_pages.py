"""Costs in UMA, shared and by instalments in the office; and the money of one defendant and of one case."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from appeals.models import Hearing
from donations import allocation, costs, disbursement
from donations.admin.cost_form import LegalCostForm
from donations.cost_shares import shares_of
from donations.models import CostInstalment, LegalCost, UmaValue
from tests import factories
from tests.donations.spending import allocate, approve, make_ready, request
from tests.factories import NOW, PDF, log_in, make_user

pytestmark = pytest.mark.django_db
COST = "/admin/donations/legalcost/"
UMA = "/admin/donations/umavalue/"
TABLE = "value,effective_from,published_on,ruling\n100,2026-01-01,2026-01-10,Act 1\n120.5,2026-02-01,2026-02-20,Act 2\n"


@pytest.fixture
def treasurer(client):
    return log_in(client, make_user("tess", "treasurer"))


@pytest.fixture
def shared(db):
    """A cost of 100 EUR of Ana's, in a case with Bo; their fund holds 1,000."""
    w = make_ready(owed="100")
    w.ana, w.bo = w.cost.defendant, factories.make_defendant("Bo (sample)", [w.case])
    return w


def words(response):
    assert response.status_code == 200, response.status_code
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(text.replace("\xa0", " ").split())


def cost_data(w, **typed):
    return {
        "case": w.case.pk,
        "defendant": w.ana.pk,
        "kind": "fees",
        "description": "Hearing",
        "currency": "ARS",
        "owed": "",
        "uma": "10.5",
        "due_on": "",
        "payee": w.cost.payee_id,
    } | typed


# --- Recorded in UMA ---------------------------------------------------------------------------------------


def test_cost_in_uma_is_recorded_and_shown_in_pesos(shared, treasurer):
    factories.make_uma("20000", "2026-01-01", "2026-01-02")
    page = words(treasurer.post(f"{COST}add/", cost_data(shared), follow=True))
    cost = LegalCost.objects.get(uma__isnull=False)

    assert (cost.owed, cost.currency) == (210_000, "ARS")
    assert "was added successfully" in page
    page = words(treasurer.get(f"{COST}{cost.pk}/change/"))
    assert "10.5 UMA; open 10.5 UMA, at ARS 20,000.00 in effect from January 1, 2026" in page
    form = treasurer.get(f"{COST}{cost.pk}/change/").context["adminform"].form
    data = {field.html_name: field.value() or "" for field in form}
    treasurer.post(f"{COST}{cost.pk}/change/", data | {"uma": "11"}, follow=True)
    assert LegalCost.objects.get(pk=cost.pk).owed == 220_000


@pytest.mark.parametrize(
    ("typed", "beside", "sentence"),
    [
        ({}, "uma", "No value of the UMA is known yet"),
        ({"owed": "5"}, "owed", "one of the two"),
        ({"uma": ""}, "owed", "one of the two"),
        ({"currency": "EUR"}, "uma", "paid in pesos: choose ARS"),
        ({"uma": "-1"}, "uma", "above zero"),
    ],
)
def test_wrong_debt_in_uma_is_answered_beside_its_field(shared, treasurer, typed, beside, sentence):
    if typed:
        factories.make_uma("20000", "2026-01-01", "2026-01-02")
    page = treasurer.post(f"{COST}add/", cost_data(shared, **typed))

    said = page.context["adminform"].form.errors
    assert sentence in str(said.get(beside) or said)
    assert LegalCost.objects.count() == 1


def test_policy_is_asked_when_a_cost_is_recorded(shared, treasurer):
    factories.make_policy(
        kinds=["fees"],
        caps=[("fees", "EUR", "500"), ("fees", "ARS", "200000")],
        limits=[("EUR", "1", "0")],
        at=timezone.now(),
    )
    factories.make_uma("20000", "2026-01-01", "2026-01-02")
    for typed, sentence in (
        ({"kind": "travel"}, "The fund's policy (Version 1) does not pay “travel to hearings”."),
        (
            {"currency": "EUR", "owed": "500,01", "uma": ""},
            "The fund's policy pays at most €500.00 for “lawyers' fees”: record that part of the bill.",
        ),
        (
            {},
            "The fund's policy pays at most ARS\xa0200,000.00 for “lawyers' fees”: record that part of the bill.",
        ),
    ):
        page = treasurer.post(f"{COST}add/", cost_data(shared, **typed))
        errors = page.context["adminform"].form.errors.get_json_data()
        assert sentence in [each["message"] for rows in errors.values() for each in rows]
    treasurer.post(f"{COST}add/", cost_data(shared, currency="EUR", owed="500", uma=""))

    cost = LegalCost.objects.latest("pk")
    assert (cost.owed, cost.policy.version) == (500, 1)


def test_paid_uma_are_owed_in_the_form_too(shared, treasurer):
    factories.make_uma("10", "2026-01-01", "2026-01-02")
    bank = factories.make_bank_account("ARS")
    cost = factories.make_cost(shared.case, shared.ana, uma=Decimal(10), owed="1", currency="ARS")
    factories.give(shared.fund, "100", currency="ARS")
    bill = factories.make_document(cost, PDF + b"uma")
    shared.cost, shared.bank, shared.document = cost, bank, bill
    cost.refresh_from_db()
    allocate(shared, "50")
    plan = "2026-01-31 2.0005\n2099-11-30 5\n2099-12-31 2.9995"
    treasurer.post(f"{COST}{cost.pk}/plan/", {"every": "month", "lines": plan})
    # What is due of the plan, in pesos at the newest value, and to the cent above.
    asking = treasurer.get(f"{COST}{cost.pk}/request/").context["form"]
    assert asking["amount"].value() == "20.01"
    treasurer.post(f"{COST}{cost.pk}/plan/", {"every": "month", "lines": ""})
    row = approve(shared, request(shared, "50"))
    disbursement.pay(row, paid_on=NOW.date(), by=shared.treasurer, at=NOW)
    form = treasurer.get(f"{COST}{cost.pk}/change/").context["adminform"].form
    data = {field.html_name: field.value() or "" for field in form}

    page = treasurer.post(f"{COST}{cost.pk}/change/", data | {"uma": "4.9"})
    assert "More UMA of this cost are paid" in str(page.context["adminform"].form.errors)
    page = words(treasurer.post(f"{COST}{cost.pk}/change/", data | {"uma": "5"}, follow=True))
    assert "was changed successfully" in page
    assert LegalCost.objects.get(pk=cost.pk).owed == 50
    assert "Settled in UMA" in words(treasurer.get(f"{COST}{cost.pk}/change/"))


# --- Shared and by instalments -------------------------------------------------------------------------------


def test_cost_is_shared_by_parts_then_by_amounts_then_by_nobody(shared, treasurer):
    path = f"{COST}{shared.cost.pk}/share/"
    ana, bo = f"share_{shared.ana.pk}", f"share_{shared.bo.pk}"
    page = words(treasurer.post(path, {"way": "parts", ana: "1", bo: "2"}, follow=True))
    assert "2 people share this cost." in page
    assert "Ana (sample) 1 €33.33 €0.00 €0.00 €33.33 Bo (sample) 2 €66.67" in page
    assert "what was cut off is carried to the next" in page
    page = words(treasurer.post(path, {"way": "amounts", ana: "99,99", bo: "0,01"}, follow=True))
    assert "Ana (sample) – €99.99" in page
    form = treasurer.get(path).context["form"]
    assert (form["way"].value(), form[bo].value()) == ("amounts", "0.01")
    page = words(treasurer.post(path, {"way": "parts", ana: "", bo: ""}, follow=True))
    assert "This cost is Ana (sample)'s alone." in page.replace("&#x27;", "'")


@pytest.mark.parametrize(
    ("ana", "bo", "way", "sentence"),
    [
        ("1", "", "parts", "Only one person has a share"),
        ("1.5", "1", "parts", "Parts are whole numbers"),
        ("0", "1", "parts", "Parts are whole numbers"),
        ("50", "49.99", "amounts", "add up to €99.99, and €100.00 is owed"),
        ("x", "1", "amounts", "Write the amount in figures"),
        ("1", "1", "thirds", "not one of the available choices"),
    ],
)
def test_wrong_share_gets_a_sentence_and_keeps_what_was(shared, treasurer, ana, bo, way, sentence):
    costs.share(shared.cost, parts={shared.ana: 1, shared.bo: 1})
    data = {"way": way, f"share_{shared.ana.pk}": ana, f"share_{shared.bo.pk}": bo}
    page = words(treasurer.post(f"{COST}{shared.cost.pk}/share/", data))

    assert sentence in page
    assert list(shared.cost.shares_owed().values()) == [50, 50]


def test_cost_of_the_only_defendant_is_shared_with_nobody(treasurer):
    w = make_ready()

    assert "only one defendant" in words(treasurer.get(f"{COST}{w.cost.pk}/share/"))


def test_what_is_set_aside_and_paid_is_told_for_each_to_the_cent(shared):
    costs.share(shared.cost, parts={shared.ana: 1, shared.bo: 2})
    own = factories.make_fund("defendant", defendant=shared.bo)
    factories.give(own, "50")
    allocate(shared, "50", own)
    allocate(shared, "0.05")
    row = approve(shared, request(shared, "10"))
    disbursement.pay(row, paid_on=NOW.date(), by=shared.treasurer, at=NOW)
    known = LegalCost.objects.with_figures()
    cost = known.prefetch_related("shares__defendant").get()

    ana, bo = shares_of([cost])[cost.pk]
    # Of the 0.05 from the case's fund Ana lacks two thirds (33.33 of 50.00), cut to 0.03.
    assert (ana.owed, ana.set_aside, ana.paid) == (Decimal("33.33"), Decimal("0.03"), Decimal(0))
    assert (bo.owed, bo.set_aside, bo.paid) == (Decimal("66.67"), Decimal("40.02"), Decimal(10))
    assert (ana.missing + bo.missing, cost.missing) == (Decimal("49.95"), Decimal("49.95"))


def test_plan_is_counted_out_or_written_line_by_line(shared, treasurer):
    path = f"{COST}{shared.cost.pk}/plan/"
    first = {"count": "3", "first_on": "2026-01-31", "every": "month", "lines": ""}
    page = words(treasurer.post(path, first, follow=True))
    assert "3 instalments are agreed." in page
    assert [(each.due_on.isoformat(), each.amount) for each in CostInstalment.objects.all()] == [
        ("2026-01-31", Decimal("33.33")),
        ("2026-02-28", Decimal("33.33")),
        ("2026-03-31", Decimal("33.34")),
    ]
    assert "January 31, 2026 €33.33 €0.00 late" in page
    lines = treasurer.get(path).context["form"]["lines"].value()
    assert lines == "2026-01-31 33.33\n2026-02-28 33.33\n2026-03-31 33.34"
    changed = lines.replace("2026-03-31 33.34", "2099-03-31 33,34")
    page = words(treasurer.post(path, {"every": "month", "lines": changed}, follow=True))
    assert "March 31, 2099 €33.34 €0.00 to come" in page
    page = words(treasurer.post(path, {"every": "month", "lines": ""}, follow=True))
    assert "There are no instalments any more." in page


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"count": "2"}, "Say when the first is due."),
        ({"first_on": "2026-01-31"}, "Say how many instalments there are."),
        ({"count": "0", "first_on": "2026-01-31"}, "greater than or equal to 1"),
        ({"lines": "2026-01-31 100\nsoon 5"}, "Line 2: write a day and an amount"),
        ({"lines": "2026-01-31 1,0,0"}, "Line 1: write a day and an amount"),
        ({"lines": "2026-01-31 99"}, "add up to €99.00, and €100.00 is owed"),
        ({"lines": "2026-01-31 50\n2026-01-31 50"}, "fall on the same day"),
    ],
)
def test_wrong_plan_gets_a_sentence(shared, treasurer, typed, sentence):
    data = {"count": "", "first_on": "", "every": "month", "lines": ""} | typed
    page = words(treasurer.post(f"{COST}{shared.cost.pk}/plan/", data))

    assert sentence in page
    assert not CostInstalment.objects.exists()


def test_amount_that_shares_or_instalments_add_up_to_is_not_changed_alone(shared, treasurer):
    form = treasurer.get(f"{COST}{shared.cost.pk}/change/").context["adminform"].form
    data = {field.html_name: field.value() or "" for field in form}
    costs.agree_plan(shared.cost, [(NOW.date(), Decimal(100))])
    costs.share(shared.cost, amounts={shared.ana: Decimal(1), shared.bo: Decimal(99)})

    page = words(treasurer.post(f"{COST}{shared.cost.pk}/change/", data | {"owed": "101"}))
    assert "It is shared by amounts" in page
    assert "It falls due by instalments" in page
    page = treasurer.post(f"{COST}{shared.cost.pk}/change/", data | {"description": "Mended"})
    assert page.status_code == 302


def test_next_instalment_is_what_is_asked_for_and_none_comes_of_a_cost_that_ended(
    shared, treasurer
):
    page, today = f"{COST}{shared.cost.pk}", NOW.date()
    costs.agree_plan(
        shared.cost, [(today, Decimal(30)), (today + timedelta(days=9999), Decimal(70))]
    )
    allocate(shared, "95")

    def proposed():
        return treasurer.get(f"{page}/request/").context["form"]["amount"].value()

    first = proposed()
    row = approve(shared, request(shared, "30"))
    second = proposed()
    disbursement.pay(row, paid_on=today, by=shared.treasurer, at=NOW)
    cost = LegalCost.objects.get()
    data = {field.html_name: field.value() or "" for field in LegalCostForm(instance=cost)}
    refused = LegalCostForm(data | {"owed": "29.99"}, instance=cost).errors["owed"]
    disbursement.pay(
        approve(shared, request(shared, "64.99")), paid_on=today, by=shared.treasurer, at=NOW
    )
    left = proposed()
    allocation.end_cost(shared.cost, ending=LegalCost.Ending.SETTLED, by=shared.treasurer, at=NOW)

    assert (first, second, left) == ("30.00", "65.00", "0.01")
    assert refused == ["€30.00 of this cost is paid: it was owed."]
    assert "€64.99 not needed any more" in words(treasurer.get(f"{page}/change/"))


# --- Money of one and of a case --------------------------------------------------------------------------------


def test_page_of_a_defendant_tells_the_share_the_funds_and_the_hearings(shared, treasurer):
    costs.share(shared.cost, parts={shared.ana: 1, shared.bo: 3})
    costs.agree_plan(shared.cost, [(timezone.now().date() + timedelta(days=9), Decimal(100))])
    own = factories.make_fund("defendant", defendant=shared.bo)
    factories.give(own, "30")
    Hearing.objects.create(
        case=shared.case, held_on=timezone.now().date() + timedelta(days=5), place="Room 3"
    )
    Hearing.objects.create(
        case=shared.case, held_on=timezone.now().date() - timedelta(days=5), place="Room 4"
    )

    response = treasurer.get(f"{COST}defendant/{shared.bo.pk}/")
    page = words(response)

    assert "EUR €75.00 €0.00 €0.00 €75.00" in page
    assert "a share" in page
    assert page.index(f"{own.name} a defendant €30.00") < page.index(
        f"{shared.fund.name} a case €1,000.00"
    )
    assert ("Room 3" in page, "Room 4" in page) == (True, False)
    link = re.search(r'href="([^"]+/allocate/[^"]+)"', response.content.decode())[1].replace(
        "&amp;", "&"
    )
    form = treasurer.get(link).context["form"]
    assert (form["fund"].value(), form["amount"].value()) == (str(own.pk), "30.00")
    assert "another" not in page


def test_page_of_a_case_tells_all_costs_and_each_defendant(shared, treasurer):
    costs.share(shared.cost, parts={shared.ana: 1, shared.bo: 3})
    factories.make_cost(shared.case, shared.bo, owed="7", currency="USD")
    cy = factories.make_defendant("Cy (sample)", [shared.case])

    page = words(treasurer.get(f"{COST}case/{shared.case.pk}/"))

    assert "EUR €100.00 €0.00 €0.00 €100.00 – USD US$7.00" in page
    assert "Ana (sample) €25.00" in page
    assert "Bo (sample) €75.00" in page
    assert "Bo (sample) US$7.00" in page
    assert f"{cy} no cost" in page
    assert "No fund has money for it" in page


def test_empty_pages_say_so(treasurer):
    case = factories.make_case()
    person = factories.make_defendant()

    assert "No cost is recorded yet." in words(treasurer.get(f"{COST}case/{case.pk}/"))
    page = words(treasurer.get(f"{COST}defendant/{person.pk}/"))
    assert "No open fund reaches these costs" in page
    assert "None is known." in page
    assert treasurer.get(f"{COST}case/{case.pk + 1}/").status_code == 404


def test_pages_are_reached_from_lists_costs_and_the_editors_desk(shared, treasurer):
    person, case = f"{COST}defendant/{shared.ana.pk}/", f"{COST}case/{shared.case.pk}/"
    for path in (
        COST,
        f"{COST}{shared.cost.pk}/change/",
    ):
        page = treasurer.get(path).content.decode()
        assert person in page
        assert case in page
    assert (
        person
        in treasurer.get(f"/admin/appeals/defendant/{shared.ana.pk}/change/").content.decode()
    )
    assert case in treasurer.get(f"/admin/appeals/case/{shared.case.pk}/change/").content.decode()
    assert case in treasurer.get(person).content.decode()
    assert person in treasurer.get(case).content.decode()


@pytest.mark.parametrize("count", [1, 6])
def test_pages_of_money_cost_the_same_however_much_they_show(
    shared, treasurer, django_assert_num_queries, count
):
    for number in range(count):
        cost = factories.make_cost(shared.case, shared.ana, by=shared.treasurer)
        costs.share(cost, parts={shared.ana: 1, shared.bo: 1 + number})
        own = factories.make_fund(
            "defendant", defendant=factories.make_defendant("X", [shared.case])
        )
        factories.give(own, "5")
        shared.case.hearings.create(held_on=timezone.now().date(), place="Room")
    treasurer.get("/admin/")
    with django_assert_num_queries(15):
        assert treasurer.get(f"{COST}defendant/{shared.ana.pk}/").status_code == 200
    with django_assert_num_queries(15):
        assert treasurer.get(f"{COST}case/{shared.case.pk}/").status_code == 200


# --- Values of the UMA -------------------------------------------------------------------------------------------


def test_table_of_values_is_looked_at_then_entered(shared, treasurer):
    factories.make_uma("100", "2026-01-01", "2026-01-10", ruling="Act 1")
    cost = factories.make_cost(shared.case, shared.ana, uma=Decimal(2), owed="1", currency="ARS")
    page = words(treasurer.post(f"{UMA}import/", {"table": TABLE}))
    assert "1 new value, 1 known" in page
    assert "1 open cost in UMA will be owed at the newest value." in page
    assert UmaValue.objects.count() == 1
    page = words(treasurer.post(f"{UMA}import/", {"table": TABLE, "is_seen": "on"}, follow=True))
    assert "1 value entered. 1 open cost in UMA is owed at the newest value." in page
    assert LegalCost.objects.get(pk=cost.pk).owed == 241
    page = words(treasurer.post(f"{UMA}import/", {"table": TABLE, "is_seen": "on"}, follow=True))
    assert "nothing changed" in page


def test_wrong_table_enters_nothing(treasurer):
    page = words(
        treasurer.post(f"{UMA}import/", {"table": TABLE + "x,2026-03-01,2026-03-01,Act\n"})
    )
    assert "Row 4: “x” is no value." in page
    assert "Choose a file, or paste its lines" in words(treasurer.post(f"{UMA}import/", {}))
    assert not UmaValue.objects.exists()


def test_one_value_is_typed(treasurer):
    data = {
        "value": "20595",
        "effective_from": "2023-07-01",
        "published_on": "2023-09-22",
        "ruling": "Act",
    }
    page = words(treasurer.post(f"{UMA}enter/", data, follow=True))

    assert "1 value entered. 0 open costs" in page
    row = UmaValue.objects.get()
    assert (row.value, row.entered_by.username, row.source) == (20595, "tess", "")
    assert "nothing changed" in words(treasurer.post(f"{UMA}enter/", data, follow=True))


def test_list_of_values_says_which_is_in_force_and_what_was_replaced(treasurer):
    # A ruling of March raised the second one, from its own day on; and a mistyped first one was mended twice.
    for value, effective_from, published_on in (
        ("100", "2026-01-01", "2026-01-10"),
        ("120", "2026-02-01", "2026-02-20"),
        ("10", "2026-01-01", "2026-01-10"),
        ("150", "2026-02-01", "2026-03-09"),
        ("101", "2026-01-01", "2026-01-10"),
    ):
        factories.make_uma(value, effective_from, published_on)

    page = words(treasurer.get(UMA))

    said = re.findall(
        r"ARS ([\d.]+) (replaced by ARS [\d.]+|in force (?:today|until [A-Z]\w+ \d+, \d+))", page
    )
    assert said == [
        ("150.00", "in force today"),
        ("120.00", "replaced by ARS 150.00"),
        ("101.00", "in force until January 31, 2026"),
        ("10.00", "replaced by ARS 101.00"),
        ("100.00", "replaced by ARS 101.00"),
    ]
    assert UmaValue.objects.newest().value == 150
    mended = UmaValue.objects.get(value=120)
    assert "replaced by ARS 150.00" in words(treasurer.get(f"{UMA}{mended.pk}/change/"))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"value": "0"}, "The value is above zero."),
        ({"value": "-1"}, "greater than or equal to 0"),
        ({"effective_from": "2999-01-01"}, "still to come"),
        ({"published_on": "1 March"}, "This is no day"),
        ({"ruling": " "}, "This field is required."),
    ],
)
def test_wrong_value_gets_a_sentence(treasurer, typed, sentence):
    data = {
        "value": "1",
        "effective_from": "2023-07-01",
        "published_on": "2023-09-22",
        "ruling": "Act",
    }

    assert sentence in words(treasurer.post(f"{UMA}enter/", data | typed))
    assert not UmaValue.objects.exists()
