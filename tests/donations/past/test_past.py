"""A spreadsheet of the past: understood row by row, wanted by two people, booked whole and once."""

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from appeals.models import Case, Defendant
from donations import disbursement, ledger, past, payees, reports
from donations.disbursement.checks import account_of
from donations.models import (
    AccountKey,
    BankAccount,
    Donation,
    Entry,
    LegalCost,
    PastImport,
    PastRow,
    Payee,
    Period,
)
from donations.past import tables
from donations.proofs import prove
from donations.transparency import books
from tests import factories
from tests.donations.test_check_books import tamper, unguarded, wrong
from tests.factories import NOW, TODAY, log_in

HEADER = (
    "kind,date,amount,currency,fund,place,fee,case,defendant,cost_kind,due_on,name,email,note,id\n"
)
COLUMNS = HEADER.strip().split(",")


def table(*rows):
    """CSV of rows, each a dict of what is not empty."""
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS, lineterminator="\n").writerows(rows)
    return HEADER + text.getvalue()


def row(kind="gift", amount="50.00", **cells):
    where = {} if kind == "cost" else {"fund": "general", "place": "bank-eur"}
    return {"kind": kind, "date": "2025-02-10", "amount": amount, "currency": "EUR"} | where | cells


def read(*rows):
    return past.read(table(*rows), today=TODAY)


def take_over(text, **people):
    """Asked for by one, approved by another."""
    asked = past.request(text, name="past.csv", by=people.get("by") or factories.make_user(), at=NOW)  # fmt: skip
    return past.approve(asked, by=people.get("approver") or factories.make_user(), at=NOW)


WHOLE = table(
    row("opening", "250.00", date="2025-01-01"),
    row(name="Ana Ejemplo", email="ana@example.org", note="at the fair"),
    row(place="cash", amount="20"),
    row(amount="100.00", fee="1.80"),
    row("payment", "120.00", date="2025-03-15", cost_kind="fees", note="invoice 7"),
    row("cost", "400.00", case="case-one", defendant="person-1", cost_kind="experts", due_on="2025-06-30"),
)  # fmt: skip


def test_whole_past_is_booked_and_every_proof_holds(fund):
    take_over(WHOLE)

    assert ledger.balance(AccountKey.fund(fund, "EUR")) == Decimal("298.20")
    assert ledger.balance(AccountKey.cash("EUR")) == 20
    assert sorted(Entry.objects.values_list("kind", "amount", "booked_on")) == [
        ("donation", Decimal(20), date(2025, 2, 10)),
        ("donation", Decimal(50), date(2025, 2, 10)),
        ("donation", Decimal(100), date(2025, 2, 10)),
        ("fee", Decimal("1.80"), date(2025, 2, 10)),
        ("opening", Decimal(250), date(2025, 1, 1)),
        ("past_payment", Decimal(120), date(2025, 3, 15)),
    ]
    assert {source.split(":")[0] for source in Entry.objects.values_list("source", flat=True)} == {"past"}  # fmt: skip
    assert [proof.name for proof in prove() if not proof.holds] == []
    assert sorted(Donation.objects.values_list("method", "amount", "fee")) == [
        ("cash", Decimal(20), Decimal(0)),
        ("transfer", Decimal(50), Decimal(0)),
        ("transfer", Decimal(100), Decimal("1.80")),
    ]


def test_public_books_count_the_past_and_still_add_up(fund):
    take_over(WHOLE)

    (figures,) = [each.figures for each in books(language="en", at=NOW).funds]

    assert (figures.received, figures.processing_fees, figures.paid, figures.held) == (
        Decimal(420), Decimal("1.80"), Decimal(120), Decimal("298.20"),
    )  # fmt: skip
    assert figures.net - figures.paid + figures.moved == figures.held


def test_cost_still_owed_is_a_cost_like_any_other(fund, client):
    take_over(WHOLE)

    cost = LegalCost.objects.get()
    assert (cost.owed, cost.currency, cost.kind, cost.due_on) == (
        Decimal(400), "EUR", "experts", date(2025, 6, 30),
    )  # fmt: skip
    assert cost.past_row.row == 7
    assert not cost.payee.is_payable
    assert list(Payee.objects.to_confirm()) == []
    with pytest.raises(payees.WrongState, match="not recorded yet"):
        payees.confirm(cost.payee, account="x", by=factories.make_user(), at=NOW)
    with pytest.raises(disbursement.PayeeNotReady, match="Nobody is recorded as the payee"):
        account_of(cost)
    treasurer = log_in(client, factories.make_user(None, "treasurer"))
    page = treasurer.get(f"/admin/donations/legalcost/{cost.pk}/change/").content.decode()
    assert (
        f'Nobody is recorded yet (<a href="/admin/donations/payee/{cost.payee_id}/change/">' in page
    )
    assert "not confirmed" not in page
    listed = treasurer.get("/admin/donations/payee/?state=nobody").content.decode()
    of_payee = treasurer.get(f"/admin/donations/payee/{cost.payee_id}/change/").content.decode()
    for page in (listed, of_payee):
        assert "no account recorded</span>" in page


def test_same_file_twice_adds_nothing(fund):
    take_over(WHOLE)
    before = ledger.ledger_hash()

    assert past.read(WHOLE, today=TODAY).known == 6
    with pytest.raises(past.NothingNew, match="booked already"):
        past.request(WHOLE, name="again.csv", by=factories.make_user(), at=NOW)
    assert ledger.ledger_hash() == before


def test_longer_file_adds_what_is_new_and_equal_genuine_rows_live(fund):
    take_over(table(row(), row()))

    take_over(table(row(), row(), row(), row(amount="7")))

    assert sorted(Donation.objects.values_list("amount", flat=True)) == [7, 50, 50, 50]


def test_own_id_finds_a_row_again_wherever_it_stands(fund):
    take_over(table(row(id="17"), row(id="18")))

    reading = read(row(id="18"), row(id="19"), row(id="17"))

    assert [(fact.row, reading.known) for fact in reading.new] == [(3, 2)]


def test_two_people_are_needed_whoever_they_are(fund):
    boss = factories.make_user(is_superuser=True)
    asked = past.request(WHOLE, name="past.csv", by=boss, at=NOW)

    with pytest.raises(past.SamePerson):
        past.approve(asked, by=boss, at=NOW)
    with pytest.raises(IntegrityError, match="past_import_approved_by_another_person"), transaction.atomic():  # fmt: skip
        PastImport.objects.update(approved_by=boss, approved_at=NOW, table="")
    assert not Entry.objects.exists()


def test_same_file_waits_once(fund):
    past.request(WHOLE, name="past.csv", by=factories.make_user(), at=NOW)

    with pytest.raises(past.WaitsAlready):
        past.request(WHOLE, name="past.csv", by=factories.make_user(), at=NOW)


@pytest.mark.parametrize("again", [past.approve, past.refuse])
def test_decided_is_decided(fund, again):
    done = take_over(WHOLE)
    more = {"reason": "no"} if again is past.refuse else {}

    with pytest.raises(past.WrongState):
        again(done, by=factories.make_user(), at=NOW, **more)


def test_refusal_has_a_reason_and_keeps_no_row(fund):
    asked = past.request(WHOLE, name="past.csv", by=factories.make_user(), at=NOW)

    with pytest.raises(past.NoReason):
        past.refuse(asked, reason=" ", by=factories.make_user(), at=NOW)
    refused = past.refuse(asked, reason="Wrong year.", by=factories.make_user(), at=NOW)

    assert (refused.state, refused.table) == (PastImport.State.REFUSED, "")
    assert not PastRow.objects.exists()


def test_what_changed_meanwhile_is_looked_at_again(fund):
    asked = past.request(WHOLE, name="past.csv", by=factories.make_user(), at=NOW)
    fund.closed_on = TODAY
    fund.save()

    with pytest.raises(past.NotFit, match="no open fund with the code “general”"):
        past.approve(asked, by=factories.make_user(), at=NOW)
    asked.refresh_from_db()
    assert asked.state is PastImport.State.TO_APPROVE
    assert not Entry.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (row("present"), "Row 2: “present” is no kind of row. Write gift, payment, opening or cost."),
        (row(date="10.02.2025"), "Row 2: “10.02.2025” is no day. Write it like 2026-03-10."),
        (row(date="2025-02-30"), "Row 2: “2025-02-30” is no day."),
        (row(date="2027-01-01"), "Row 2: January 1, 2027 is still to come."),
        (row(amount="-5"), "Row 2: “-5” is no amount in EUR."),
        (row(amount="5.123"), "Row 2: “5.123” can be read in two ways."),
        (row(amount="0"), "Row 2: an amount is above zero"),
        (row(amount="=1+1"), "Row 2: “=1+1” is no amount in EUR."),
        (row(currency="JPY"), "Row 2: “JPY” is none of this fund's currencies: "),
        (row(fund="nobody"), "Row 2: there is no open fund with the code “nobody”. There are: general."),
        (row(fund=""), "Row 2: a gift needs the column fund."),
        (row(place="drawer"), "Row 2: “drawer” is no place. Write cash, or the code of a bank account: bank-eur."),
        (row(currency="USD"), "Row 2: the bank account bank-eur is in EUR."),
        (row(fee="50.00"), "Row 2: the fee is not less than the gift."),
        (row("payment", fee="1"), "Row 2: a payment has no fee: leave that cell empty."),
        (row("opening", name="Ana"), "Row 2: a opening has no name"),
        (row(email="ana"), "Row 2: “ana” is no e-mail address."),
        (row("cost", case="case-one", cost_kind="fees"), "Row 2: a cost needs the column defendant."),
        (row("cost", case="x", defendant="person-1", cost_kind="fees"), "Row 2: “x” names no single case."),
        (row("cost", case="case-one", defendant="Ana", cost_kind="fees"), "Row 2: there is no defendant with the key “Ana”."),
        (row("cost", case="case-one", defendant="person-1", cost_kind="party"), "Row 2: “party” is no kind of cost."),
    ],
)  # fmt: skip
def test_wrong_row_gets_a_sentence_and_stops_all_of_it(fund, wrong, sentence):
    reading = read(wrong)

    assert reading.problems
    assert reading.problems[0].startswith(sentence)
    with pytest.raises(past.NotFit):
        past.request(table(wrong, row()), name="past.csv", by=factories.make_user(), at=NOW)
    assert not PastImport.objects.exists()


def test_nothing_is_taken_below_zero(fund):
    reading = read(row(amount="100"), row("payment", "110"))

    assert reading.problems == [
        f"With these rows {account} would be €10.00 below zero. Is a gift missing, or what was there before (a row of "
        "the kind opening)?"
        for account in (f"“{fund}”", str(BankAccount.objects.get()))
    ]
    with pytest.raises(past.NotFit):
        take_over(table(row("payment", "10")))


def test_every_wrong_row_is_named_at_once(fund):
    reading = read(row(date="x"), row(), row(amount="x", fund="x"), row(id="7"), row(id="7"))

    assert [problem.split(":")[0] for problem in reading.problems] == [
        "Row 2", "Row 4", "Row 4", "Row 6",
    ]  # fmt: skip
    assert reading.problems[-1] == "Row 6: the id is that of row 5 as well."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The file is empty."),
        (" \n\n", "The file is empty."),
        ("PK\x03\x04\0\0", "This is no CSV file: save the spreadsheet as CSV"),
        ("kind,date,amount,currency\n\0", "This is no CSV file"),
        ("name;date\nx;y\n", "lacks these columns: kind, amount, currency."),
        ("kind,date,amount,currency,kind\n", "The column kind is there twice."),
        ("kind,date,amount,currency,donor\n", "“donor” is no column we know."),
        (HEADER, "There is nothing below the first row."),
        ("kind,date,amount,currency\ngift,2025-01-01,1,EUR,general\n", "Row 2 has more cells"),
        ('kind,date,amount,currency\n"gift,2025-01-01,1,EUR\n', "Row 2: a quotation mark is not closed."),
    ],
)  # fmt: skip
def test_what_is_no_table_of_the_past_is_said(db, text, sentence):
    with pytest.raises(past.UnreadableTable) as refusal:
        past.read(text, today=TODAY)

    assert sentence in str(refusal.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_spreadsheet_programs_part_cells_and_write_decimals_as_they_like(fund, delimiter):
    names = ("Kind", "DATE", "amount", "currency", "fund", "place")
    cells = ("Gift", "2025-02-10", '"1.234,50"', "eur", "general", "bank-eur")
    text = f"\ufeff{delimiter.join(names)}\r\n\r\n{delimiter.join(cells)}\r\n"

    (fact,) = past.read(text, today=TODAY).new

    assert (fact.row, fact.amount, fact.currency) == (3, Decimal("1234.50"), "EUR")


def test_closed_month_takes_no_past(fund):
    Period.objects.create(month=date(2025, 2, 1))
    people = [factories.make_user().pk for _two in range(2)]
    with connection.cursor() as cursor:
        for step in ("verified", "reconciled", "requested", "closed"):
            named = (
                ""
                if step != "requested"
                else ", sha256 = donations_period_sha256(month), entries = 0"
            )
            cursor.execute(
                f"UPDATE donations_period SET {step}_at = now(), {step}_by_id = %s{named}",
                [people[step == "closed"]],
            )

    assert read(row()).problems == ["Row 2: the month of February 10, 2025 is closed: nothing is booked in it any more."]  # fmt: skip


def test_names_are_encrypted_and_stand_in_no_entry(fund):
    take_over(WHOLE)

    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(r::text, ' ') FROM donations_pastrow r")
        stored = cursor.fetchone()[0]
        cursor.execute("SELECT string_agg(i::text, ' ') FROM donations_pastimport i")
        stored += cursor.fetchone()[0]
        cursor.execute("SELECT string_agg(e::text, ' ') FROM donations_entry e")
        stored += cursor.fetchone()[0]
    for word in ("Ejemplo", "example.org", "at the fair", "invoice 7"):
        assert word not in stored
    assert PastRow.objects.get(row=3).supporter_name == "Ana Ejemplo"


def test_table_is_encrypted_while_it_waits(fund):
    past.request(WHOLE, name="past.csv", by=factories.make_user(), at=NOW)

    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(i::text, ' ') FROM donations_pastimport i")
        assert "Ejemplo" not in cursor.fetchone()[0]


def test_who_gave_is_forgotten_and_the_gift_stays(fund):
    take_over(WHOLE)
    before = ledger.ledger_hash()

    forgotten = past.forget(PastRow.objects.get(row=3), at=NOW)

    assert (forgotten.supporter_name, forgotten.supporter_email, forgotten.note) == ("", "", "")
    assert ledger.ledger_hash() == before
    with pytest.raises(past.WrongState):
        past.forget(forgotten, at=NOW)


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("pastrow", "UPDATE donations_pastrow SET amount = amount + 1 WHERE row = 2"),
        ("pastrow", "UPDATE donations_pastrow SET happened_on = happened_on + 1 WHERE row = 6"),
        ("pastrow", "UPDATE donations_pastrow SET fee = 1 WHERE row = 3"),
        ("pastrow", "UPDATE donations_pastrow SET bank_account_id = NULL WHERE row = 3"),
        ("pastrow", "DELETE FROM donations_pastrow WHERE row = 6"),
        (
            "pastimport",
            "ALTER TABLE donations_pastimport DROP CONSTRAINT past_import_approved_by_another_person;"
            "UPDATE donations_pastimport SET approved_by_id = requested_by_id",
        ),
    ],
)
def test_past_that_was_tampered_with_is_found(fund, table, statement):
    take_over(WHOLE)

    tamper(unguarded(table, statement))

    assert "past" in wrong()


@pytest.mark.parametrize(
    ("act", "rule"),
    [
        ("UPDATE donations_pastrow SET amount = amount + 1", "past_row_stays"),
        ("DELETE FROM donations_pastrow", "past_row_stays"),
        ("UPDATE donations_pastimport SET name = 'other'", "past_import_stays"),
        ("DELETE FROM donations_pastimport", "past_import_stays"),
    ],
)
def test_database_keeps_the_past_as_it_was_booked(fund, act, rule):
    take_over(WHOLE)

    with pytest.raises(IntegrityError) as refusal, connection.cursor() as cursor:
        cursor.execute(act)

    assert refusal.value.__cause__.diag.constraint_name == rule


def test_database_takes_no_row_of_what_nobody_approved(fund):
    asked = past.request(WHOLE, name="past.csv", by=factories.make_user(), at=NOW)

    with pytest.raises(IntegrityError) as refusal:
        PastRow.objects.create(
            past_import=asked, row=1, key="x", kind="payment", happened_on=TODAY, amount=1, currency="EUR", fund=fund
        )  # fmt: skip

    assert refusal.value.__cause__.diag.constraint_name == "past_row_is_approved"


def test_reading_takes_the_same_queries_for_one_row_and_for_many(fund, django_assert_num_queries):
    for count in (1, 50):
        with django_assert_num_queries(7):
            read(*[row()] * count)


def test_thousands_of_rows_are_read_at_once(fund):
    reading = read(*[row(amount=str(n)) for n in range(1, 2001)])

    assert (len(reading.new), reading.sums[0][2]) == (2000, Decimal(2001000))


def test_statements_show_the_past(fund):
    take_over(WHOLE)

    report = reports.of_books(reports.month_of(date(2025, 3, 1)))

    (kinds,) = [t for t in report.tables if t.key == "kinds"]
    assert kinds.rows == (
        ("Payment before these books began", 1, Decimal(0), Decimal(120), Decimal(0)),
    )


def test_payment_of_the_past_is_on_the_statements_and_pages_of_its_case_and_defendant(fund, client):
    case, person = Case.objects.get(), Defendant.objects.get()
    told = {"case": "case-one", "defendant": "person-1", "cost_kind": "fees"}
    take_over(table(row("opening", "250.00"), row("payment", "120.00", date="2025-03-02", **told)))
    march = reports.month_of(date(2025, 3, 1))
    treasurer = log_in(client, factories.make_user(None, "treasurer"))

    for report in (reports.of_case(case, march), reports.of_defendant(person, march)):
        (found,) = [t for t in report.tables if t.key == "past"]
        assert found.rows == (
            (
                date(2025, 3, 2),
                "lawyers' fees",
                f"case-{case.pk}",
                f"defendant-{person.pk}",
                f"fund-{fund.code}",
                Decimal(120),
            ),
        )
        assert found.total[-1] == 120
    april = reports.of_case(case, reports.month_of(date(2025, 4, 1)))
    assert [t for t in april.tables if t.key == "past"] == []
    for path in (f"case/{case.pk}", f"defendant/{person.pk}"):
        page = treasurer.get(f"/admin/donations/legalcost/{path}/").content.decode()
        assert "Paid before these books began" in page
        assert "€120.00" in page


@pytest.fixture
def file(fund, tmp_path):
    path = tmp_path / "past.csv"
    path.write_text("\ufeff" + WHOLE, encoding="utf-8")
    return path


def test_command_says_what_a_file_holds_and_books_nothing_on_a_dry_run(file, capsys):
    call_command("import_past", file, dry_run=True)

    out = capsys.readouterr().out
    assert "gift: 3, 170.00 EUR" in out
    assert out.endswith("new 6, known 0\n")
    assert not PastImport.objects.exists()


def test_command_books_when_two_people_are_named(file, capsys):
    factories.make_user("tess")
    factories.make_user("ada")

    call_command("import_past", file, by="tess", approved_by="ada")

    assert capsys.readouterr().out.endswith("booked\n")
    assert Entry.objects.count() == 6
    call_command("import_past", file, by="tess", approved_by="ada")
    assert capsys.readouterr().out == "new 0, known 6\n"


def test_command_asks_when_one_person_is_named(file, capsys):
    factories.make_user("tess")

    call_command("import_past", file, by="tess")

    assert "another person approves it in the office" in capsys.readouterr().out
    assert PastImport.objects.get().state is PastImport.State.TO_APPROVE


def test_command_refuses_in_words(file, tmp_path):
    User.objects.filter(username="tess").delete()
    factories.make_user("tess")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(table(row(date="x")))
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe")

    for arguments, sentence in [
        ((file,), "--by names nobody of the office"),
        ((wrong,), "Row 2: “x” is no day."),
        ((binary,), "is no text in UTF-8"),
        ((tmp_path / "none.csv",), "cannot be read: No such file"),
    ]:
        with pytest.raises(CommandError, match=sentence):
            call_command("import_past", *arguments)
    with pytest.raises(CommandError, match="another person must approve it"):
        call_command("import_past", file, by="tess", approved_by="tess")
    assert not Entry.objects.exists()


def test_template_can_be_imported_as_it_is(fund):
    """What it names is renamed to what is here."""
    names = {"banco-eur": "bank-eur", "my-case": "case-one"}
    rows = [{name: names.get(text, text) for name, text in each.items()} for each in past.EXAMPLES]

    reading = read(*rows)

    assert (reading.problems, len(reading.new)) == ([], len(past.EXAMPLES))


def test_more_rows_than_are_taken_at_once_are_refused():
    text = "kind,date,amount,currency\n" + "gift,2025-02-10,5,EUR\n" * (tables.MOST_ROWS + 1)

    with pytest.raises(past.UnreadableTable, match="has 30001 rows, and at most 30000 are taken"):
        tables.read(text)
