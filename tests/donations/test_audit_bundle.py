"""What an accountant takes away is whole, says so by its hashes, and knows no donor."""

import csv
import hashlib
import io
import json
import subprocess
import zipfile
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from donations import audit_bundle, exchange, exports
from donations.ledger import ledger_hash
from donations.models import CostDocument, Entry, LegalCost
from tests import factories
from tests.factories import NOW, PDF, give

CANARY = "Canary Donora"


def bundle(*, with_documents=False, at=NOW):
    file = io.BytesIO()
    audit_bundle.write(file, with_documents=with_documents, at=at)
    return file.getvalue()


def opened(raw):
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def files(busy):
    pledge = factories.make_pledge(
        supporter=factories.make_supporter("canary@example.org"),
        receipt_name=CANARY,
        public_name=CANARY,
        visibility="name",
    )
    factories.make_donation(pledge)
    return opened(bundle())


def test_bundle_holds_everything_an_accountant_asks_for(files):
    cost = LegalCost.objects.get()
    months = sorted({f"{day:%Y-%m}" for day in Entry.objects.values_list("booked_on", flat=True)})

    inside = [name for name in files if not name.startswith("reports/months/")]
    assert sorted(inside) == sorted(
        [
            "README.txt", "SHA256SUMS", "manifest.json", "balances.csv", "costs.csv", "documents.csv",
            "journal/entries.csv", "journal/entries.json", "journal/entries.beancount",
            "reports/books.csv", "reports/books.pdf", "reports/books.xlsx", "reports/fund-case-sample.csv",
            f"reports/case-{cost.case_id}.csv", f"reports/defendant-{cost.defendant_id}.csv",
        ]
    )  # fmt: skip
    for month in months:
        assert files[f"reports/months/{month}.txt"].startswith(f"month|{month}\n".encode())
        assert f"reports/months/{month}.csv" in files


def test_manifest_names_each_file_with_its_hash_and_the_ledgers(files):
    manifest = json.loads(files["manifest.json"])

    assert manifest["ledger_hash"] == ledger_hash()
    assert manifest["entries"] == Entry.objects.count()
    assert manifest["files"] == [
        {"name": name, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
        for name, raw in sorted(files.items())
        if name not in {"manifest.json", "SHA256SUMS"}
    ]


def test_sums_are_checked_by_the_usual_command(files, tmp_path):
    for name, raw in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(raw)

    def check():
        run = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
        return subprocess.run(run, cwd=tmp_path, capture_output=True, check=False).returncode

    assert check() == 0
    (tmp_path / "costs.csv").write_bytes(b"cost\n")
    assert check() == 1


def test_journal_and_balances_are_the_ledgers(files):
    assert files["journal/entries.csv"].decode() == "".join(exports.as_csv())
    balances = list(csv.DictReader(io.StringIO(files["balances.csv"].decode())))

    assert {row["account"]: row["balance"] for row in balances} | {"": ""} == {
        "": "",
        "bank:bank-eur:EUR": "-50.00",
        f"cost:{LegalCost.objects.get().number}:EUR": "30.00",
        "fund:case-sample:CLP": "8615",
        "fund:case-sample:EUR": "42.62",
        "stripe:CLP": "8615",
        "stripe:EUR": "122.62",
    }


def test_no_donor_and_no_payee_is_in_it(files):
    everything = b"".join(raw for name, raw in files.items() if not name.endswith(("pdf", "xlsx")))

    assert b"example.org" not in everything
    assert CANARY.encode() not in everything
    assert b"Sample law office" not in everything
    assert b"DE02120300000000202051" not in everything


def test_documents_are_listed_with_hashes_and_come_along_only_when_wanted(busy):
    document = CostDocument.objects.get()
    name = f"{document.cost.number}-{document.sha256[:8]}.pdf"

    without, with_them = opened(bundle()), opened(bundle(with_documents=True))

    (row,) = csv.DictReader(io.StringIO(without["documents.csv"].decode()))
    assert row["sha256"] == document.sha256
    assert row["file"] == "not included"
    assert row["payments"] == document.disbursements.get().payment_reference
    assert not [file for file in without if file.startswith("documents/")]
    assert hashlib.sha256(with_them[f"documents/{name}"]).hexdigest() == document.sha256


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
        "type": "application/pdf",
        "bytes": str(len(PDF)),
        "sha256": slip.sha256,
        "attached_on": NOW.date().isoformat(),
        "payments": "",
        "file": f"documents/{row['document']}",
    }
    assert files[row["file"]] == PDF
    assert row["exchange"] in files["journal/entries.csv"].decode()


def test_damaged_document_is_said_and_stops_nothing(busy):
    document = CostDocument.objects.get()
    with document.file.storage.open(document.file.name, "wb") as file:
        file.write(b"%PDF- another")

    files = opened(bundle(with_documents=True))

    (row,) = csv.DictReader(io.StringIO(files["documents.csv"].decode()))
    assert "not the one that was attached" in row["file"]
    assert not [name for name in files if name.startswith("documents/")]


def test_bundle_made_again_of_the_same_instant_is_the_same_to_the_byte(busy):
    before = bundle()

    assert bundle() == before
    assert bundle(at=NOW + timedelta(minutes=1)) != before


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
