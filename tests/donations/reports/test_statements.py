"""Statements say what the ledger says, in every form the same."""

import csv
import io
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import openpyxl
import pikepdf
import pytest
from django.utils.translation import override

from donations import allocation, ledger, reports
from donations.models import Account, AccountKey, LegalCost
from donations.models.cost_figures import Figures
from donations.reports import Column, Span, Table
from tests import factories
from tests.donations.reading import ALL_DAYS, figures_of, table, told
from tests.factories import NOW, TODAY


@pytest.fixture
def busy(busy_from_the_start, db):
    return busy_from_the_start


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


def test_case_and_defendant_show_what_is_owed_set_aside_paid_and_missing(busy):
    cost = LegalCost.objects.get()
    wanted = {
        "cost": cost.number, "case": f"case-{busy.case_id}", "defendant": f"defendant-{cost.defendant_id}",
        "kind": "lawyers' fees", "owed": Decimal(300), "paid": Decimal(50),
        "set_aside": Decimal(30), "missing": Decimal(220),
    }  # fmt: skip

    for report in (
        reports.of_case(busy.case, ALL_DAYS),
        reports.of_defendant(cost.defendant, ALL_DAYS),
    ):
        found = table(report, "costs")
        assert [told(found.columns, row) for row in found.rows] == [wanted]
        left = by_name(table(report, "accounts"))[f"Cost: {cost.number}"][-1]
        assert left == ledger.balance(AccountKey.cost(cost)) == 30


def test_costs_are_as_of_the_last_day_of_the_statement(busy):
    other = factories.make_cost(busy.case, owed="7", recorded_at=NOW - timedelta(days=40))
    before = Span(TODAY - timedelta(days=30), TODAY - timedelta(days=1))

    found = table(reports.of_case(busy.case, before), "costs")

    # The other one, of 300, was recorded, served and paid on the next day.
    assert [row[0] for row in found.rows] == [other.number]
    assert figures_of(found, found.rows[0]) == Figures(owed=Decimal(7), missing=Decimal(7))


def test_what_was_owed_stays_as_it_was_known_on_the_last_day(busy):
    cost = LegalCost.objects.get()
    cost.owed = Decimal(500)
    cost.save(update_fields=["owed"])

    then = table(reports.of_case(busy.case, Span(TODAY, TODAY)), "costs")
    now = table(reports.of_case(busy.case, ALL_DAYS), "costs")

    sums = [figures_of(found, found.total) for found in (then, now)]
    assert [(each.owed, each.missing) for each in sums] == [(300, 220), (500, 420)]


def test_ended_cost_misses_nothing_from_its_day_on(busy):
    cost = LegalCost.objects.get()
    at = NOW + timedelta(days=3)
    allocation.end_cost(cost, ending=LegalCost.Ending.SETTLED, by=factories.make_user(), at=at)

    def missing(last_on):
        found = table(reports.of_case(busy.case, Span(TODAY, last_on)), "costs")
        said = figures_of(found, found.total)
        return said.missing, said.not_needed

    assert (missing(TODAY + timedelta(days=2)), missing(at.date())) == ((220, 0), (0, 250))


# --- Shared costs ------------------------------------------------------------------------------------------


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


def test_sheet_is_named_in_whole_words_and_with_its_currency(db):
    table = Table("past", "Pagado antes de que empezaran estas cuentas", "EUR", (), ())
    report = replace(reports.of_books(ALL_DAYS), tables=(table,))

    book = openpyxl.load_workbook(io.BytesIO(reports.as_xlsx(report)))

    assert book.sheetnames == ["Pagado antes de que… EUR"]


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


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\tx", "\rx"])
def test_words_that_look_like_a_formula_are_harmless_in_both_files(busy, text):
    rows = ((f"{text} sample", Decimal(1)),)
    columns = (Column("payment", "Payment"), Column("cost", "It cost", is_number=True))
    report = reports.of_books(ALL_DAYS)
    report = replace(report, tables=(Table("gains", "Gains", "EUR", columns, rows),))

    _head, written = csv.reader(io.StringIO(reports.as_csv(report), newline=""))
    sheet = openpyxl.load_workbook(io.BytesIO(reports.as_xlsx(report))).worksheets[0]

    assert written[2] == f"'{text} sample"
    assert sheet["A2"].data_type == "s"


def test_statements_are_in_the_language_asked_for(busy):
    with override("es"):
        file = reports.as_pdf(reports.of_books(ALL_DAYS))

    with pikepdf.open(io.BytesIO(file)) as pdf:
        assert str(pdf.Root.Lang) == "es"
