"""Bank files imported, matched and booked; beside one SQL statement that extracts, joins, inserts and updates the same data.

Four lines in five carry the reference of an announced gift and its amount, the fifth says nothing we know. The reference
starts from lines that lie in a table already, writes matches and marks gifts, in tables with the columns, indexes and checks
of the product's; it posts nothing and knows no rule. Ours starts from the bytes of a file. How the same statement does on
tables of four columns is told beside it, and not asserted: the measure is one statement "on the same data", which are the rows
as we keep them. Narrower tables without our indexes and checks hold less, so they measure also what we chose to keep and check.
"""

import random
import statistics
import time
from datetime import date, timedelta

import pytest
from django.db import connection

from donations import reconciliation
from donations.models import Donation, Entry, Pledge, StatementLine, StatementMatch
from donations.references import format_reference, new_reference
from donations.statements.mapping import CsvMapping
from tests import factories
from tests.benchmarks.conftest import TURNS, in_turns
from tests.benchmarks.rows import multiply, settle
from tests.benchmarks.test_memory import megabytes

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
MAPPING = CsvMapping(
    date="Day", date_order="ymd", amount="Amount", currency="EUR", text=("Text",), payer=("Party",),
    payee=("Party",), decimal_mark=".", thousands_mark="", delimiter=";",
)  # fmt: skip
GIFTS, LINES, HISTORY = 100_000, 10_000, 1_000_000
LARGE_FILE = 50_000
FEW, GROWTH_LINES = 10_000, 500

SET = """
WITH extracted AS (
    SELECT id, amount, (regexp_match(upper(regexp_replace(said, '[^0-9A-Za-z]', '', 'g')), 'RF[0-9]{2}[A-Z]{12}'))[1] AS code
    FROM bench_line WHERE turn = %s
), matched AS (
    INSERT INTO bench_match (line_id, amount, donation_id, explanation, confirmed_at)
    SELECT e.id, e.amount, g.id, '', now() FROM extracted e JOIN bench_gift g ON g.reference = e.code AND g.amount = e.amount
    RETURNING donation_id, amount
)
UPDATE bench_gift g SET paid = paid + m.amount FROM matched m WHERE g.id = m.donation_id
"""


def copy(table, rows):
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


@pytest.fixture
def tables():
    """The product's own, with their indexes and checks, for the statement; without triggers, and keys to these two alone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_reference (n bigint PRIMARY KEY, reference text);"
            "CREATE TABLE bench_text (n bigint PRIMARY KEY, turn integer, said text);"
            "CREATE TABLE bench_gift (LIKE donations_pledge INCLUDING ALL);"
            "ALTER TABLE bench_gift ADD paid numeric(21, 3) NOT NULL DEFAULT 0;"
            "CREATE TABLE bench_line (LIKE donations_statementline INCLUDING ALL);"
            "ALTER TABLE bench_line ADD turn integer, ADD said text;"
            "CREATE INDEX ON bench_line (turn);"
            "CREATE TABLE bench_match (LIKE donations_statementmatch INCLUDING ALL);"
            "ALTER TABLE bench_match ADD FOREIGN KEY (line_id) REFERENCES bench_line,"
            " ADD FOREIGN KEY (donation_id) REFERENCES bench_gift;"
            "CREATE TABLE bare_gift (id bigint PRIMARY KEY, reference text UNIQUE, amount numeric(21, 3), paid numeric(21, 3));"
            "CREATE TABLE bare_line (id bigint PRIMARY KEY, turn integer, amount numeric(21, 3), said text);"
            "CREATE INDEX ON bare_line (turn);"
            "CREATE TABLE bare_match (line_id bigint PRIMARY KEY REFERENCES bare_line, amount numeric(21, 3),"
            " donation_id bigint NOT NULL REFERENCES bare_gift, explanation text, confirmed_at timestamptz)"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TABLE bench_match, bench_line, bench_gift, bench_text, bench_reference, bare_match, bare_line, bare_gift"
        )


def announce(references):
    """Gifts of 25 that wait for a transfer, made within the database."""
    supporter = factories.make_supporter(f"crowd-of-{len(references)}@example.org")
    pledge = factories.make_pledge(method="transfer", supporter=supporter)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_reference")
    copy("bench_reference", enumerate(references, 1))
    multiply(
        pledge,
        len(references),
        uuid="gen_random_uuid()",
        reference="(SELECT reference FROM bench_reference r WHERE r.n = numbers.n)",
    )
    pledge.delete()
    settle("donations_pledge")


class Files:
    """Bank files of `lines` lines, one a turn, and the same lines in the reference's table."""

    def __init__(self, references, lines, turns):
        chance = random.Random(4)
        self.account = factories.make_bank_account(csv_mapping=MAPPING.as_json())
        self.contents, self.turn, self.set_turn = [], 0, 0
        stored, number = [], 0
        named = iter(references)
        for turn in range(turns):
            rows = ["Day;Amount;Party;Text"]
            for position in range(lines):
                number += 1
                code = format_reference(next(named)) if position % 5 else "no code at all"
                text = f"Transfer {number} {code} solidarity"
                day = date(2026, 3, 1) - timedelta(days=chance.randrange(60))
                rows.append(f"{day};25.00;Payer {chance.randrange(10**6)};{text}")
                stored.append((number, turn, text))
            self.contents.append("\n".join(rows).encode())
        copy("bench_text", stored)
        self._lay_lines()

    def _lay_lines(self):
        """In the reference's table, each as wide as ours are."""
        other = factories.make_bank_account(code="bank-other", csv_mapping=MAPPING.as_json())
        one = "Day;Amount;Party;Text\n2026-03-01;25.00;Payer 123456;Transfer 12345 no code at all, solidarity"
        reconciliation.import_statement(
            account=other, name="one.csv", content=one.encode(), by=None, at=factories.NOW
        )
        named = ("id", "key")
        others = ", ".join(
            connection.ops.quote_name(field.column)
            for field in StatementLine._meta.concrete_fields
            if field.name not in named
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO bench_line (id, key, {others}, turn, said)"
                f" SELECT n, md5(n::text) || md5(n::text) || '-1', {others}, turn, said"
                " FROM bench_text, donations_statementline WHERE account_id = %s",
                [other.pk],
            )
        settle("bench_line")

    def imported(self):
        result = reconciliation.import_statement(
            account=self.account,
            name=f"{self.turn}.csv",
            content=self.contents[self.turn],
            by=None,
            at=factories.NOW,
        )
        assert (result.booked, result.open) == (result.new * 4 // 5, result.new // 5)
        self.turn += 1

    def in_one_statement(self, tables="bench"):
        with connection.cursor() as cursor:
            cursor.execute(SET.replace("bench", tables), [self.set_turn])
            assert cursor.rowcount > 0
        self.set_turn += 1

    def on_bare_tables(self):
        """Lines a second of the same statement on tables of what it reads and writes alone; median of the turns."""
        self.set_turn, rates = 0, []
        for _turn in self.contents:
            started = time.perf_counter()
            self.in_one_statement("bare")
            rates.append(LINES / (time.perf_counter() - started))
        return statistics.median(rates[1:])


def lay_for_the_statement():
    """The gifts announced by now, and of gifts and lines what the bare tables hold."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_gift SELECT * FROM donations_pledge;"
            "INSERT INTO bare_gift SELECT id, reference, amount, 0 FROM bench_gift;"
            "INSERT INTO bare_line SELECT id, turn, amount, said FROM bench_line"
        )
    settle("bench_gift", "bare_gift", "bare_line")


def test_import_against_one_set_based_statement(tables, row):
    """Ten thousand lines at a time against a hundred thousand open gifts."""
    references = [new_reference() for _number in range(GIFTS)]
    announce(references)
    files = Files(references, LINES, TURNS + 1)
    lay_for_the_statement()

    rates = in_turns(files.imported, files.in_one_statement, 1)

    booked = (TURNS + 1) * LINES * 4 // 5
    assert [m.objects.count() for m in (Donation, Entry, StatementMatch)] == [booked] * 3
    rate = rates.ours * LINES
    row("bank lines a second", f"{rate:.0f}/s", "≥ 2500/s", "imported, matched, booked")
    row(
        "the same / one SQL statement",
        f"{rates.ratio:.2f}",
        "≥ 0.25",
        f"statement {rates.reference * LINES:.0f}/s",
    )
    bare = files.on_bare_tables()
    row(
        "the same / it on bare tables",
        f"{rate / bare:.2f}",
        "to compare",
        f"statement {bare:.0f}/s",
    )
    assert rate >= 2500
    assert rates.ratio >= 0.25


def cost(files, turns):
    """Of a line, in units of what the reference needs for one of its lines in the same turn; the first turn warms up."""
    quotients = []
    for _turn in range(turns):
        started = time.perf_counter()
        files.in_one_statement("bare")
        between = time.perf_counter()
        files.imported()
        quotients.append((time.perf_counter() - between) / (between - started))
    return statistics.median(quotients[1:])


def test_cost_of_a_line_as_gifts_and_history_grow(tables, row):
    """Three stretches of the same work: beside ten thousand open gifts, a hundred thousand, and a million lines of history."""
    turns = 8
    of_a_stretch = turns * GROWTH_LINES * 4 // 5
    named = [new_reference() for _number in range(3 * of_a_stretch)]
    files = Files(named, GROWTH_LINES, 3 * turns)
    # All that will be named is announced, and as many more as make the crowd.
    announce([*named, *(new_reference() for _number in range(FEW - of_a_stretch))][:FEW])
    lay_for_the_statement()
    at_few = cost(files, turns)
    announce([new_reference() for _number in range(GIFTS - FEW)])
    at_many = cost(files, turns)
    grow_history(files.account)
    at_history = cost(files, turns)

    many, history = at_many / at_few, at_history / at_many
    row(
        "cost of a line, 100,000 / 10,000 open gifts",
        f"{many:.2f}",
        "≤ 1.2",
        f"{GROWTH_LINES} a file",
    )
    row("cost of a line, 1,000,000 lines of history", f"{history:.2f}", "≤ 1.2", "of one account")
    assert many <= 1.2
    assert history <= 1.2


def grow_history(account):
    """A million lines that were matched long ago."""
    line = account.lines.order_by("pk").first()
    person = factories.make_user()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE donations_statementmatch DISABLE TRIGGER USER")
    multiply(
        line, HISTORY, key="md5(n::text) || '-1'", booked_on="date '2015-01-01' + (n % 3650)::integer",
        explained="amount", payer_hash="md5((n % 200000)::text) || md5((n % 200000)::text)",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO donations_statementmatch (line_id, amount, explanation, confirmed_by_id, confirmed_at)"
            " SELECT id, amount, 'long ago', %s, now() FROM donations_statementline WHERE booked_on < '2025-06-01'",
            [person.pk],
        )
        cursor.execute("ALTER TABLE donations_statementmatch ENABLE TRIGGER USER")
    settle("donations_statementline", "donations_statementmatch")
    assert StatementLine.objects.count() > HISTORY


def test_a_hundred_thousand_lines_against_a_hundred_thousand_gifts(tables, row):
    references = [new_reference() for _number in range(GIFTS)]
    announce(references)
    files = Files(references, GIFTS, 1)

    started = time.perf_counter()
    files.imported()
    seconds = time.perf_counter() - started

    assert Pledge.objects.count() == GIFTS
    row("100,000 lines against 100,000 gifts", f"{seconds:.1f} s", "≤ 40 s", "one file")
    assert seconds <= 40


def test_memory_of_a_large_file(tables, row, tmp_path):
    references = [new_reference() for _number in range(LARGE_FILE)]
    announce(references)
    files = Files(references, LARGE_FILE, 1)
    file = tmp_path / "large.csv"
    file.write_bytes(files.contents[0])

    weight = megabytes("import_statement", files.account.code, str(file))

    assert StatementMatch.objects.count() == LARGE_FILE * 4 // 5
    row("memory, importing 50,000 bank lines", f"{weight:.0f} MB", "≤ 400 MB", "one file")
    assert weight <= 400
