"""The ledger beside raw SQL that does the same without any of its rules: posting, by one and by eight, in bulk; balances; the proof.

The reference is what a careful hand would write: an entry with its foreign keys and its unique source, and a row a balance.
"""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection, transaction

from donations import ledger, periods, proofs, tracing
from donations.models import Account, AccountKey, Entry, Period
from tests import factories
from tests.benchmarks.books import copy_gift, fill, make_month
from tests.benchmarks.conftest import TURNS, in_turns
from tests.benchmarks.rows import settle
from tests.factories import make_user

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
_numbers = itertools.count(1)
DAY = date(2026, 3, 10)
SMALL, LARGE = 20_000, 1_000_000
BULK = 20_000

RAW = """
CREATE TABLE bench_account (id bigserial PRIMARY KEY);
CREATE TABLE bench_entry (
    id bigserial PRIMARY KEY, kind varchar(20) NOT NULL, debit_id bigint NOT NULL REFERENCES bench_account,
    credit_id bigint NOT NULL REFERENCES bench_account, amount numeric(21, 3) NOT NULL CHECK (amount > 0),
    currency varchar(3) NOT NULL, booked_on date NOT NULL, source varchar(200) NOT NULL UNIQUE,
    posted_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON bench_entry (debit_id);
CREATE INDEX ON bench_entry (credit_id);
CREATE TABLE bench_balance (account_id bigint PRIMARY KEY, balance numeric(21, 3) NOT NULL);
INSERT INTO bench_account DEFAULT VALUES; INSERT INTO bench_account DEFAULT VALUES;
INSERT INTO bench_balance VALUES (1, 0), (2, 0);
CREATE FUNCTION bench_post(amount numeric, day date, source text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bench_entry (kind, debit_id, credit_id, amount, currency, booked_on, source)
    VALUES ('donation', 1, 2, amount, 'EUR', day, source);
    UPDATE bench_balance SET balance = balance + amount WHERE account_id = 1;
    UPDATE bench_balance SET balance = balance + amount WHERE account_id = 2;
$$;
"""
RAW_BACK = "DROP FUNCTION bench_post; DROP TABLE bench_balance, bench_entry, bench_account"


@pytest.fixture
def raw(db):
    with connection.cursor() as cursor:
        cursor.execute(RAW)
    yield
    with connection.cursor() as cursor:
        cursor.execute(RAW_BACK)


@pytest.fixture
def fund(db):
    fund = factories.make_fund(code="bench")
    ledger.post(posting(fund))
    return fund


def posting(fund, day=DAY):
    return ledger.Posting(
        kind=Entry.Kind.DONATION,
        debit=AccountKey.stripe("EUR"),
        credit=AccountKey.fund(fund, "EUR"),
        amount=Decimal("12.34"),
        booked_on=day,
        source=f"stripe:pi_bench_{next(_numbers)}",
    )


def raw_post():
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT bench_post(%s, %s, %s)", [Decimal("12.34"), DAY, f"raw_{next(_numbers)}"]
        )


def test_single_posts(fund, raw, row):
    rates = in_turns(lambda: ledger.post(posting(fund)), raw_post, 150)

    row(
        "a posting / raw with a balance row",
        f"{rates.ratio:.2f}",
        "≥ 0.60",
        f"{rates.ours:.0f}/s, raw {rates.reference:.0f}/s",
    )
    assert rates.ratio >= 0.6


def by_eight(work, calls):
    """Calls a second of eight connections at once."""
    start = threading.Barrier(8)

    def run(_number):
        connection.ensure_connection()
        start.wait(timeout=20)
        began = time.perf_counter()
        for _i in range(calls):
            work()
        ended = time.perf_counter()
        connection.close()
        return began, ended

    with ThreadPoolExecutor(8) as pool:
        spans = list(pool.map(run, range(8)))
    return 8 * calls / (max(end for _, end in spans) - min(begin for begin, _ in spans))


def test_posts_by_eight_at_once(fund, raw, row):
    # The pool of a process has eight connections: the test's own is one of them.
    connection.close()
    ratios = []
    for turn in range(TURNS):
        reference = by_eight(raw_post, 40)
        ours = by_eight(lambda: ledger.post(posting(fund)), 40)
        if turn:
            ratios.append(ours / reference)
    ratio = sorted(ratios)[len(ratios) // 2]

    row(
        "postings by eight at once / raw",
        f"{ratio:.2f}",
        "≥ 0.60",
        "raw: one balance row an account",
    )
    assert ratio >= 0.6


def test_bulk(fund, raw, row):
    def ours():
        ledger.post_many([posting(fund) for _n in range(BULK)])

    def copy():
        rows = [posting(fund) for _n in range(BULK)]
        with transaction.atomic(), connection.cursor() as cursor:
            with cursor.copy(
                "COPY bench_entry (kind, debit_id, credit_id, amount, currency, booked_on, source) FROM STDIN"
            ) as into:
                for p in rows:
                    into.write_row((p.kind.value, 1, 2, p.amount, "EUR", p.booked_on, p.source))
            cursor.execute(
                "UPDATE bench_balance b SET balance = balance + s.amount FROM (SELECT account_id, sum(amount) AS amount"
                " FROM (SELECT debit_id AS account_id, amount FROM bench_entry WHERE id > %s UNION ALL"
                " SELECT credit_id, amount FROM bench_entry WHERE id > %s) m GROUP BY account_id) s"
                " WHERE s.account_id = b.account_id",
                [copy.last, copy.last],
            )
            cursor.execute("SELECT max(id) FROM bench_entry")
            copy.last = cursor.fetchone()[0]

    copy.last = 0
    rates = in_turns(ours, copy, 1)

    row(
        "posted in bulk / COPY of the same",
        f"{rates.ratio:.2f}",
        "≥ 0.50",
        f"{rates.ours * BULK:.0f} entries/s",
    )
    assert rates.ratio >= 0.5


def milliseconds(work, calls=200):
    times = []
    for _i in range(calls):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)[len(times) // 2]


@pytest.mark.parametrize("count", [SMALL, LARGE])
def test_balance(fund, raw, row, count):
    fill(fund, count)
    key = AccountKey.fund(fund, "EUR")

    def stored():
        with connection.cursor() as cursor:
            cursor.execute("SELECT balance FROM bench_balance WHERE account_id = %s", [1])
            cursor.fetchone()

    rates = in_turns(lambda: ledger.balance(key), stored, 200)
    now, then = (
        milliseconds(lambda: ledger.balance(key)),
        milliseconds(lambda: ledger.balance_on(key, date(2025, 9, 1))),
    )
    MEASURED[count] = 1 / rates.ratio

    row(
        f"balance at {count:,} entries / stored read",
        f"{1 / rates.ratio:.2f}",
        "≤ 3",
        f"{now:.2f} ms",
    )
    row(f"balance of a past day at {count:,}", f"{then:.2f} ms", "≤ 5 ms")
    assert 1 / rates.ratio <= 3
    assert then <= 5
    if len(MEASURED) == 2:
        growth = MEASURED[LARGE] / MEASURED[SMALL]
        row("growth of a balance from 20,000 to 1,000,000", f"{growth:.2f}", "≤ 1.2")
        assert growth <= 1.2


# By size, how many times the stored read: the machine's own noise is in both.
MEASURED: dict[int, float] = {}

# The same sentences, as one would ask them by hand: a count, no names.
BY_HAND = [
    "SELECT count(*) FROM (SELECT a.currency FROM donations_entry e JOIN donations_account a ON a.id IN (e.debit_id, e.credit_id)"
    " GROUP BY a.currency HAVING sum(CASE WHEN a.id = e.debit_id THEN e.amount ELSE -e.amount END) <> 0) m",
    "SELECT count(*) FROM (SELECT account_id, kind, sum(debit) AS debit, sum(credit) AS credit FROM ("
    " SELECT debit_id AS account_id, kind, amount AS debit, 0 AS credit FROM donations_entry UNION ALL"
    " SELECT credit_id, kind, 0, amount FROM donations_entry) m GROUP BY 1, 2) e FULL JOIN (SELECT account_id, kind,"
    " sum(debit) AS debit, sum(credit) AS credit FROM donations_total GROUP BY 1, 2) t USING (account_id, kind)"
    " WHERE (e.debit, e.credit) IS DISTINCT FROM (t.debit, t.credit)",
    "SELECT count(*) FROM (SELECT account_id, booked_on, kind, sum(debit) AS debit, sum(credit) AS credit FROM ("
    " SELECT debit_id AS account_id, booked_on, kind, amount AS debit, 0 AS credit FROM donations_entry UNION ALL"
    " SELECT credit_id, booked_on, kind, 0, amount FROM donations_entry) m GROUP BY 1, 2, 3) e FULL JOIN (SELECT account_id,"
    " booked_on, kind, sum(debit) AS debit, sum(credit) AS credit FROM donations_daytotal GROUP BY 1, 2, 3) t"
    " USING (account_id, booked_on, kind) WHERE (e.debit, e.credit) IS DISTINCT FROM (t.debit, t.credit)",
    "SELECT count(*) FROM donations_entry e JOIN donations_account d ON d.id = e.debit_id"
    " JOIN donations_account c ON c.id = e.credit_id WHERE e.currency <> d.currency OR e.currency <> c.currency"
    " OR e.amount <= 0 OR e.amount <> round(e.amount, donations_exponent(e.currency))",
]
OURS = ("balanced", "totals", "days", "currencies")


def test_proof(fund, row):
    fill(fund, 200_000)

    def ours():
        for name in OURS:
            assert proofs.look(name).holds

    def by_hand():
        with connection.cursor() as cursor:
            for query in BY_HAND:
                cursor.execute(query)
                assert cursor.fetchone() == (0,)

    rates = in_turns(ours, by_hand, 1)

    row(
        "proof of the ledger / the same by hand",
        f"{1 / rates.ratio:.2f}",
        "≤ 1.5",
        "200,000 entries, four invariants",
    )
    assert 1 / rates.ratio <= 1.5


def test_proof_of_everything(db, row):
    """Every invariant of `check_books` over honest books, beside the bare count of what contradicts it: no names, no cases."""
    pledge = factories.make_pledge(amount="10")
    gift = factories.make_donation(pledge, source="cash:bench:0", fee=Decimal(0))
    factories.give(pledge.fund, "10", into=AccountKey.cash("EUR"), source=gift.source)
    copy_gift("cash:bench", 50_000)
    while tracing.follow(10_000):
        pass
    settle()

    def ours():
        assert [name for name in proofs.PROOFS if not proofs.look(name).holds] == []

    def bare():
        with connection.cursor() as cursor:
            for _sentence, query in proofs.PROOFS.values():
                cursor.execute(
                    f"SELECT count(*) FROM ({query}) AS looked_at (name, wrong) WHERE wrong", []
                )
                assert cursor.fetchone() == (0,)

    rates = in_turns(ours, bare, 1)

    row(
        "all proofs / a bare count of each",
        f"{1 / rates.ratio:.2f}",
        "≤ 1.5",
        f"{len(proofs.PROOFS)} proofs, 50,000 gifts, {1 / rates.ours:.1f} s",
    )
    assert 1 / rates.ratio <= 1.5


def test_closing_a_month_of_fifty_thousand_entries(db, row):
    """All four steps, the looking at every invariant among them."""
    month = make_month(50_000)
    by, other = make_user(), make_user()
    at = datetime(2026, 3, 2, tzinfo=UTC)

    began = time.perf_counter()
    for step, person in (
        ("verify", by),
        ("reconcile", by),
        ("request_close", by),
        ("close", other),
    ):
        getattr(periods, step)(month, by=person, at=at)
    taken = time.perf_counter() - began

    assert Period.objects.get().entries == 50_000
    assert Account.objects.count() == 2
    row("closing a month of 50,000 entries", f"{taken:.1f} s", "≤ 10 s", "all four steps")
    assert taken <= 10
