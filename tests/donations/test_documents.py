"""What is taken in as a document, what is refused and why, and that nothing is left behind."""

from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from donations import documents
from donations.models import CostDocument
from tests import factories
from tests.factories import NOW, PDF
from tests.threads import in_parallel

JPEG = b"\xff\xd8\xff\xe0 rest"
PNG = b"\x89PNG\r\n\x1a\n rest"


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def folder(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def cost(db):
    return factories.make_cost()


def attach(cost, content=PDF, name="bill.pdf"):
    return documents.attach(cost=cost, name=name, content=content, by=cost.recorded_by, at=NOW)


def kept():
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("bill.pdf", PDF, "application/pdf"),
        ("BILL.PDF", PDF, "application/pdf"),
        ("scan.jpg", JPEG, "image/jpeg"),
        ("scan.jpeg", JPEG, "image/jpeg"),
        ("scan.png", PNG, "image/png"),
    ],
)
def test_document_is_kept_under_a_name_that_says_nothing(cost, name, content, content_type):
    document = attach(cost, content, f"Ana Perez {name}")

    document.refresh_from_db()
    assert (document.content_type, document.size) == (content_type, len(content))
    with documents.open_checked(document) as file:
        assert file.read() == content
    (path,) = kept()
    assert "Ana" not in document.file.name
    assert "bill" not in str(path)
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("bill.pdf", b"", "is empty"),
        ("bill.pdf", b"%PDF-" + b" " * documents.MAX_BYTES, "larger than 10 MB"),
        ("bill.png", PDF, r"ends in \.png, but its content is another kind"),
        ("bill.exe", PDF, r"ends in \.exe"),
        ("bill", JPEG, "its content is another kind"),
        ("bill.pdf", b"MZ\x90", "Only PDF, JPEG and PNG"),
        ("bill.html", b"<html>", "Only PDF, JPEG and PNG"),
        ("bill.svg", b"<svg/>", "Only PDF, JPEG and PNG"),
        ("bill.pdf", PDF + b"<</Encrypt 5 0 R>>", "locked with a password"),
        ("bill.pdf", PDF + b"<</S/JavaScript/JS(app.alert(1))>>", "contains a script"),
        ("bill.pdf", PDF + b"<</S/J#61vaScript/JS(app.alert(1))>>", "contains a script"),
        ("bill.pdf", PDF + b"<</S/Launch/F(cmd.exe)>>", "starts a program"),
    ],
)
def test_unfit_document_is_refused_in_words_and_not_kept(cost, name, content, sentence):
    with pytest.raises(documents.UnfitDocument, match=sentence):
        attach(cost, content, name)

    assert kept() == []
    assert not CostDocument.objects.exists()


@pytest.mark.parametrize("harmless", [b"<</OpenAction[3 0 R/XYZ]>>", b"<</EmbeddedFile 4 0 R>>"])
def test_what_office_programs_and_electronic_invoices_write_is_taken(cost, harmless):
    attach(cost, PDF + harmless)

    assert len(kept()) == 1


def test_same_document_twice_is_refused_kindly_for_one_cost_alone(cost):
    attach(cost)

    with pytest.raises(documents.SameDocument, match="attached already"):
        attach(cost, name="copy.pdf")
    attach(factories.make_cost())

    assert len(kept()) == 2


def test_file_goes_again_when_the_row_cannot_be_kept(cost):
    cost.recorded_by.pk = None

    with pytest.raises(ValueError, match="unsaved related object"):
        attach(cost)

    assert kept() == []


@pytest.mark.django_db(transaction=True)
def test_same_document_by_many_at_once_is_kept_once():
    cost = factories.make_cost()

    results = in_parallel(6, lambda n: bool(attach(cost)))

    assert sorted(map(str, results)) == ["SameDocument"] * 5 + ["True"]
    assert len(kept()) == 1


def test_file_that_was_exchanged_or_lost_is_not_handed_out(cost):
    document = attach(cost)
    (path,) = kept()
    path.write_bytes(PDF + b"another")

    with pytest.raises(documents.Damaged, match="not the one"):
        documents.open_checked(document)
    path.unlink()
    with pytest.raises(documents.Damaged, match="missing"):
        documents.open_checked(document)
