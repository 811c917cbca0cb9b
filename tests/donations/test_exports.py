"""The books as files: every entry, once, exact, in an order that is the same on every machine."""

import csv
import io
import json
import re
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest
from beancount import loader
from beancount.core.data import Balance, Transaction
from django.core.management import CommandError, call_command
from django.db import connection

from donations import ledger, reports, tracing
from donations.exports import as_beancount, as_csv, as_json, beancount_names
from donations.ledger import Posting
from donations.models import Account, AccountKey, Entry
from donations.spreadsheets import safe_cell
from tests import factories
from tests.donations.test_tracing import World
from tests.factories import NOW, TODAY, give


@pytest.fixture
def booked(db):
    """Two gifts and a fee, in two currencies."""
    fund = factories.make_fund(code="case-one")
    give(fund, "12.50", source="test:b")
    give(fund, "9000", currency="CLP", source="test:a")
    ledger.post(
        Posting(
            Entry.Kind.FEE,
            AccountKey.fund(fund, "EUR"),
            AccountKey.stripe("EUR"),
            Decimal("0.40"),
            TODAY,
            "test:c",
        )
    )
    return fund


DAYS = ["2026-03-10", "2026-03-10", ""]
LINES = [
    ["test:a", "donation", "stripe:CLP", "fund:case-one:CLP", "9000", "CLP", *DAYS],
    ["test:b", "donation", "stripe:EUR", "fund:case-one:EUR", "12.50", "EUR", *DAYS],
    ["test:c", "fee", "fund:case-one:EUR", "stripe:EUR", "0.40", "EUR", *DAYS],
]
HEADER = [
    "source", "kind", "debit", "credit", "amount", "currency", "booked_on", "happened_on", "exchange_gain",
]  # fmt: skip


def test_csv_has_every_entry_by_day_and_source(booked):
    assert list(csv.reader(io.StringIO("".join(as_csv())))) == [HEADER, *LINES]


def test_json_has_every_entry_with_amounts_as_text(booked):
    assert json.loads("".join(as_json())) == [
        dict(zip(HEADER, line, strict=True)) for line in LINES
    ]


def test_empty_books_make_whole_files(db):
    assert "".join(as_csv()) == ",".join(HEADER) + "\n"
    assert json.loads("".join(as_json())) == []
    assert "open" not in "".join(as_beancount())


def test_beancount_opens_each_account_before_its_first_entry(booked):
    assert (
        "".join(as_beancount())
        == """\
option "title" "Defense fund"
option "operating_currency" "CLP"
option "operating_currency" "EUR"

2026-03-10 open Assets:Stripe:CLP CLP
2026-03-10 open Equity:Funds:Case-one:CLP CLP
2026-03-10 * "donation" "test:a"
  Assets:Stripe:CLP  9000 CLP
  Equity:Funds:Case-one:CLP  -9000 CLP

2026-03-10 open Assets:Stripe:EUR EUR
2026-03-10 open Equity:Funds:Case-one:EUR EUR
2026-03-10 * "donation" "test:b"
  Assets:Stripe:EUR  12.50 EUR
  Equity:Funds:Case-one:EUR  -12.50 EUR

2026-03-10 * "fee" "test:c"
  Equity:Funds:Case-one:EUR  0.40 EUR
  Assets:Stripe:EUR  -0.40 EUR

2026-03-11 balance Equity:Funds:Case-one:CLP -9000 CLP
2026-03-11 balance Equity:Funds:Case-one:EUR -12.10 EUR
2026-03-11 balance Assets:Stripe:CLP 9000 CLP
2026-03-11 balance Assets:Stripe:EUR 12.10 EUR
"""
    )


def test_beancount_itself_finds_no_error_and_the_ledgers_balances(busy):
    # Words that could end a string, a line or the file's syntax, and a name that is none of beancount's.
    give(factories.make_fund(code="_2nd"), "3.10", source='test:"quoted\\\n1999-01-01 open')
    give(factories.make_fund(code="gulf"), "1.125", currency="KWD")
    entry = Entry.objects.filter(kind="fee").first()
    ledger.reverse(entry, by=factories.make_user(), reason="Sample", at=NOW)

    entries, errors, _options = loader.load_string("".join(as_beancount()))

    assert errors == []
    sums = defaultdict(Decimal)
    for each in entries:
        if isinstance(each, Transaction):
            for posting in each.postings:
                sums[posting.account, posting.units.currency] += posting.units.number
    names = beancount_names()
    assert dict(sums) == {
        (names[account], account.currency): account.total_debit - account.total_credit
        for account in Account.objects.with_balance()
    }
    assert sum(isinstance(each, Transaction) for each in entries) == Entry.objects.count()
    assert sum(isinstance(each, Balance) for each in entries) == len(sums)


def test_later_fact_of_a_closed_month_keeps_its_own_day(busy):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO donations_entry (kind, debit_id, credit_id, amount, currency, booked_on, happened_on, source) "
            "SELECT kind, debit_id, credit_id, amount, currency, booked_on, booked_on - 9, 'test:late' "
            "FROM donations_entry WHERE kind = 'fee' LIMIT 1"
        )
    (line,) = [row for row in csv.DictReader(io.StringIO("".join(as_csv()))) if row["source"] == "test:late"]  # fmt: skip
    entries, errors, _options = loader.load_string("".join(as_beancount()))

    assert date.fromisoformat(line["booked_on"]) - date.fromisoformat(line["happened_on"]) == timedelta(days=9)  # fmt: skip
    assert errors == []
    (late,) = [e for e in entries if isinstance(e, Transaction) and e.narration == "test:late"]
    assert late.meta["happened_on"].isoformat() == line["happened_on"]


def test_payment_of_exchanged_money_says_what_it_gained(db):
    world = World()
    world.give("1000")
    world.exchange("100", "100000")
    world.exchange("100", "150000")
    factories.make_rate("EUR", "ARS", "1250")
    cost = world.cost("250000", currency="ARS")
    world.set_aside(cost, "250000")
    rows = [world.pay(cost, amount) for amount in ("50000", "125000")]
    tracing.follow(1000)

    gains = {
        row["source"]: row["exchange_gain"]
        for row in json.loads("".join(as_json()))
        if row["exchange_gain"]
    }
    found = {t.key: t for t in reports.of_books(reports.month_of(TODAY)).tables}["gains"]
    before = reports.of_books(reports.Span(date(2000, 1, 1), TODAY - timedelta(days=1)))
    _entries, errors, _options = loader.load_string("".join(as_beancount()))

    sources = [f"disbursement:{row.number}" for row in rows]
    # The second is of the rest of the first exchange, 10 lost, and of half of the second, 10 gained.
    assert gains == {sources[0]: "-10.00 EUR", sources[1]: "0.00 EUR"}
    references = [rows[0].payment_reference, rows[1].payment_reference]
    assert sorted((row[0], *row[3:]) for row in found.rows) == sorted(
        [
            (references[0], 50, 40, -10),
            (references[1], 50, 40, -10),
            (references[1], 50, 60, 10),
        ]
    )
    assert found.total[3:] == (150, 140, -10)
    assert [t.key for t in before.tables] == []
    assert errors == []


def test_beancount_finds_an_entry_that_was_taken_out_of_the_file(booked):
    text = "".join(as_beancount())
    start = text.index('\n2026-03-10 * "fee"')
    end = text.index("\n2026-03-11 balance")

    _entries, errors, _options = loader.load_string(text[:start] + text[end:])

    assert len(errors) == 2
    assert all("Balance failed" in error.message for error in errors)


def testbeancount_names_are_valid_and_differ(db):
    for code in ("a_b", "a-b", "-a", "1a"):
        give(factories.make_fund(code=code), "1")

    names = re.findall(r"open (Equity\S+)", "".join(as_beancount()))

    assert len(set(names)) == 4
    for name in names:
        assert re.fullmatch(r"Equity(:[A-Z0-9][A-Za-z0-9-]*)+", name)


def test_source_cannot_break_out_of_its_cell_or_string(db):
    give(factories.make_fund(), "1", source='=1+1"\\\n,x')

    assert next(csv.DictReader(io.StringIO("".join(as_csv()))))["source"] == "'=1+1\"\\\n,x"
    assert '"=1+1\\"\\\\ ,x"' in "".join(as_beancount())


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\tx", "\rx", "\nx"])
def test_cell_that_looks_like_a_formula_is_text(text):
    assert safe_cell(text) == f"'{text}"
    assert safe_cell(f"a{text}") == f"a{text}"


@pytest.mark.parametrize(
    ("format", "write"), [("csv", as_csv), ("json", as_json), ("beancount", as_beancount)]
)
def test_export_books_prints_the_file(booked, capsys, format, write):
    call_command("export_books", format=format)

    assert capsys.readouterr().out == "".join(write())


def test_export_books_knows_no_other_format(db):
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("export_books", "--format", "xlsx")


def test_export_costs_two_queries_a_chunk_with_any_number_of_entries(
    booked, django_assert_num_queries
):
    with django_assert_num_queries(7):
        list(as_csv())
    for _i in range(20):
        give(booked, "1")
    with django_assert_num_queries(7):
        list(as_csv())
