"""Statements say what the ledger says, in every form the same."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import openpyxl
import pikepdf
import pytest
from django.utils.translation import override

from appeals.models import Defendant
from donations import allocation, costs, disbursement, ledger, reports
from donations.models import Account, AccountKey, LegalCost
from donations.reports import Span
from tests import factories
from tests.donations.spending import allocate, approve, make_ready, requested
from tests.factories import NOW, TODAY, give, log_in

ALL_DAYS = Span(date(2000, 1, 1), TODAY + timedelta(days=4000))


def table(report, key, currency="EUR"):
    (found,) = [t for t in report.tables if (t.key, t.currency) == (key, currency)]
    return found


def by_name(found):
    return {row[0]: row[1:] for row in found.rows}


def statements(fund):
    cost = LegalCost.objects.get()
    return [
        reports.of_books(ALL_DAYS),
        reports.of_fund(fund, ALL_DAYS),
        reports.of_case(fund.case, ALL_DAYS),
        reports.of_defendant(cost.defendant, ALL_DAYS),
    ]


def test_books_equal_the_ledger_account_by_account(busy):
    report = reports.of_books(ALL_DAYS)

    said = {
        (t.currency, row[0]): row[-1]
        for t in report.tables
        if t.key in {"purposes", "places"}
        for row in t.rows
    }
    booked = {
        (account.currency, reports.named(account.code)): account.balance
        for account in Account.objects.with_balance()
    }

    assert said == booked
    assert len(said) == 6


def test_books_balance_and_their_kinds_explain_the_difference(busy):
    report = reports.of_books(ALL_DAYS)

    for currency in ("EUR", "CLP"):
        purposes, places = table(report, "purposes", currency), table(report, "places", currency)
        kinds = table(report, "kinds", currency)
        assert purposes.total[-1] == places.total[-1] > 0
        assert kinds.total[2] - kinds.total[3] == purposes.total[-1] - purposes.total[1]
    assert by_name(table(report, "kinds"))["Donation"] == (2, Decimal(125), Decimal(0), Decimal(0))


def test_span_opens_with_what_was_before_and_ends_before_what_came_after(db):
    fund = factories.make_fund(code="general")
    give(fund, "10", booked_on=date(2026, 1, 31))
    give(fund, "20", booked_on=date(2026, 2, 1))
    give(fund, "40", booked_on=date(2026, 2, 28))
    give(fund, "80", booked_on=date(2026, 3, 1))

    report = reports.of_books(reports.month_of(date(2026, 2, 14)))

    assert table(report, "purposes").rows == (
        ("Fund: general", Decimal(10), Decimal(60), Decimal(0), Decimal(70)),
    )
    assert table(report, "places").total == (
        "Together", Decimal(10), Decimal(60), Decimal(0), Decimal(70),
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


def test_case_and_defendant_show_what_is_owed_set_aside_paid_and_missing(busy):
    cost = LegalCost.objects.get()
    wanted = (
        cost.number, cost.case.slug, cost.defendant.alias, "", "lawyers' fees", Decimal(300),
        Decimal(80), Decimal(50), Decimal(0), Decimal(30), Decimal(220),
    )  # fmt: skip

    for report in (
        reports.of_case(busy.case, ALL_DAYS),
        reports.of_defendant(cost.defendant, ALL_DAYS),
    ):
        assert table(report, "costs").rows == (wanted,)
        left = by_name(table(report, "accounts"))[f"Cost: {cost.number}"][-1]
        assert left == ledger.balance(AccountKey.cost(cost)) == 30


def test_costs_are_as_of_the_last_day_of_the_statement(busy):
    other = factories.make_cost(busy.case, owed="7", recorded_at=NOW - timedelta(days=40))
    before = Span(TODAY - timedelta(days=30), TODAY - timedelta(days=1))

    found = table(reports.of_case(busy.case, before), "costs")

    # The other one, of 300, was recorded, served and paid on the next day.
    assert [row[0] for row in found.rows] == [other.number]
    assert found.rows[0][5:] == (Decimal(7), *[Decimal(0)] * 4, Decimal(7))


def test_what_was_owed_stays_as_it_was_known_on_the_last_day(busy):
    cost = LegalCost.objects.get()
    cost.owed = Decimal(500)
    cost.save(update_fields=["owed"])

    then = table(reports.of_case(busy.case, Span(TODAY, TODAY)), "costs")
    now = table(reports.of_case(busy.case, ALL_DAYS), "costs")

    assert [found.total[5] for found in (then, now)] == [300, 500]
    assert [found.total[-1] for found in (then, now)] == [220, 420]


def test_ended_cost_misses_nothing_from_its_day_on(busy):
    cost = LegalCost.objects.get()
    at = NOW + timedelta(days=3)
    allocation.end_cost(cost, ending=LegalCost.Ending.SETTLED, by=factories.make_user(), at=at)

    def missing(last_on):
        return table(reports.of_case(busy.case, Span(TODAY, last_on)), "costs").total[-1]

    assert (missing(TODAY + timedelta(days=2)), missing(at.date())) == (220, 0)


# --- Shared costs ------------------------------------------------------------------------------------------


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
            "1 of 3 parts", "lawyers' fees", Decimal("33.33"), Decimal("13.88"), Decimal("10.41"),
            Decimal(0), Decimal("3.47"), Decimal("19.45"),
        ),
        shared.cost.number: (
            "an amount", "bail (a deposit)", Decimal(30), Decimal(20), Decimal(5), Decimal(15),
            Decimal(0), Decimal(0),
        ),
    }  # fmt: skip
    assert [a + b for a, b in zip(ana.total[5:], bo.total[5:], strict=True)] == list(whole.total[5:])  # fmt: skip
    assert whole.total[5:] == (
        Decimal("190.01"), Decimal("113.33"), Decimal("55.01"), Decimal(45), Decimal("13.32"),
        Decimal("46.68"),
    )  # fmt: skip
    assert len(whole.rows) == 4


@pytest.mark.parametrize("who", ["ana", "bo"])
def test_statement_of_a_defendant_says_what_the_offices_page_says(shared, client, who):
    treasurer = log_in(client, factories.make_user(None, "treasurer"))
    person = getattr(shared, who)
    total = table(reports.of_defendant(person, ALL_DAYS), "costs").total

    page = treasurer.get(f"/admin/donations/legalcost/defendant/{person.pk}/")

    (said,) = page.context["sums"]
    assert total[5:] == (
        said.owed, said.set_aside, said.paid, said.with_court,
        said.set_aside - said.paid - said.with_court, said.missing,
    )  # fmt: skip
    assert "of it with a court" in page.content.decode()
    assert f"defendant-{person.pk}" in treasurer.get("/admin/donations/account/reports/").content.decode()  # fmt: skip


@pytest.mark.parametrize("which", range(4))
def test_csv_has_every_row_and_sum(busy, which):
    report = statements(busy)[which]

    lines = [row for row in csv.reader(io.StringIO(reports.as_csv(report))) if row]

    for found in report.tables:
        mine = [row[2:] for row in lines if row[:2] == [found.key, found.currency]]
        assert len(mine) == len(found.rows)
        for written, row in zip(mine, found.rows, strict=True):
            assert [same(text, cell) for text, cell in zip(written, row, strict=True)] == list(row)
        totals = [row[2:] for row in lines if row[:2] == [f"{found.key} total", found.currency]]
        assert [
            same(text, cell)
            for text, cell in zip(*totals or [[]], found.total, strict=True)
        ] == list(found.total)  # fmt: skip


def same(text, cell):
    """`text` of a file as a cell of the kind of `cell`."""
    return type(cell).fromisoformat(text) if isinstance(cell, date) else type(cell)(text)


@pytest.mark.parametrize("which", range(4))
def test_xlsx_has_every_row_and_sum_as_numbers(busy, which):
    report = statements(busy)[which]

    book = openpyxl.load_workbook(io.BytesIO(reports.as_xlsx(report)))

    assert len(book.worksheets) == len(report.tables)
    for sheet, found in zip(book.worksheets, report.tables, strict=True):
        head, *rows = sheet.iter_rows(values_only=True)
        assert list(head) == [column.label for column in found.columns]
        wanted = [*found.rows, *([found.total] if found.total else [])]
        assert [[read(value, cell) for value, cell in zip(row, line, strict=True)]
                for row, line in zip(rows, wanted, strict=True)] == [list(line) for line in wanted]  # fmt: skip


def read(value, cell):
    match cell:
        case Decimal():
            assert isinstance(value, int | float)
            return Decimal(str(value))
        case date():
            return value.date()
        case "":
            return value or ""
    return value


@pytest.mark.parametrize("which", range(4))
def test_pdf_is_accessible_and_has_every_amount(busy, which):
    report = statements(busy)[which]

    file = reports.as_pdf(report)

    with pikepdf.open(io.BytesIO(file)) as pdf:
        assert str(pdf.docinfo["/Title"]) == report.title
        assert pdf.Root.MarkInfo.Marked
        assert b"pdfuaid" in pdf.Root.Metadata.read_bytes()


@pytest.mark.parametrize("form", sorted(reports.FORMS))
def test_every_form_is_the_same_to_the_byte_when_made_again(busy, form):
    _type, write = reports.FORMS[form]

    assert [write(report) for report in statements(busy)] == [
        write(report) for report in statements(busy)
    ]


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

    assert book.worksheets[0]["E2"].value == "123456789012345.67"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\tx", "\rx"])
def test_words_that_look_like_a_formula_are_harmless_in_both_files(busy, text):
    Defendant.objects.update(alias=f"{text} sample")
    report = reports.of_defendant(Defendant.objects.get(), ALL_DAYS)

    written = list(csv.reader(io.StringIO(reports.as_csv(report), newline="")))
    (cell,) = [row[4] for row in written if row[:1] == ["costs"]]
    sheet = openpyxl.load_workbook(io.BytesIO(reports.as_xlsx(report))).worksheets[0]

    assert cell == f"'{text} sample"
    assert sheet["C2"].data_type == "s"


def test_statements_are_in_the_language_asked_for(busy):
    with override("es"):
        file = reports.as_pdf(reports.of_books(ALL_DAYS))

    with pikepdf.open(io.BytesIO(file)) as pdf:
        assert str(pdf.Root.Lang) == "es"


@pytest.mark.parametrize("count", [1, 20])
def test_books_take_three_queries_with_any_number_of_entries(db, count, django_assert_num_queries):
    for number in range(count):
        give(factories.make_fund(code=f"fund-x{number}"), "1")

    with django_assert_num_queries(3):
        reports.of_books(reports.month_of(TODAY))


def test_span_ends_when_it_begins_or_later():
    with pytest.raises(ValueError, match="ends on the day it begins"):
        Span(date(2026, 2, 2), date(2026, 2, 1))
