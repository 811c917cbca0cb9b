"""The sample data of `./run`: all of it, once, in books that hold, and no word of it about real people."""

import io

import pytest
from django.core.management import call_command

from appeals.models import Appeal
from donations.models import (
    Disbursement,
    Donation,
    Entry,
    LegalCost,
    Pledge,
    StatementLine,
)

pytestmark = pytest.mark.django_db


def load():
    out = io.StringIO()
    call_command("load_demo", stdout=out)
    return out.getvalue()


def test_sample_data_is_loaded_once_and_its_books_hold(settings, tmp_path):
    settings.EMBEDDED, settings.DATA_DIR = True, tmp_path

    first, second = load(), load()

    models = (Donation, Pledge, LegalCost, Disbursement, StatementLine, Entry)
    assert [model.__name__ for model in models if not model.objects.exists()] == []
    out = io.StringIO()
    call_command("check_books", stdout=out)
    assert [line for line in out.getvalue().splitlines() if not line.startswith("ok")] == []
    # Logins are told once, and nothing is there twice.
    assert "treasurer" in first
    assert "treasurer" not in second
    counts = [model.objects.count() for model in models]
    load()
    assert [model.objects.count() for model in models] == counts
    # Sample money never stands beside the real appeal.
    assert set(Donation.objects.values_list("pledge__appeal__slug", flat=True)) <= {"ejemplo", None}
    assert Appeal.objects.filter(slug="protesta-argentina").exists()
