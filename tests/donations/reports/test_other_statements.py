"""Statements of books of a test's own: shared costs, empty books, days at the edges of a span."""

import io
from datetime import date
from decimal import Decimal

import openpyxl
import pytest

from donations import allocation, costs, disbursement, ledger, reports
from donations.models import AccountKey
from donations.reports import Span
from tests import factories
from tests.donations.reading import ALL_DAYS, figures_of, table
from tests.donations.spending import allocate, approve, make_ready, requested
from tests.factories import NOW, TODAY, give, log_in


def test_span_opens_with_what_was_before_and_ends_before_what_came_after(db):
    fund = factories.make_fund(code="general")
    give(fund, "10", booked_on=date(2026, 1, 31))
    give(fund, "20", booked_on=date(2026, 2, 1))
    give(fund, "40", booked_on=date(2026, 2, 28))
    give(fund, "80", booked_on=date(2026, 3, 1))

    report = reports.of_books(reports.month_of(date(2026, 2, 14)))

    assert table(report, "purposes").rows == (
        ("Fund: general", Decimal(10), Decimal(60), Decimal(0), Decimal(0), Decimal(70)),
    )
    assert table(report, "places").total == (
        "Together", Decimal(10), Decimal(60), Decimal(0), Decimal(0), Decimal(70),
    )  # fmt: skip


def test_fund_lists_each_days_sums_with_the_balance_after_them(db):
    fund = factories.make_fund(code="general")
    give(fund, "10", booked_on=date(2026, 1, 31))
    for amount in ("20", "5"):
        give(fund, amount, booked_on=date(2026, 2, 1))
    give(fund, "40", booked_on=date(2026, 2, 3))

    report = reports.of_fund(fund, reports.month_of(date(2026, 2, 1)))

    assert [row[1:] for row in table(report, "days").rows] == [
        (date(2026, 2, 1), "Donation", "At Stripe", 2, Decimal(25), Decimal(0), Decimal(35)),
        (date(2026, 2, 3), "Donation", "At Stripe", 1, Decimal(40), Decimal(0), Decimal(75)),
    ]
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == 75


@pytest.fixture
def shared(db):
    """100.01 EUR of Ana and Bo by parts 1 and 2, and bail of 90 by amounts; Bo's own fund gave 20; both are paid in
    part; the court gave a third of the bail back, and keeps a sixth of it."""
    r = make_ready(owed="100.01")
    r.ana, r.bo = r.cost.defendant, factories.make_defendant("Bo (sample)", [r.case])
    costs.share(r.cost, parts={r.ana: 1, r.bo: 2})
    r.own = factories.make_fund("defendant", defendant=r.bo)
    factories.give(r.own, "20")
    allocate(r, "20", r.own)
    allocate(r, "33.33")
    disbursement.pay(approve(r, requested(r, "40.01")), paid_on=TODAY, by=r.treasurer, at=NOW)
    r.fees, r.cost = r.cost, factories.make_cost(r.case, r.ana, owed="90", kind="bail")
    r.document = factories.make_document(r.cost, b"%PDF-1.4 ruling")
    costs.share(r.cost, amounts={r.ana: Decimal(30), r.bo: Decimal(60)})
    allocate(r, "90")
    disbursement.pay(approve(r, requested(r, "90")), paid_on=TODAY, by=r.treasurer, at=NOW)
    told = {"cost": r.cost, "happened_on": TODAY, "by": r.treasurer, "at": NOW}
    allocation.bail_returned(amount=Decimal(30), into=r.bank, **told)
    allocation.bail_forfeited(amount=Decimal(15), document=r.document, **told)
    return r


def test_each_defendant_has_their_share_of_a_cost_to_the_cent(shared):
    ana, bo = (table(reports.of_defendant(each, ALL_DAYS), "costs") for each in (shared.ana, shared.bo))  # fmt: skip
    whole = table(reports.of_case(shared.case, ALL_DAYS), "costs")

    assert {row[0]: row[3:] for row in ana.rows} == {
        shared.fees.number: (
            "1 of 3 parts", "lawyers' fees", Decimal("33.33"), Decimal("10.41"), Decimal(0),
            Decimal(0), Decimal("3.47"), Decimal("19.45"),
        ),
        shared.cost.number: (
            "an amount", "bail (a deposit)", Decimal(30), Decimal(5), Decimal(15), Decimal(10),
            Decimal(0), Decimal(0),
        ),
    }  # fmt: skip
    assert [a + b for a, b in zip(ana.total[5:], bo.total[5:], strict=True)] == list(whole.total[5:])  # fmt: skip
    assert whole.total[5:] == (
        Decimal("190.01"), Decimal("55.01"), Decimal(45), Decimal(30), Decimal("13.32"),
        Decimal("46.68"),
    )  # fmt: skip
    assert len(whole.rows) == 4


def test_what_moved_between_accounts_neither_came_in_nor_went_out(shared):
    """A payment of 40.01, bail of 90, of which 30 came back and went on to the fund; 143.33 was set aside before."""
    d = Decimal
    fund, fees, bail = shared.fund.code, shared.fees.number, shared.cost.number

    books = reports.of_books(ALL_DAYS)
    case = reports.of_case(shared.case, ALL_DAYS)

    rows = {key: set(table(books, key).rows) for key in ("purposes", "places")}
    assert rows == {
        "purposes": {
            (f"Cost: {bail}", d(0), d(0), d(15), d(60), d(45)),
            (f"Cost: {fees}", d(0), d(0), d("40.01"), d("53.33"), d("13.32")),
            (f"Fund: {fund}", d(0), d(1000), d(0), d("-93.33"), d("906.67")),
            (f"Fund: {shared.own.code}", d(0), d(20), d(0), d(-20), d(0)),
        },
        "places": {
            (f"Bail of {bail}", d(0), d(0), d(15), d(60), d(45)),
            ("Bank: bank-eur", d(0), d(1000), d("40.01"), d(-60), d("899.99")),
            ("At Stripe", d(0), d(20), d(0), d(0), d(20)),
        },
    }
    came_and_went = (d(1020), d("55.01"))
    assert [table(books, key).total[1:] for key in rows] == [
        (0, *came_and_went, 0, d("964.99"))
    ] * 2
    assert table(books, "kinds").total[2:4] == came_and_went
    # To a case its other funds' money does come in; its bail is money of its costs, and not added to them.
    assert set(table(case, "accounts").rows) == {
        (f"Cost: {bail}", d(0), d(0), d(15), d(60), d(45)),
        (f"Cost: {fees}", d(0), d(20), d("40.01"), d("33.33"), d("13.32")),
        (f"Fund: {fund}", d(0), d(1000), d(0), d("-93.33"), d("906.67")),
    }
    assert table(case, "accounts").total[1:] == (0, *came_and_went, 0, d("964.99"))
    assert table(case, "bail").rows == ((f"Bail of {bail}", d(0), d(90), d(45), d(0), d(45)),)


@pytest.mark.parametrize("who", ["ana", "bo"])
def test_statement_of_a_defendant_says_what_the_offices_page_says(shared, client, who):
    treasurer = log_in(client, factories.make_user(None, "treasurer"))
    person = getattr(shared, who)
    stated = table(reports.of_defendant(person, ALL_DAYS), "costs")

    page = treasurer.get(f"/admin/donations/legalcost/defendant/{person.pk}/")

    (said,) = page.context["sums"]
    assert figures_of(stated, stated.total) == said.figures
    assert "With a court" in page.content.decode()
    assert f"defendant-{person.pk}" in treasurer.get("/admin/donations/account/reports/").content.decode()  # fmt: skip


@pytest.mark.parametrize("form", sorted(reports.FORMS))
def test_empty_books_make_whole_files(db, form):
    _type, write = reports.FORMS[form]
    report = reports.of_books(reports.month_of(TODAY))

    assert report.tables == ()
    assert write(report) or form == "csv"


def test_amounts_of_many_digits_stay_exact_in_xlsx(db):
    give(factories.make_fund(code="general"), "123456789012345.67", currency="ARS")

    book = openpyxl.load_workbook(
        io.BytesIO(reports.as_xlsx(reports.of_books(reports.month_of(TODAY))))
    )

    assert book.worksheets[0]["F2"].value == "123456789012345.67"


@pytest.mark.parametrize("count", [1, 20])
def test_books_take_four_queries_with_any_number_of_entries(db, count, django_assert_num_queries):
    for number in range(count):
        give(factories.make_fund(code=f"fund-x{number}"), "1")

    with django_assert_num_queries(4):
        reports.of_books(reports.month_of(TODAY))


def test_span_ends_when_it_begins_or_later():
    with pytest.raises(ValueError, match="ends on the day it begins"):
        Span(date(2026, 2, 2), date(2026, 2, 1))


def test_balance_beside_a_day_is_never_lower_than_it_was_between_two_days(shared):
    """Of a day what raised an account stands first, in the alphabet of kinds an allocation comes before the gift it is of."""
    rows = table(reports.of_case(shared.case, ALL_DAYS), "days").rows

    balances = {row[0]: [each[-1] for each in rows if each[0] == row[0]] for row in rows}
    below = {name for name, found in balances.items() if min(found) < min(0, found[-1])}
    assert below == set()
    assert balances[f"Fund: {shared.fund.code}"][0] == 1000
