"""A spreadsheet of the past as an Excel workbook: the same rows, problems and numbers of rows as the same table in CSV."""

import io
import zipfile
from datetime import date, datetime
from decimal import Decimal

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from donations import past
from donations.models import Entry, PastImport
from donations.past import workbook
from tests.donations.past.test_past import COLUMNS, WHOLE, row, table
from tests.factories import TODAY, log_in, make_user


def book(*rows, sheets=1):
    made = openpyxl.Workbook()
    for _number in range(sheets - 1):
        made.create_sheet("Empty", 0)
    for cells in rows:
        made.worksheets[-1].append(cells)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def filled(*rows):
    return book(COLUMNS, *([each.get(name) for name in COLUMNS] for each in rows))


def test_cells_of_every_kind_are_what_they_are_in_csv(fund):
    content = filled(
        row(date=date(2025, 2, 10), amount=50),
        row(date=datetime(2025, 2, 11), amount=0.1 + 0.2, id=2024017, note='a "b", c\nd'),
        row(amount=Decimal("1250.25")),
    )

    reading = past.read(past.text_of(content), today=TODAY)

    assert reading.problems == []
    assert [(fact.row, fact.happened_on, fact.amount, fact.note) for fact in reading.new] == [
        (2, date(2025, 2, 10), Decimal(50), ""),
        (3, date(2025, 2, 11), Decimal("0.30"), 'a "b", c d'),
        (4, date(2025, 2, 10), Decimal("1250.25"), ""),
    ]
    written = past.read(
        table(
            row(amount="50"),
            row(date="2025-02-11", amount="0.30", id="2024017", note='a "b", c d'),
            row(amount="1250.25"),
        ),
        today=TODAY,
    )
    assert [fact.key for fact in written.new] == [fact.key for fact in reading.new]


def test_rows_keep_their_numbers_and_their_sentences(fund):
    content = book(COLUMNS, [], [row(date="soon").get(name) for name in COLUMNS])

    assert past.read(past.text_of(content), today=TODAY).problems == [
        "Row 3: “soon” is no day. Write it like 2026-03-10."
    ]


def test_first_sheet_that_holds_anything_counts(fund):
    assert past.text_of(book(["kind"], sheets=3)) == "kind\n"


def packed(size):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/workbook.xml", b"0" * size)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xd0\xcf\x11\xe0 old", "a locked or an old Excel file"),
        (b"PK\x03\x04 broken", "no Excel workbook that can be read"),
        (packed(10), "no Excel workbook that can be read"),
        (book(), "The file is empty"),
        (book(["x"] * 61), "Row 1 has more cells"),
        (b"\xff\xfe", "no text in UTF-8"),
    ],
)
def test_what_is_no_table_gets_a_sentence(content, sentence):
    with pytest.raises(past.UnreadableTable, match=sentence):
        past.text_of(content)


def test_workbook_that_unpacks_to_too_much_is_not_opened(monkeypatch):
    monkeypatch.setattr(workbook, "LARGEST_UNPACKED", 1000)

    with pytest.raises(past.UnreadableTable, match="too large"):
        past.text_of(packed(1001))


def test_office_and_command_take_a_workbook_as_they_take_csv(fund, client, tmp_path, capsys):
    rows = [line.split(",") for line in WHOLE.strip().splitlines()]
    content = book(*rows)
    tess = log_in(client, make_user("tess", "treasurer"))
    file = SimpleUploadedFile("past.xlsx", content)

    page = tess.post("/admin/donations/pastimport/upload/", {"file": file}).content.decode()
    assert "Ask for it to be booked" in page

    path = tmp_path / "past.xlsx"
    path.write_bytes(content)
    make_user("ada", "approver")
    call_command("import_past", path, by="tess", approved_by="ada")
    assert capsys.readouterr().out.endswith("booked\n")
    assert (PastImport.objects.get().name, Entry.objects.count()) == ("past.xlsx", 6)
