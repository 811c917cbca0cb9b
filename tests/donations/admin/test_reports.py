"""The statements' page: what is asked for is shown, what cannot be asked for is said, and each file is the report's."""

import io
import json
import zipfile
from datetime import date
from html import unescape

import pytest
from django.test import Client

from appeals.models import Case
from donations import reports
from donations.models import Entry, LegalCost
from donations.reports import Span
from tests import factories
from tests.factories import give, log_in, make_user

PAGE = "/admin/donations/account/reports/"
TAKE_AWAY = "/admin/donations/entry/take-away/"
MARCH = {"first_on": "2026-03-01", "last_on": "2026-03-31"}


def words(response) -> str:
    return " ".join(unescape(response.content.decode()).split())


def test_first_look_is_at_this_month(treasurer):
    response = treasurer.get(PAGE)

    assert response.status_code == 200
    assert "Nothing is booked here yet." in words(response)
    assert 'aria-current="page">This month<' in words(response)


@pytest.mark.parametrize("which", ["books", "fund", "case", "defendant"])
def test_page_and_files_are_of_the_report_asked_for(treasurer, busy, which):
    cost = LegalCost.objects.get()
    span = Span(date(2026, 3, 1), date(2026, 3, 31))
    subject, report = {
        "books": ("books", reports.of_books(span)),
        "fund": (f"fund-{busy.pk}", reports.of_fund(busy, span)),
        "case": (f"case-{busy.case_id}", reports.of_case(Case.objects.titled().get(), span)),
        "defendant": (
            f"defendant-{cost.defendant_id}",
            reports.of_defendant(cost.defendant, span),
        ),
    }[which]

    page = words(treasurer.get(PAGE, {"subject": subject} | MARCH))

    assert report.title in page
    # Whose codes are in it stands beside it, as it is called today.
    assert f"<dt>fund-{busy.code}</dt><dd>{busy.name}</dd>" in page
    for table in report.tables:
        for row in table.rows:
            for cell in row:
                assert reports.written(cell, table.currency) in page
    for form, (content_type, write) in reports.FORMS.items():
        file = treasurer.get(f"{PAGE}statement.{form}", {"subject": subject} | MARCH)
        written = write(report)
        assert file.content == (written.encode() if isinstance(written, str) else written)
        assert file["Content-Type"] == content_type
        assert f'filename="{report.slug}-2026-03-01-2026-03-31.{form}"' in file["Content-Disposition"]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"subject": "fund-9999"}, "Select a valid choice."),
        ({"subject": "nonsense"}, "Select a valid choice."),
        ({"first_on": "yesterday"}, "This is no day. Write it like 2027-01-31."),
        ({"first_on": "2026-04-01", "last_on": "2026-03-01"}, "The last day lies before the first"),
    ],
)
def test_what_cannot_be_asked_for_is_said_on_the_page(treasurer, asked, said):
    assert said in words(treasurer.get(PAGE, asked))
    # A file is refused the same way: with the page.
    assert said in words(treasurer.get(f"{PAGE}statement.pdf", asked))


def test_other_forms_are_not_there(treasurer):
    assert treasurer.get("/admin/donations/entry/journal.exe").status_code == 404


def test_long_tables_are_cut_on_the_page_and_whole_in_the_files(treasurer, db, monkeypatch):
    monkeypatch.setattr("donations.admin.report.SHOWN", 2)
    fund = factories.make_fund()
    for day in range(1, 6):
        give(fund, "1", booked_on=date(2026, 3, day))

    asked = {"subject": f"fund-{fund.pk}"} | MARCH

    assert "3 more rows are in the files." in words(treasurer.get(PAGE, asked))
    file = treasurer.get(f"{PAGE}statement.csv", asked).content.decode()
    assert file.count("\ndays,EUR") == 5


@pytest.mark.parametrize("count", [1, 12])
def test_page_asks_a_fixed_number_of_queries(treasurer, count, django_assert_num_queries):
    for _each in range(count):
        give(factories.make_fund(), "1")
    treasurer.get(PAGE, MARCH)

    with django_assert_num_queries(13):
        treasurer.get(PAGE, MARCH)


def test_journal_is_streamed(treasurer, busy):
    response = treasurer.get("/admin/donations/entry/journal.json")

    assert response.streaming
    assert len(json.loads(b"".join(response))) == Entry.objects.count()
    assert response["Content-Disposition"] == 'attachment; filename="entries.json"'


@pytest.mark.parametrize(("wants", "count"), [({}, 0), ({"with_documents": "on"}, 1)])
def test_bundle_comes_with_documents_when_asked(treasurer, busy, wants, count):
    assert "With the documents themselves" in words(treasurer.get(TAKE_AWAY))

    response = treasurer.post(TAKE_AWAY, wants)

    with zipfile.ZipFile(io.BytesIO(b"".join(response))) as archive:
        names = archive.namelist()
    assert len([name for name in names if name.startswith("documents/")]) == count


def test_who_may_see_no_document_gets_none_however_they_ask(treasurer, busy):
    user = make_user("counter", "treasurer")
    group = user.groups.get()
    group.permissions.remove(group.permissions.get(codename="view_costdocument"))
    client = log_in(Client(headers={"accept-language": "en"}), user)

    assert "With the documents themselves" not in words(client.get(TAKE_AWAY))
    response = client.post(TAKE_AWAY, {"with_documents": "on"})
    with zipfile.ZipFile(io.BytesIO(b"".join(response))) as archive:
        assert not [name for name in archive.namelist() if name.startswith("documents/")]
