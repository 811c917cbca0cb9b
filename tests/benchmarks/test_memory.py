"""What the jobs weigh that read all of the books: each in a process of its own, its highest resident memory. Linux only."""

import os
import subprocess
import sys
import zipfile
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.conf import settings as ours
from django.db import connection

from donations import rate_tables
from donations.models import AccountKey, Checkout, Donation, PastRow, Period, Rate
from donations.past import tables
from donations.sandbox.models import SandboxObject
from tests import factories
from tests.benchmarks.books import copy_gift, make_month
from tests.benchmarks.rows import multiply, settle
from tests.donations.card_gifts import give_by_card
from tests.factories import make_user
from tests.processes import environment

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]

ENTRIES, IN_MONTH = 150_000, 50_000
# What a table of rates and a spreadsheet of the past hold at most, and gifts that Stripe tells of on being asked.
RATES, PAST, LOST = 60_000, tables.MOST_ROWS, 5_000
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
STATEMENT = """
from datetime import date
from donations import reports
span = reports.Span(date(2025, 1, 1), date(2026, 12, 31))
_type, write = reports.FORMS["{form}"]
written = write(reports.of_books(span))
assert len(written) > 1_000
"""
JOBS = {
    "closing a month of 50,000 entries": ("shell", "--no-imports", "-c", CLOSE),
    "following gifts": ("shell", "--no-imports", "-c", FOLLOW),
    "check_books": ("check_books",),
    "ledger_hash": ("ledger_hash",),
    "statement of the books as PDF": ("shell", "--no-imports", "-c", STATEMENT.format(form="pdf")),
    "statement of the books as XLSX": (
        "shell",
        "--no-imports",
        "-c",
        STATEMENT.format(form="xlsx"),
    ),
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


def rates_of_decades(path):
    """As large a table as is taken: of each day what one euro and one dollar were worth in the other currencies."""
    pairs = [(base, quote) for base in ("EUR", "USD") for quote in ours.CURRENCIES if quote != base]
    first, rows = date(2026, 1, 31), ["date,base,quote,rate,source"]
    for number in range(RATES // len(pairs)):
        day = first - timedelta(days=number)
        rows += [f"{day},{base},{quote},{1 + number / 1000:.3f},X" for base, quote in pairs]
    path.write_text("\n".join(rows))
    assert path.stat().st_size <= rate_tables.LARGEST


def past_of_years(path, fund, account):
    """Gifts from before these books."""
    first, rows = date(2025, 12, 31), ["kind,date,amount,currency,fund,place,name,email,note"]
    rows += [
        f"gift,{first - timedelta(days=number % 3000)},{1 + number % 50},EUR,{fund.code},{account.code},Ana,a{number}@example.org,{number}"
        for number in range(PAST)
    ]
    path.write_text("\n".join(rows))


def lost_gifts(fund, count):
    """Card gifts of which Stripe tells on being asked, and no webhook arrived: one by card, and copies of all there is of it."""
    session = give_by_card(fund, "10")
    checkout = Checkout.objects.select_related("pledge").get(stripe_session_id=session["id"])
    pledge, objects = checkout.pledge, list(SandboxObject.objects.all())
    uuid = "('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))"
    multiply(pledge, count, uuid=f"{uuid}::uuid", reference="NULL")
    changed = "data::text"
    for each in objects:
        changed = f"replace({changed}, '{each.id}', '{each.id}' || n)"
    changed = f"replace({changed}, '{pledge.uuid}', {uuid})"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sandbox_sandboxobject (id, kind, data, created_at, notes, due_at) SELECT id || n, kind,"
            f" ({changed})::jsonb, created_at, notes, due_at FROM sandbox_sandboxobject, generate_series(1, {count}) n"
        )
        names = [f.column for f in Checkout._meta.concrete_fields if not f.primary_key]
        own = {
            "pledge_id": "p.id",
            "stripe_session_id": "c.stripe_session_id || n",
            "idempotency_key": "gen_random_uuid()",
        }
        cursor.execute(
            f"INSERT INTO donations_checkout ({', '.join(names)})"
            f" SELECT {', '.join(own.get(name, f'c.{name}') for name in names)}"
            f" FROM donations_checkout c, generate_series(1, {count}) n JOIN donations_pledge p ON p.uuid = {uuid}::uuid"
            f" WHERE c.id = {checkout.pk}"
        )
    settle()


def test_memory_of_what_is_fetched_and_imported(row, tmp_path):
    fund, account = factories.make_fund(code="past"), factories.make_bank_account()
    by, other = make_user("asker", "treasurer"), make_user("approver", "approver")
    rates, past = tmp_path / "rates.csv", tmp_path / "past.csv"
    rates_of_decades(rates)
    past_of_years(past, fund, account)
    lost_gifts(fund, LOST)
    people = ("--by", by.username, "--approved-by", other.username)
    jobs = {
        f"import_rates, {RATES:,} rows": ("import_rates", str(rates)),
        f"import_past, {PAST:,} rows": ("import_past", str(past), *people),
        f"sync_stripe, {LOST:,} gifts that nobody told of": ("sync_stripe",),
    }

    weights = {name: megabytes(*command, DATA_DIR=str(tmp_path)) for name, command in jobs.items()}

    for name, weight in weights.items():
        row(f"memory, {name}", f"{weight:.0f} MB", "≤ 400 MB")
    assert Rate.objects.count() > RATES - 100
    assert Donation.objects.filter(method=Donation.Method.CARD).count() == LOST + 1
    assert PastRow.objects.count() == PAST
    assert max(weights.values()) <= 400


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
