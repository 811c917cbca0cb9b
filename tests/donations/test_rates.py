"""Tables of rates entered whole or not at all, and rows nobody can change."""

from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from donations import rates
from donations.models import Rate
from donations.rate_tables import RateRow, UnreadableRates, read
from tests.factories import NOW, TODAY, make_rate, make_user

WANTED = {"EUR", "USD", "ARS", "CLP"}
LONG = "date,base,quote,rate\n2026-03-09,EUR,USD,1.0873\n2026-03-09,EUR,ARS,1350.25\n"
WIDE = "Date,USD,JPY,CLP,\n2026-03-10,1.09,163.1,1010.5,\n2026-03-09,1.08,N/A,,\n"


def table(text, base="EUR"):
    return read(text, base=base, wanted=WANTED, today=TODAY)


def enter(text=LONG, base="EUR", source="Invented", by=None):
    return rates.enter(text, base=base, source=source, by=by, at=NOW)


def test_long_table():
    found = table("\ufeffDate;Base;Quote;Rate;Source\n\n2026-03-09;eur;USD;1.0873;Bank\n")

    assert found.rows == (RateRow(3, date(2026, 3, 9), "EUR", "USD", Decimal("1.0873"), "Bank"),)


def test_wide_table_leaves_out_what_nobody_needs_and_counts_what_is_missing():
    found = table(WIDE)

    assert [(r.row, r.rated_on.day, r.quote, r.rate) for r in found.rows] == [
        (2, 10, "USD", Decimal("1.09")),
        (2, 10, "CLP", Decimal("1010.5")),
        (3, 9, "USD", Decimal("1.08")),
    ]
    assert (found.without_rate, found.left_out) == (1, ("JPY",))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The table is empty."),
        ("a,b\n1,2\n", "The first row names no columns we know."),
        ("Date\n2026-03-09\n", "The first row names no columns we know."),
        ("date,base,quote,rate\n", "There is no rate in the table"),
        ("Date,USD\n2026-03-09,N/A\n", "There is no rate in the table"),
        (LONG + "2026-03-09,EUR,CLP\n", "Row 4: it has 3 cells, the first row has 4."),
        ("Date,USD,CLP\n2026-03-09,1.1\n", "Row 2: it has 2 cells, the first row has 3."),
        ("Date,USD\n2026-03-09,1.1,7\n", "Row 2: it has 3 cells, the first row has 2."),
        (LONG.replace("1350.25", "1.350,25"), "Row 3: it has 5 cells"),
        ("date;base;quote;rate\n2026-03-09;EUR;ARS;1350,25\n", "Row 2: “1350,25” is no rate."),
        (LONG.replace("1.0873", "0"), "Row 2: “0” is no rate."),
        (LONG.replace("1.0873", "-1"), "Row 2: “-1” is no rate."),
        (LONG.replace("1.0873", "1e3"), "Row 2: “1e3” is no rate."),
        (LONG.replace("1.0873", ""), "Row 2: “” is no rate."),
        (LONG.replace("1.0873", "1.0123456789012"), "Row 2: “1.0123456789012” is no rate."),
        (LONG.replace("2026-03-09", "09.03.2026"), "Row 2: “09.03.2026” is no day."),
        (LONG.replace("2026-03-09", "2026-02-30"), "Row 2: “2026-02-30” is no day."),
        (LONG.replace("2026-03-09", "2026-03-11"), "Row 2: March 11, 2026 is still to come."),
        (LONG.replace("USD", "XYZ"), "Row 2: “XYZ” is no currency. Write it like EUR."),
        (LONG.replace("USD", "JPY"), "Row 2: JPY is none of the currencies this fund needs"),
        (LONG.replace("USD", "EUR"), "Row 2: a currency has no rate to itself (EUR)."),
        (LONG.replace("ARS", "USD"), "Row 3: row 2 has a rate of EUR in USD for that day already."),
        ("Date,USD,USD\n", "Row 1: “USD” should be a currency other than EUR, once."),
        ("Date,EUR\n", "Row 1: “EUR” should be a currency other than EUR, once."),
        ("Date,Dollar\n", "Row 1: “DOLLAR” should be a currency other than EUR, once."),
        ("x" * 2_000_001, "more than two million characters"),
    ],
)
def test_bad_table_is_refused_naming_the_row(text, sentence):
    with pytest.raises(UnreadableRates) as refused:
        table(text)

    assert sentence in str(refused.value)


def test_wide_table_of_a_base_nobody_needs_is_refused():
    with pytest.raises(UnreadableRates, match="A table of rates of “JPY” is of no use here"):
        table(WIDE, base="JPY")


# --- Entering -------------------------------------------------------------------------------------


def test_enter_keeps_every_rate_with_who_and_whence(db):
    person = make_user()

    done = enter(by=person)

    assert (len(done.new), done.known, done.mended, done.doubts) == (2, 0, (), ())
    assert list(
        Rate.objects.order_by("pk").values_list(
            "base", "quote", "rate", "rated_on", "source", "entered_by", "entered_at"
        )
    ) == [
        ("EUR", "USD", Decimal("1.0873"), date(2026, 3, 9), "Invented", person.pk, NOW),
        ("EUR", "ARS", Decimal("1350.25"), date(2026, 3, 9), "Invented", person.pk, NOW),
    ]


def test_enter_twice_adds_nothing(db):
    enter()

    done = enter()

    assert (len(done.new), done.known, Rate.objects.count()) == (0, 2, 2)


def test_enter_mends_a_wrong_rate_by_another_row(db):
    enter()

    done = enter(LONG.replace("1.0873", "1.0878"))

    assert ([row.rate for row in done.mended], done.known) == ([Decimal("1.0878")], 1)
    [latest] = Rate.objects.latest_of([("EUR", "USD")], on=TODAY)
    assert (latest.rate, Rate.objects.count()) == (Decimal("1.0878"), 3)
    # And back again, which is a third word on the same day.
    assert len(enter().new) == 1
    assert Rate.objects.latest_of([("EUR", "USD")], on=TODAY)[0].rate == Decimal("1.0873")


@pytest.mark.parametrize("rate", ["0.92", "4"])
def test_enter_doubts_a_rate_far_from_the_one_before(db, rate):
    make_rate("EUR", "ARS", "1300" if rate == "0.92" else "1.1", rated_on=date(2026, 3, 1))

    done = enter(f"date,base,quote,rate\n2026-03-09,EUR,ARS,{rate}\n")

    [doubt] = done.doubts
    assert doubt.startswith(f"Row 2: 1 EUR = {rate} ARS is far from the rate before it, ")
    assert len(done.new) == 1


def test_enter_doubts_a_leap_inside_the_table(db):
    done = enter("date,base,quote,rate\n2026-03-09,EUR,ARS,1350\n2026-03-08,EUR,ARS,13.5\n")

    assert [doubt[:6] for doubt in done.doubts] == ["Row 2:"]


@pytest.mark.parametrize("source", ["", "   ", "x" * 121])
def test_enter_without_a_source_is_refused(db, source):
    with pytest.raises(UnreadableRates, match="Row 2: say who publishes the rate"):
        enter(source=source)

    assert not Rate.objects.exists()


def test_bad_row_enters_nothing(db):
    with pytest.raises(UnreadableRates):
        enter(LONG + "2026-03-09,EUR,CLP,many\n")

    assert not Rate.objects.exists()


@pytest.mark.parametrize("days", [1, 200])
def test_enter_costs_the_same_for_many_days(db, days, django_assert_num_queries):
    rows = [f"{TODAY - timedelta(days=n)},1.1,1000" for n in range(days)]

    with django_assert_num_queries(6):
        enter("\n".join(["Date,USD,CLP", *rows]))


# --- What the database refuses ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE donations_rate SET rate = 1",
        "DELETE FROM donations_rate",
        "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE donations_rate",
        "SET LOCAL session_replication_role = replica; DELETE FROM donations_rate",
    ],
)
def test_rate_is_never_changed(db, sql):
    make_rate("EUR", "USD", "1.1")

    with (
        pytest.raises(IntegrityError, match="rates are never changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"rate": "0"}, "rate_positive"),
        ({"rate": "-1"}, "rate_positive"),
        ({"quote": "EUR"}, "rate_of_two_currencies"),
        ({"quote": "usd"}, "rate_of_two_currencies"),
        ({"source": ""}, "rate_has_source"),
        ({"rated_on": TODAY + timedelta(days=1)}, "rate_not_of_the_future"),
    ],
)
def test_rate_that_cannot_be_is_refused(db, fields, constraint):
    values = {"base": "EUR", "quote": "USD", "rate": "1.1"} | fields

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        make_rate(**values)


# --- The command -----------------------------------------------------------------------------------


def run(path, **options):
    out, err = StringIO(), StringIO()
    call_command("import_rates", str(path), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_command_enters_and_says_what(db, tmp_path):
    path = tmp_path / "rates.csv"
    path.write_text(WIDE)
    make_rate("EUR", "CLP", "1", rated_on=date(2026, 3, 1))

    out, err = run(path, source="Invented")

    assert out == "new 3 (of these mended 0), known 0, days without a rate 1, left out JPY\n"
    assert "Row 2: 1 EUR = 1010.5 CLP is far from the rate before it, 1." in err
    assert Rate.objects.count() == 4


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"date,base,quote,rate\n2026-03-09,EUR,USD,x\n", "Row 2: “x” is no rate."),
        (b"\xff\xfe", "is no text in UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_command_refuses_in_a_sentence(db, tmp_path, content, sentence):
    path = tmp_path / "rates.csv"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CommandError, match=sentence):
        run(path, source="Invented")

    assert not Rate.objects.exists()
