"""What an accountant takes away is whole, says so by its hashes, and knows no donor."""

import csv
import hashlib
import io
import json
import subprocess
import zipfile
from datetime import timedelta

import pytest

from donations import audit_bundle, exports
from donations.ledger import ledger_hash
from donations.models import CostDocument, Entry, LegalCost
from tests import factories
from tests.donations.conftest import make_busy, make_fund
from tests.factories import NOW

CANARY = "Canary Donora"


def bundle(*, with_documents=False, at=NOW):
    file = io.BytesIO()
    audit_bundle.write(file, with_documents=with_documents, at=at)
    return file.getvalue()


def opened(raw):
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def opened_once(rows_of_a_module):
    """The bundle of busy books with a gift of somebody whose name and address are known, opened."""
    with rows_of_a_module():
        make_busy(make_fund())
        pledge = factories.make_pledge(
            supporter=factories.make_supporter("canary@example.org"),
            receipt_name=CANARY,
            public_name=CANARY,
            visibility="name",
        )
        factories.make_donation(pledge)
        return opened(bundle())


@pytest.fixture
def files(opened_once, db):
    return opened_once


def test_bundle_holds_everything_an_accountant_asks_for(files):
    cost = LegalCost.objects.get()
    months = sorted({f"{day:%Y-%m}" for day in Entry.objects.values_list("booked_on", flat=True)})

    inside = [name for name in files if not name.startswith("reports/months/")]
    assert sorted(inside) == sorted(
        [
            "README.txt", "SHA256SUMS", "manifest.json", "balances.csv", "costs.csv", "documents.csv",
            "journal/entries.csv", "journal/entries.json", "journal/entries.beancount",
            "reports/books.csv", "reports/books.pdf", "reports/books.xlsx", "reports/fund-case-sample.csv",
            "reports/names.csv",
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


def test_documents_are_listed_with_hashes_and_come_along_only_when_wanted(files):
    document = CostDocument.objects.get()
    name = f"{document.cost.number}-{document.sha256[:8]}.pdf"

    without, with_them = opened(bundle()), opened(bundle(with_documents=True))

    (row,) = csv.DictReader(io.StringIO(without["documents.csv"].decode()))
    assert row["sha256"] == document.sha256
    assert row["file"] == "not included"
    assert row["payments"] == document.disbursements.get().payment_reference
    assert not [file for file in without if file.startswith("documents/")]
    assert hashlib.sha256(with_them[f"documents/{name}"]).hexdigest() == document.sha256


def test_bundle_made_again_of_the_same_instant_is_the_same_to_the_byte(files):
    before = bundle()

    assert bundle() == before
    assert bundle(at=NOW + timedelta(minutes=1)) != before
