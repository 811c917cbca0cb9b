"""What the jobs weigh that read all of the books: each in a process of its own, its highest resident memory. Linux only."""

import os
import subprocess
import sys
import zipfile
from decimal import Decimal

import pytest
from django.conf import settings as ours

from donations.models import AccountKey, Period
from tests import factories
from tests.benchmarks.books import copy_gift, make_month
from tests.factories import make_user
from tests.processes import environment

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]

ENTRIES, IN_MONTH = 150_000, 50_000
# Together they are more than any job may hold.
DOCUMENTS, DOCUMENT_BYTES = 60, 8_000_000
CLOSE = """
from datetime import UTC, datetime
from django.contrib.auth.models import User
from donations import periods
from donations.models import Period
month, (by, other) = Period.objects.get(), User.objects.filter(username__startswith="closer").order_by("pk")
for step, person in (("verify", by), ("reconcile", by), ("request_close", by), ("close", other)):
    getattr(periods, step)(month, by=person, at=datetime(2026, 3, 2, tzinfo=UTC))
"""
FOLLOW = """
from donations import tracing
while tracing.follow(10_000):
    pass
"""
JOBS = {
    "closing a month of 50,000 entries": ("shell", "--no-imports", "-c", CLOSE),
    "following gifts": ("shell", "--no-imports", "-c", FOLLOW),
    "check_books": ("check_books",),
    "ledger_hash": ("ledger_hash",),
    "journal as CSV": ("export_books", "--format", "csv"),
    "journal as JSON": ("export_books", "--format", "json"),
    "journal as beancount": ("export_books", "--format", "beancount"),
}


# The process reads its own mark: what the kernel tells a parent of its child begins with the parent's size.
RUN = """
import pathlib, re, sys
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
kilobytes = re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]
print(kilobytes, file=sys.stderr)
"""


def megabytes(*command, **changed):
    """The most that a command of ours held at any time; it must end well. `changed` is of its environment."""
    ran = subprocess.run(
        [sys.executable, "-c", RUN, *command],
        cwd=ours.BASE_DIR,
        env=environment() | changed,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    return int(ran.stderr.split()[-1]) / 1024


def make_documents():
    """Bills of many defendants, as large as they may be taken in; like scans, nothing makes them smaller."""
    person, scan = make_user(), os.urandom(DOCUMENT_BYTES)
    case, payee = factories.make_case(by=person), factories.make_payee(by=person)
    for number in range(DOCUMENTS):
        defendant = factories.make_defendant(f"Sample {number}", cases=[case])
        cost = factories.make_cost(case, defendant, by=person, payee=payee)
        factories.make_document(cost, scan)


def test_memory_of_each_job(row, settings, tmp_path):
    # Where the process looks for them, and not among what other tests keep.
    settings.MEDIA_ROOT = tmp_path / "documents"
    make_month(IN_MONTH)
    closers = [make_user(username=f"closer-{number}") for number in (1, 2)]
    pledge = factories.make_pledge(amount="10")
    gift = factories.make_donation(pledge, source="cash:bench:0", fee=Decimal(0))
    factories.give(pledge.fund, "10", into=AccountKey.cash("EUR"), source=gift.source)
    copy_gift("cash:bench", ENTRIES - IN_MONTH - 1)
    make_documents()
    file = tmp_path / "books.zip"
    jobs = JOBS | {"audit bundle with its documents": ("audit_bundle", str(file), "--documents")}

    weights = {name: megabytes(*command, DATA_DIR=str(tmp_path)) for name, command in jobs.items()}

    for name, weight in weights.items():
        row(f"memory, {name}", f"{weight:.0f} MB", "≤ 400 MB", f"{ENTRIES:,} entries in all")
    assert Period.objects.get().closed_by in closers
    with zipfile.ZipFile(file) as bundle:
        names = [name for name in bundle.namelist() if name.startswith("documents/")]
        assert sum(bundle.getinfo(name).file_size for name in names) == DOCUMENTS * DOCUMENT_BYTES
    assert max(weights.values()) <= 400
