"""The sample data of `./run`: all of it, once, in books that hold, and no word of it about real people."""

import io
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils.timezone import now

from appeals.models import Appeal
from donations import ledger, openings, periods
from donations.models import (
    AccountKey,
    BankAccount,
    Disbursement,
    Donation,
    Entry,
    LegalCost,
    Letter,
    Period,
    Pledge,
    StatementLine,
    Supporter,
)
from donations.reconciliation import Between, Certainty, import_statement, match, suggest

pytestmark = pytest.mark.django_db


def load():
    out = io.StringIO()
    call_command("load_demo", stdout=out)
    return out.getvalue()


def test_sample_data_is_loaded_once_and_its_books_hold(settings, tmp_path):
    settings.EMBEDDED, settings.DATA_DIR = True, tmp_path

    first, second = load(), load()

    models = (
        Donation,
        Pledge,
        Supporter,
        Letter,
        LegalCost,
        Disbursement,
        StatementLine,
        Entry,
    )
    assert [model.__name__ for model in models if not model.objects.exists()] == []
    out = io.StringIO()
    call_command("check_books", stdout=out)
    assert [line for line in out.getvalue().splitlines() if not line.startswith("ok")] == []
    # The month it begins with is over and in order: two people close it as it is.
    people = {name: User.objects.get(username=name) for name in ("treasurer", "approver")}
    month = Period.objects.earliest("month")
    periods.verify(month, by=people["treasurer"], at=now())
    found = periods.reconcile(month, by=people["treasurer"], at=now())
    assert [each.holds for each in found] == [True]
    periods.request_close(month, by=people["treasurer"], at=now())
    assert periods.close(month, by=people["approver"], at=now()).entries == 3
    # Logins are told once, and nothing is there twice.
    assert "treasurer" in first
    assert "treasurer" not in second
    counts = [model.objects.count() for model in models]
    load()
    assert [model.objects.count() for model in models] == counts
    # Sample money never stands beside the real appeal.
    assert set(Donation.objects.values_list("pledge__appeal__slug", flat=True)) <= {"ejemplo", None}
    assert Appeal.objects.filter(slug="protesta-argentina").exists()
    check_statements(tmp_path)


def check_statements(folder):
    """The files that are left to import lead where the tour says."""
    current, savings = (BankAccount.objects.get(code=code) for code in ("banco-eur", "ahorro-eur"))

    results = [
        import_statement(
            account=account, name=name, content=(folder / name).read_bytes(), by=None, at=now()
        )
        for account, name in ((current, "sample-statement.csv"), (savings, "sample-savings.xml"))
    ]

    assert [(r.new, r.booked, r.slipped) for r in results] == [(7, 3, 1), (2, 0, 0)]
    opening = openings.opening_of(savings)
    assert (opening.stated, opening.missing) == (300, 300)
    fee = StatementLine.objects.get(amount=Decimal("-4.50"))
    [proposed] = suggest(fee)
    assert (proposed.target.fund.kind, proposed.obstacle) == ("general", "")
    treasurer = User.objects.get(username="treasurer")
    out, came = (StatementLine.objects.get(amount=amount) for amount in (-20, Decimal("19.50")))
    match(line=out, target=Between(savings), by=treasurer, at=now())
    less = suggest(came)[0]
    assert (less.target.fund.kind, less.certainty, less.obstacle) == (
        "general",
        Certainty.LIKELY,
        "",
    )
    match(line=came, target=less.target, by=treasurer, at=now())
    assert ledger.balance(AccountKey.transit("EUR")) == 0
