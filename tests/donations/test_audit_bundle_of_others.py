"""The bundle of other books: empty ones, exchanges, a damaged document; its one instant, and the command that writes it."""

import csv
import io
import json
import zipfile

import pytest
from django.core.management import CommandError, call_command

from donations import costs, exchange
from donations.models import CostDocument
from tests import factories
from tests.donations import partner
from tests.donations.test_audit_bundle import bundle, opened
from tests.factories import NOW, PDF, give


def test_slips_of_booked_exchanges_are_documents_too(db):
    fund = factories.make_fund()
    give(fund, "500")
    slip = factories.make_exchange(fund)

    assert list(csv.DictReader(io.StringIO(opened(bundle())["documents.csv"].decode()))) == []
    exchange.approve(slip, by=factories.make_user(), at=NOW)
    files = opened(bundle(with_documents=True))

    (row,) = csv.DictReader(io.StringIO(files["documents.csv"].decode()))
    assert row == {
        "document": f"exchange-{str(slip.number)[:8]}-{slip.sha256[:8]}.pdf",
        "cost": "",
        "exchange": f"exchange:{slip.number}",
        "partner_payment": "",
        "type": "application/pdf",
        "bytes": str(len(PDF)),
        "sha256": slip.sha256,
        "attached_on": NOW.date().isoformat(),
        "payments": "",
        "file": f"documents/{row['document']}",
    }
    assert files[row["file"]] == PDF
    assert row["exchange"] in files["journal/entries.csv"].decode()


def test_statements_are_of_each_who_only_shares_a_cost_or_has_only_a_fund(db):
    case, other = factories.make_case(), factories.make_case()
    ana, bo, cy = (
        factories.make_defendant(f"{name} (sample)", [case]) for name in ("Ana", "Bo", "Cy")
    )
    costs.share(factories.make_cost(case, ana), parts={ana: 1, bo: 1})
    funds = [
        factories.make_fund("defendant", defendant=cy),
        factories.make_fund("case", case=other),
    ]
    for fund in funds:
        give(fund, "1")
    factories.make_defendant("Di (sample)", [case])

    files = opened(bundle())

    of_each = sorted(name for name in files if name.startswith("reports/") and "-" in name)
    codes = [
        f"case-{case.pk}",
        f"case-{other.pk}",
        *(f"defendant-{who.pk}" for who in (ana, bo, cy)),
    ]
    assert of_each == sorted(
        [f"reports/{code}.csv" for code in (*codes, *(f"fund-{fund.code}" for fund in funds))]
        + [name for name in files if name.startswith("reports/months/")]
    )
    named = {
        row["code"]: row["name"]
        for row in csv.DictReader(io.StringIO(files["reports/names.csv"].decode()))
    }
    assert named == dict(
        zip(codes, ("Sample case (en)",) * 2 + (ana.alias, bo.alias, cy.alias), strict=True)
    ) | {f"fund-{fund.code}": fund.name for fund in funds}


def test_agreement_of_a_payment_to_the_partner_is_a_document_too(db):
    row = partner.make_paid().row

    files = opened(bundle(with_documents=True))

    (listed,) = [
        each
        for each in csv.DictReader(io.StringIO(files["documents.csv"].decode()))
        if each["partner_payment"]
    ]
    assert (listed["partner_payment"], listed["payments"], listed["sha256"]) == (
        row.entry_source, row.payment_reference, row.sha256,
    )  # fmt: skip
    assert files[listed["file"]] == PDF


def test_damaged_document_is_said_and_stops_nothing(busy):
    document = CostDocument.objects.get()
    with document.file.storage.open(document.file.name, "wb") as file:
        file.write(b"%PDF- another")

    files = opened(bundle(with_documents=True))

    (row,) = csv.DictReader(io.StringIO(files["documents.csv"].decode()))
    assert "not the one that was attached" in row["file"]
    assert not [name for name in files if name.startswith("documents/")]


def test_bundle_of_empty_books_is_whole(db):
    files = opened(bundle())

    assert json.loads(files["manifest.json"])["entries"] == 0
    assert files["reports/books.pdf"].startswith(b"%PDF")


@pytest.mark.django_db(transaction=True)
def test_bundle_is_of_one_instant_and_leaves_nothing_open():
    give(factories.make_fund(), "1")

    assert json.loads(opened(bundle())["manifest.json"])["entries"] == 1
    # Not in a transaction that only reads.
    give(factories.make_fund(), "1")


def test_command_writes_the_file_and_overwrites_none(db, tmp_path, capsys):
    path = tmp_path / "books.zip"

    call_command("audit_bundle", path)

    assert zipfile.is_zipfile(path)
    assert f"{path}: {path.stat().st_size} bytes" in capsys.readouterr().out
    with pytest.raises(CommandError, match="is there already"):
        call_command("audit_bundle", path)
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        call_command("audit_bundle", tmp_path / "none" / "books.zip")
