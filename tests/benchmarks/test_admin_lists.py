"""The office's lists with ten thousand and with a million rows, beside a bare view of the same rows and columns.

./run test tests/benchmarks/test_admin_lists.py -m benchmark -n 0 -s -k donation
"""

import statistics
import time

import pytest
from django.contrib import admin
from django.db import connection

from defensefund.lists import MANY_ROWS, ROWS_VAR
from donations import models
from tests import factories
from tests.benchmarks.rows import multiply
from tests.factories import NOW, log_in, make_user

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.urls("tests.benchmarks.urls"),
    pytest.mark.django_db,
]
FEW, MANY = 10_000, 1_000_000
TURNS = 25
UUID = "('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid"
PAST = "%s - n * interval '5 minutes'"
DAY = "%s - (n %% 3650)::int"


def of_kinds(column, *rare):
    """Nearly all are as the first row; one in a thousand is of each rare kind."""
    cases = " ".join(f"WHEN n % 1000 = {number} THEN '{kind}'" for number, kind in enumerate(rare))
    return f"CASE {cases} ELSE {column} END"


def make_donation():
    donation = factories.make_donation()
    columns = {
        "received_at": PAST % "received_at",
        "source": "'bench:' || n",
        "stripe_payment_intent_id": "'pi_bench_' || n",
        # Else a million would be of one pledge, as nobody's are.
        "pledge_id": "NULL",
        "method": of_kinds("method", "cash", "cheque"),
    }
    return donation, columns, "pi_bench_77"


def make_pledge():
    pledge = factories.make_pledge(supporter=factories.make_supporter())
    columns = {"uuid": UUID, "frequency": of_kinds("frequency", "weekly", "dates")}
    return pledge, columns, "00000000-0000-4000-8000-000000000077"


def make_entry():
    factories.give(factories.make_fund(), "10", source="sample")
    columns = {
        "booked_on": DAY % "booked_on",
        "source": "'bench:' || n",
        "kind": of_kinds("kind", "bank_fee", "interest"),
    }
    return models.Entry.objects.get(), columns, "bench:77"


def make_event():
    event = factories.make_event()
    columns = {"event_id": "'evt_bench_' || n", "object_id": "'cs_bench_' || n"}
    return event, columns, "evt_bench_77"


def make_line():
    account = factories.make_bank_account()
    statement = models.StatementImport.objects.create(
        account=account, name="a.csv", sha256="0" * 64, new_lines=1, known_lines=0, imported_at=NOW
    )
    line = models.StatementLine.objects.create(
        account=account,
        statement=statement,
        key="0",
        booked_on=NOW.date(),
        amount=10,
        currency="EUR",
    )
    columns = {
        "key": "'k' || n",
        "booked_on": DAY % "booked_on",
        # As references are: digits in letters that nobody mistakes for each other.
        "references": "ARRAY['PAY-' || translate(lpad(n::text, 8, '0'), '0123456789', 'ACDEFGHJKM')]",
    }
    return line, columns, "PAY-AAAAAAJJ"


def make_letter():
    letter = factories.make_receipt()
    columns = {
        "occasion": "'bench:' || n",
        "sent_at": "created_at",
        "kind": of_kinds("'reminder'", "statement", "refund"),
    }
    return letter, columns, str(letter.pk + 77)


def make_balance_transaction():
    columns = {
        "stripe_id": "'txn_bench_' || n",
        "created_at": PAST % "created_at",
        "type": of_kinds("type", "refund", "payout"),
    }
    return factories.make_balance_transaction(), columns, "txn_bench_77"


LISTS = {
    "donation": (make_donation, ("method=cash", "from=2026-06-01&to=2026-06-30", "back=refunded")),
    "pledge": (make_pledge, ("method__exact=card", "frequency__exact=weekly")),
    "entry": (make_entry, ("kind__exact=interest", "from=2026-02-01&to=2026-02-28")),
    "stripeevent": (make_event, ("state=waiting", "state=refused")),
    "statementline": (make_line, ("from=2026-02-01&to=2026-02-28", "account=bank-eur")),
    "letter": (make_letter, ("kind__exact=refund", "state=bounced")),
    "balancetransaction": (make_balance_transaction, ("type=payout", "currency=UYU")),
}


def more(row, columns, count, *, start=0):
    """Without the triggers of the table: what they do is measured elsewhere."""
    table = type(row)._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    multiply(row, count, start=start, **columns)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
        cursor.execute(f"ANALYZE {table}")


class Times:
    """How long each page took, in milliseconds, in turns."""

    def __init__(self, client, paths):
        self.took = {name: [] for name in paths}
        for turn in range(TURNS + 1):
            for name, path in paths.items():
                started = time.perf_counter()
                response = client.get(path)
                took = (time.perf_counter() - started) * 1000
                assert response.status_code == 200, path
                if turn:
                    self.took[name].append(took)

    def median(self, name):
        return statistics.median(self.took[name])

    def ratio(self, one, other):
        """The median of the turns' quotients: both pages of a turn were asked for in the same second."""
        pairs = zip(self.took[one], self.took[other], strict=True)
        return statistics.median(a / b for a, b in pairs)


@pytest.mark.parametrize("name", LISTS)
def test_list_at_ten_thousand_and_a_million_rows(client, name, row):
    make, filters = LISTS[name]
    first, columns, reference = make()
    model_admin = admin.site.get_model_admin(type(first))
    log_in(client, make_user(None, "treasurer"))
    here = f"/admin/donations/{name}/"
    middle = first.pk + FEW // 2
    paths = {
        "bare": f"/bench/list/{name}/{MANY_ROWS}/",
        "bare of 25": f"/bench/list/{name}/{model_admin.list_per_page}/",
        "100 rows": f"{here}?{ROWS_VAR}={MANY_ROWS}",
        "25 rows": here,
        "last": f"{here}?p=last",
        "after one in the middle": f"{here}?p=after-{middle}",
        "before one in the middle": f"{here}?p=before-{middle}",
        **{each: f"{here}?{each}" for each in filters},
    }
    if reference:
        paths["search"] = f"{here}?q={reference}"
    client.get("/admin/")

    more(first, columns, FEW)
    few = Times(client, paths)
    more(first, columns, MANY - FEW, start=FEW)
    paths["after one in the middle"] = f"{here}?p=after-{first.pk + MANY // 2}"
    many = Times(client, paths)

    beside_bare = many.ratio("25 rows", "bare")
    goals = [
        ("100 rows / bare", many.ratio("100 rows", "bare"), 4),
        ("25 rows / bare", beside_bare, 3),
        # Each beside the bare view of its time, which is the same at any size.
        ("a million / ten thousand", beside_bare / few.ratio("25 rows", "bare"), 1.1),
    ]
    goals += [
        (f"{each} / first page", many.ratio(each, "25 rows"), 1.0 if each == "search" else 1.3)
        for each in paths
        if each in {"search", "last"} or "middle" in each
    ]
    goals += [(f"{each} / bare", many.ratio(each, "bare"), 3) for each in filters]
    for what, figure, goal in goals:
        row(f"{name}: {what}", f"{figure:.2f}", f"≤ {goal:.2f}")
    row(
        f"{name}: 25 rows",
        f"{many.median('25 rows'):.0f} ms",
        "none",
        f"25 rows bare {many.median('bare of 25'):.0f} ms, 100 rows {many.median('bare'):.0f} ms",
    )
    assert [what for what, figure, goal in goals if figure > goal] == []
