"""What is taken in as a document, what is refused and why, and that nothing is left behind."""

from hashlib import sha256
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from donations import documents
from donations.cleaning import UnfitDocument, clean
from donations.models import CostDocument
from tests import factories
from tests.donations.crafted import make_image
from tests.factories import NOW, PDF, make_pdf
from tests.threads import in_parallel


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
        ("scan.jpg", make_image("JPEG"), "image/jpeg"),
        ("scan.jpeg", make_image("JPEG"), "image/jpeg"),
        ("scan.png", make_image("PNG"), "image/png"),
    ],
)
def test_document_is_kept_cleaned_under_a_name_that_says_nothing(cost, name, content, content_type):
    document = attach(cost, content, f"Ana Perez {name}")

    document.refresh_from_db()
    cleaned = clean(name, content).content
    assert (document.content_type, document.size) == (content_type, len(cleaned))
    assert document.sha256 == sha256(cleaned).hexdigest()
    assert document.original_sha256 == sha256(content).hexdigest()
    with documents.open_checked(document) as file:
        assert file.read() == cleaned
    (path,) = kept()
    assert "Ana" not in document.file.name
    assert "bill" not in str(path)
    assert path.stat().st_mode & 0o077 == 0


def test_unfit_document_is_not_kept(cost):
    with pytest.raises(UnfitDocument, match="Only PDF, JPEG and PNG"):
        attach(cost, b"MZ\x90", "bill.pdf")

    assert kept() == []
    assert not CostDocument.objects.exists()


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
    path.write_bytes(make_pdf("Another"))

    with pytest.raises(documents.Damaged, match="not the one"):
        documents.open_checked(document)
    path.unlink()
    with pytest.raises(documents.Damaged, match="missing"):
        documents.open_checked(document)
