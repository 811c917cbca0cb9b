import re
from decimal import Decimal
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from donations.models import StatementImport, StatementLine
from donations.reconciliation import import_statement
from donations.statements.files import LARGEST
from tests.donations.reconciliation.files import bank_csv, make_account
from tests.donations.reconciliation.test_imports import ofx
from tests.donations.reconciliation.test_notifications import (
    IBAN,
    detail,
    entry,
    notification,
    statement,
)
from tests.donations.statements.samples import own
from tests.factories import NOW, log_in, make_bank_account, make_pledge, make_user

from .test_bank_account import hidden

UPLOAD = "/admin/donations/statementimport/upload/"
CONFIRM = "/admin/donations/statementimport/confirm/"
CONTENT = bank_csv(
    "2026-03-03;25.00;EUR;Ana;gift",
    "2026-03-03;25.00;EUR;Ana;gift",
    "2026-03-04;-5.00;EUR;;fee",
    closing="45",
)


def upload(client, account, content=CONTENT, name="march.csv"):
    return client.post(UPLOAD, {"account": account.pk, "file": SimpleUploadedFile(name, content)})


def test_upload_shows_the_file_and_imports_nothing(treasurer):
    response = upload(treasurer, make_account())

    text = unescape(response.content.decode())
    assert "march.csv for Sample bank (EUR): nothing is imported yet." in text
    assert "3 new lines, 0 known" in " ".join(text.split())
    assert [str(row.amount) for row in response.context["new"]] == ["25.00", "25.00", "-5.00"]
    assert (StatementImport.objects.count(), StatementLine.objects.count()) == (0, 0)
    assert "no-store" in response.headers["Cache-Control"]


def test_preview_says_that_a_balance_is_of_a_later_day_than_the_lines(treasurer):
    content = ofx("900", ("20260205", "3", "c"), until="20260228", as_of="20260301")

    text = re.sub(r"<[^>]+>", "", upload(treasurer, make_account(), content).content.decode())

    assert (
        "balance, €900.00, is of March 1, 2026, and its lines reach to February 28, 2026 only: what moved in between is not in it."
        in " ".join(unescape(text).split())
    )
    assert "A line missing from it would not be noticed." in text


def test_confirm_imports_once_however_often_it_is_pressed(treasurer):
    file = {"file": hidden(upload(treasurer, make_account()), "file")}

    first = treasurer.post(CONFIRM, file, follow=True)
    second = treasurer.post(CONFIRM, file, follow=True)

    assert "Imported: 3 new lines. 0 were known already. 3 are open." in first.content.decode()
    assert "Imported: 0 new lines. 3 were known already." in second.content.decode()
    assert (StatementImport.objects.count(), StatementLine.objects.count()) == (1, 3)
    assert StatementImport.objects.get().imported_by.username == "tess"


def test_upload_again_says_there_is_nothing_to_do(treasurer):
    account = make_account()
    treasurer.post(CONFIRM, {"file": hidden(upload(treasurer, account), "file")})

    text = upload(treasurer, account).content.decode()

    assert "Every line of this file is here already: there is nothing to do." in text
    assert "Import 0" not in text


def test_upload_camt_says_what_was_left_out(treasurer):
    account = make_bank_account(number="DE02120300000000202051")

    text = unescape(
        upload(treasurer, account, own("camt053-own-gifts.xml"), "march.xml").content.decode()
    )

    assert "1 row is left out" in text
    assert "Row 6: not booked yet" in text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty. Download it again."),
        (b"x" * (LARGEST + 1), "The file is larger than 10 MB."),
        (b"%PDF-1.7", "This is a PDF"),
        (CONTENT.replace(b"25.00", b"25,00", 1), "Row 4: “25,00” in the column “Amount” is no amount"),
        (CONTENT.replace(b"EUR", b"USD"), "The file has lines in USD, the account is kept in EUR."),
        (CONTENT.replace(b"Closing;45", b"Closing;46"), "€1.00 is unaccounted for."),
    ],
)  # fmt: skip
def test_upload_bad_file_gets_a_sentence_and_imports_nothing(treasurer, content, sentence):
    response = upload(treasurer, make_account(), content)

    assert sentence in unescape(response.content.decode())
    assert not StatementImport.objects.exists()


def test_upload_without_account_or_file_gets_sentences(treasurer):
    make_account()

    text = treasurer.post(UPLOAD, {}).content.decode()

    assert "Choose the account the file is of." in text
    assert "Choose the file you downloaded from your bank." in text


def test_upload_csv_that_the_columns_do_not_fit_leads_to_them(treasurer):
    account = make_account()

    text = unescape(
        upload(treasurer, account, CONTENT.replace(b"Ana", b"Jos\xe9")).content.decode()
    )

    assert "The file is not in the character set utf-8" in text
    assert f'<a href="/admin/donations/bankaccount/{account.pk}/csv/">' in text


def test_upload_csv_of_an_account_without_columns_asks_for_them(treasurer):
    response = upload(treasurer, make_bank_account(), own("csv-own-gifts.csv"))

    assert "admin/donations/bankaccount/columns.html" in [t.name for t in response.templates]
    assert "Say it once, here." in response.content.decode()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty. Download it again."),
        (b"PK\x03\x04rest", "This is a compressed file or a spreadsheet."),
        (b"\xd0\xcf\x11\xe0rest", "This is a compressed file or a spreadsheet."),
        (b"%PDF-1.7", "This is a PDF"),
    ],
)
def test_upload_of_what_is_no_csv_asks_for_no_columns(treasurer, content, sentence):
    text = upload(treasurer, make_bank_account(), content).content.decode()

    assert sentence in text
    assert "CSV is read" not in text


def test_upload_before_there_is_an_account_leads_to_adding_one(treasurer):
    assert "/admin/donations/bankaccount/add/" in treasurer.get(UPLOAD).content.decode()


def test_confirm_of_a_file_in_conflict_by_now_imports_nothing(treasurer):
    account = make_account()
    file = hidden(
        upload(treasurer, account, bank_csv("2026-03-05;1.00;EUR", opening="90", closing="91")),
        "file",
    )
    treasurer.post(CONFIRM, {"file": hidden(upload(treasurer, account), "file")})

    response = treasurer.post(CONFIRM, {"file": file}, follow=True)

    assert "Something is missing between two statements" in response.content.decode()
    assert StatementLine.objects.count() == 3


def test_confirm_file_of_another_person_is_refused(treasurer, client):
    file = hidden(upload(treasurer, make_account()), "file")
    log_in(client, make_user("tom", "treasurer"))

    response = client.post(CONFIRM, {"file": file}, follow=True)

    assert "Choose the file again." in response.content.decode()
    assert not StatementLine.objects.exists()


def test_preview_shows_a_hundred_lines_and_counts_the_rest(treasurer):
    rows = [f"2026-03-03;1.00;EUR;Ana;gift {number}" for number in range(120)]

    response = upload(treasurer, make_account(), bank_csv(*rows, closing="120"))

    assert len(response.context["new"]) == 100
    assert "and 20 more" in response.content.decode()


def test_entry_that_names_no_line_is_named_before_the_import_and_after_it(treasurer):
    account = make_account(number=IBAN)
    told = notification(
        entry("60.00", details=detail("60.00", "raffle")),
        entry("35.00", reference="", details=detail("35.00", "stall")),
    )

    preview = upload(treasurer, account, told, "told.xml")
    done = treasurer.post(CONFIRM, {"file": hidden(preview, "file")}, follow=True)

    why = (
        "it does not say of which line it tells: the bank's reference (AcctSvcrRef) is missing, and no line here, or more "
        "than one, fits it by day and amount"
    )
    said = " ".join(unescape(preview.content.decode()).split())
    assert "1 payment within lines" in said
    assert f"Row 2: {why} (2026-03-04 35.00 EUR stall)" in said
    assert [str(message) for message in done.context["messages"]] == [
        f"1 entry of the file was left out: 2 ({why}).",
        "Kept: 1 payment within a line.",
    ]

    lines = statement(entry("60.00"), entry("35.00", "B-2"), closing="95")
    import_statement(account=account, name="s.xml", content=lines, by=None, at=NOW)
    again = " ".join(upload(treasurer, account, told, "told.xml").content.decode().split())
    assert "1 does not name its line: it is taken for the only one of its day and amount." in again


def test_notification_of_another_amount_is_said_wherever_the_two_meet(treasurer):
    account = make_account(number=IBAN)
    lines = statement(entry("60.00"), closing="60")
    import_statement(account=account, name="s.xml", content=lines, by=None, at=NOW)
    told = notification(entry("61.00", details=detail("61.00", "raffle")))
    difference = (
        "Of the line of March 4, 2026 the statement says €60.00, and a notification (CAMT.054) that names it €61.00. The "
        "statement counts, and the payments that the notification tells of are not proposed: ask the bank which is right."
    )

    preview = upload(treasurer, account, told, "told.xml")
    done = treasurer.post(CONFIRM, {"file": hidden(preview, "file")}, follow=True)
    page = treasurer.get(f"/admin/donations/statementline/{StatementLine.objects.get().pk}/match/")

    said = " ".join(unescape(preview.content.decode()).split())
    assert f'<p class="bank-doubts">{difference}</p>' in said
    assert "It tells of 1 line; 1 of it is here." in said
    assert [str(message) for message in done.context["messages"]] == [
        difference,
        "Kept: 1 payment within a line.",
    ]
    assert f'<p class="bank-doubts">{difference}</p>' in page.content.decode()
    assert "raffle" not in page.content.decode()


def test_notification_is_shown_kept_and_helps_where_its_line_is_matched(treasurer):
    account = make_account(number=IBAN)
    gift = make_pledge(method="transfer", amount="25")
    details = detail("25.00", f"gift {gift.reference}") + detail("35.00", "raffle", "Bo Ejemplo")
    told = notification(entry("60.00", details=details))
    import_statement(
        account=account,
        name="s.xml",
        content=statement(
            entry("60.00", details="<Btch><NbOfTxs>2</NbOfTxs></Btch>"), closing="60"
        ),
        by=None,
        at=NOW,
    )

    preview = upload(treasurer, account, told, "told.xml")
    said = " ".join(unescape(preview.content.decode()).split())
    assert "2 payments within lines" in said
    assert "It tells of 1 line; 1 of it is here." in said
    assert "Bo Ejemplo" in said
    done = treasurer.post(CONFIRM, {"file": hidden(preview, "file")}, follow=True)
    assert "Kept: 2 payments within lines." in done.content.decode()
    again = hidden(upload(treasurer, account, told, "told.xml"), "file")
    done = treasurer.post(CONFIRM, {"file": again}, follow=True)
    assert "All that this file tells is kept already: nothing was added." in done.content.decode()

    line = StatementLine.objects.get()
    page = treasurer.get(f"/admin/donations/statementline/{line.pk}/match/")
    shown = unescape(page.content.decode())
    assert "<dt>Payments in it</dt><dd>2</dd>" in shown
    assert "The payments within it, as the bank tells them" in shown
    assert "Bo Ejemplo" in shown
    [best] = page.context["suggestions"]
    assert (best.target, best.part, best.reasons[0]) == (
        gift, Decimal(25), "The bank says that €25.00 of this line is this.",
    )  # fmt: skip
    treasurer.post(f"/admin/donations/statementline/{line.pk}/match/", {"choice": best.token})
    line.refresh_from_db()
    assert line.open_amount == 35
