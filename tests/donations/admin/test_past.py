"""The past in the office: looked at, asked for by one, approved by another; each of them in sight of what it does."""

from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from donations.models import Entry, PastImport, PastRow
from tests import factories
from tests.donations.past.test_past import WHOLE, row, table
from tests.factories import log_in, make_user

LIST = "/admin/donations/pastimport/"
UPLOAD = f"{LIST}upload/"


def words(response) -> str:
    return " ".join(unescape(response.content.decode()).split())


@pytest.fixture
def known(treasurer):
    factories.make_fund(code="general")
    factories.make_bank_account(code="bank-eur")
    factories.make_defendant(cases=[factories.make_case(slug="case-one")], key="person-1")
    return treasurer


def upload(client, text, name="past.csv"):
    return client.post(UPLOAD, {"file": SimpleUploadedFile(name, text.encode())})


def seated(*groups):
    return log_in(Client(headers={"accept-language": "en"}), make_user(None, *groups))


def test_past_goes_from_the_file_to_the_books(known):
    form = words(known.get(UPLOAD))
    for code in ("general", "bank-eur", "case-one", "person-1"):
        assert f"<code>{code}</code>" in form
    preview = upload(known, WHOLE)

    assert "6 new rows, 0 known" in words(preview)
    assert '<dt>Gift, 3</dt><dd class="amount">€170.00</dd>' in words(preview)
    assert not PastImport.objects.exists()

    carried = {"is_seen": "on", "name": "past.csv", "table": preview.context["form"].cleaned_data["table"]}  # fmt: skip
    asked = known.post(UPLOAD, carried, follow=True)
    assert "Asked for: another person approves it." in words(asked)
    waiting = PastImport.objects.get()
    page = f"{LIST}{waiting.pk}/"
    assert known.get(f"{page}approve/").status_code == 403

    approver = seated("approver")
    assert '<span class="count">1</span> opening balance or spreadsheet of the past to approve' in words(approver.get("/admin/"))  # fmt: skip
    assert "6 new rows, 0 known" in words(approver.get(f"{page}change/"))
    assert '<dt>Gift, 3</dt><dd class="amount">€170.00</dd>' in words(approver.get(f"{page}approve/"))  # fmt: skip
    done = approver.post(f"{page}approve/", follow=True)

    assert "The past is booked." in words(done)
    assert Entry.objects.count() == 6
    assert '<dt>Gift, 3</dt><dd class="amount">€170.00</dd>' in words(done)
    rows = f"/admin/donations/pastrow/?past_import__id__exact={waiting.pk}"
    assert f'<a href="{rows}">6</a>' in words(done)
    assert len(approver.get(rows).context["cl"].result_list) == 6


def test_what_must_be_mended_is_listed_and_nothing_can_be_asked_for(known):
    page = words(upload(known, table(row(date="x"), row())))

    assert "Row 2: “x” is no day. Write it like 2026-03-10." in page
    assert "Ask for it to be booked" not in page


def test_long_lists_of_what_to_mend_are_cut(known):
    page = words(upload(known, table(*[row(date="x")] * 60)))

    assert page.count("is no day") == 50
    assert "and 10 more" in page


@pytest.mark.parametrize(
    ("posted", "sentence"),
    [
        ({}, "Choose the spreadsheet you filled in."),
        ({"file": SimpleUploadedFile("x.csv", b"")}, "The file is empty. Choose it again."),
        ({"file": SimpleUploadedFile("x.csv", b"\xff\xfe")}, "The file is no text in UTF-8."),
        ({"file": SimpleUploadedFile("x.csv", b"a,b\n1,2\n")}, "“a” is no column we know."),
        ({"table": table(row(date="x")), "is_seen": "on"}, "Row 2: “x” is no day."),
    ],
)
def test_bad_file_gets_a_sentence(known, posted, sentence):
    assert sentence in words(known.post(UPLOAD, posted))
    assert not PastImport.objects.exists()


def test_booked_file_leaves_nothing_to_do(known):
    known.post(UPLOAD, {"is_seen": "on", "name": "past.csv", "table": WHOLE})
    seated("approver").post(f"{LIST}{PastImport.objects.get().pk}/approve/")

    page = words(upload(known, WHOLE))

    assert "Every row of this file is booked already" in page
    assert "Ask for it to be booked" not in page


def test_template_is_a_table_that_can_be_read(known):
    response = known.get(f"{LIST}template.csv")

    assert response["Content-Disposition"] == 'attachment; filename="past.csv"'
    assert response.content.decode().splitlines()[0].startswith("kind,date,amount,currency,fund")


def test_names_are_for_those_who_meet_supporters(known):
    known.post(UPLOAD, {"is_seen": "on", "name": "past.csv", "table": WHOLE})
    seated("approver").post(f"{LIST}{PastImport.objects.get().pk}/approve/")
    page = f"/admin/donations/pastrow/{PastRow.objects.get(row=3).pk}/"

    assert "Ana Ejemplo" in words(known.get(f"{page}change/"))
    for group in ("auditor", "approver"):
        assert "Ana" not in words(seated(group).get(f"{page}change/"))
    paid = PastRow.objects.filter(kind=PastRow.Kind.PAYMENT).first()
    other = f"/admin/donations/pastrow/{paid.pk}/"
    assert "Forget who gave" in words(known.get(f"{page}change/"))
    assert "Forget who gave" not in words(known.get(f"{other}change/"))
    assert "Only a gift has somebody who gave it." in words(known.get(f"{other}forget/"))
    assert "Forgotten" in words(known.post(f"{page}forget/", follow=True))
    assert "Ana" not in words(known.get(f"{page}change/"))
