from datetime import date
from decimal import Decimal

import pytest

from donations import assertions
from donations.models import Account, Entry, StatementImport, StatementLine, StatementMatch
from donations.reconciliation import ImportRefused, ImportResult, explain, import_statement, read
from donations.statements import Balance
from tests.factories import NOW, make_bank_account, make_pledge, make_user

from .files import BARE, bank_csv, make_account

pytestmark = pytest.mark.django_db
GIFT = "2026-03-03;25.00;EUR;Ana;gift"
FEE = "2026-03-04;-5.00;EUR;;fee"


def take(account, content, name="march.csv", at=NOW):
    return import_statement(account=account, name=name, content=content, by=None, at=at)


def counts(result: ImportResult):
    """New, known, matched, open; booked by themselves, with a slip."""
    return (
        result.new, result.known, result.matched, result.open, result.booked, result.slipped
    )  # fmt: skip


def refusal(account, content) -> str:
    before = (StatementImport.objects.count(), StatementLine.objects.count())
    with pytest.raises(ImportRefused) as refused:
        take(account, content)
    assert (StatementImport.objects.count(), StatementLine.objects.count()) == before
    return str(refused.value)


def test_import_writes_lines_and_says_how_many():
    account, person = make_account(), make_user()

    result = import_statement(
        account=account,
        name=r"C:\Downloads\march.csv",
        content=bank_csv(GIFT, FEE, opening="100", closing="120"),
        by=person,
        at=NOW,
    )

    assert counts(result) == (2, 0, 0, 2, 0, 0)
    statement = StatementImport.objects.get()
    assert (
        statement.name,
        statement.opening_balance,
        statement.closing_balance,
        statement.first_on,
        statement.last_on,
        statement.new_lines,
        statement.known_lines,
        statement.imported_by,
        statement.imported_at,
    ) == (
        "march.csv",
        Decimal(100),
        Decimal(120),
        date(2026, 3, 3),
        date(2026, 3, 4),
        2,
        0,
        person,
        NOW,
    )
    gift = account.lines.get(amount=25)
    assert (gift.booked_on, gift.currency, gift.counterparty, gift.text, gift.statement) == (
        date(2026, 3, 3),
        "EUR",
        "Ana",
        "gift",
        statement,
    )


def test_import_twice_adds_nothing():
    account = make_account()
    content = bank_csv(GIFT, FEE, closing="20")
    take(account, content)
    explain(line=account.lines.get(amount=25), explanation="x", by=make_user(), at=NOW)

    again = take(account, content)

    assert counts(again) == (0, 2, 1, 1, 0, 0)
    assert again.statement is None
    assert (account.imports.count(), account.lines.count()) == (1, 2)


def test_import_two_equal_lines_both_live_and_are_known_again():
    account = make_account()

    assert take(account, bank_csv(GIFT, GIFT, closing="50")).new == 2
    assert take(account, bank_csv(GIFT, GIFT, closing="50")).new == 0
    assert account.lines.count() == 2


def test_import_overlapping_file_adds_only_what_is_new():
    account = make_account()
    take(account, bank_csv(GIFT, FEE, opening="100", closing="120"))

    result = take(
        account, bank_csv(FEE, "2026-03-05;7.00;EUR;Beto;gift", opening="125", closing="127")
    )

    assert counts(result) == (1, 1, 0, 2, 0, 0)
    assert account.lines.count() == 3


def test_import_older_file_after_a_newer_one():
    account = make_account()
    take(account, bank_csv(FEE, opening="125", closing="120"))

    assert take(account, bank_csv(GIFT, opening="100", closing="125")).new == 1


def test_import_noon_and_evening_of_one_day():
    account = make_account()
    noon = bank_csv(GIFT, closing="25")
    evening = bank_csv(GIFT, "2026-03-03;7.00;EUR;Beto;gift", closing="32")

    assert [take(account, content).new for content in (noon, evening, noon)] == [1, 1, 0]
    assert take(account, bank_csv(FEE, opening="32", closing="27")).new == 1


def test_import_two_statements_of_one_day_with_equal_lines():
    """Only the balances show that the second statement's line is another one."""
    account = make_account()
    first, second = bank_csv(GIFT, closing="25"), bank_csv(GIFT, opening="25", closing="50")

    assert [take(account, content).new for content in (first, second)] == [1, 1]
    assert [take(account, content).new for content in (first, second)] == [0, 0]
    assert account.lines.count() == 2


def test_import_gap_to_the_last_statement_is_refused():
    account = make_account()
    take(account, bank_csv(GIFT, opening="100", closing="125"))

    sentence = refusal(account, bank_csv(FEE, opening="135", closing="130"))

    assert "the last one closed on March 3, 2026 with €125.00" in sentence
    assert "this one opens on March 4, 2026 with €135.00" in sentence


def test_import_gap_before_the_first_statement_is_refused():
    account = make_account()
    take(account, bank_csv(FEE, opening="135", closing="130"))

    sentence = refusal(account, bank_csv(GIFT, opening="100", closing="125"))

    assert "would come to €120.00, but the bank's last balance is €130.00: €10.00" in sentence


def test_import_without_balances_is_taken_at_its_word():
    account = make_account(BARE)

    assert take(account, bank_csv(GIFT)).new == 1
    assert take(account, bank_csv(GIFT, FEE)).new == 1


def ofx(closing, *rows, until=None, as_of=None):
    """Rows are (day, amount, the bank's id); the balance is of the last day, or of `as_of`, and there is none before them. With
    "" as `until` the file does not say to which day it lists."""
    until = rows[-1][0] if until is None else until
    lines = "".join(
        f"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>{day}<TRNAMT>{amount}<FITID>{name}<NAME>X</STMTTRN>"
        for day, amount, name in rows
    )
    return (
        "OFXHEADER:100\nDATA:OFXSGML\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM>"
        f"<ACCTID>DE02120300000000202051</BANKACCTFROM><BANKTRANLIST><DTSTART>{rows[0][0]}{until and '<DTEND>' + until}{lines}"
        f"</BANKTRANLIST><LEDGERBAL><BALAMT>{closing}<DTASOF>{as_of or until}</LEDGERBAL></STMTRS></STMTTRNRS>"
        "</BANKMSGSRSV1></OFX>"
    ).encode()


JANUARY = ofx("100", ("20260105", "60", "a"), ("20260110", "40", "b"))


def test_import_that_states_only_the_closing_balance_is_held_to_those_before_it():
    account = make_account()
    assert take(account, JANUARY).new == 2

    sentence = refusal(account, ofx("500", ("20260305", "10", "d")))

    assert "the last one closed on January 10, 2026 with €100.00" in sentence
    assert "this one opens on March 5, 2026 with €490.00" in sentence
    assert take(account, ofx("490", ("20260205", "390", "c"))).new == 1
    assert take(account, ofx("500", ("20260305", "10", "d"))).new == 1
    assert [
        (each.opening_balance, each.closing_balance) for each in account.imports.order_by("pk")
    ] == [(0, 100), (100, 490), (490, 500)]
    kept = Account(place=Account.Place.BANK, bank_account=account, currency="EUR")
    assert assertions.stated(kept, date(2026, 2, 28)).amount == 490


def test_import_that_states_only_the_closing_balance_may_overlap_and_be_cut_inside_a_day():
    account = make_account()
    take(account, JANUARY)
    # Downloaded again later that day, then from within it on, then all of it once more, and a part of it.
    later = ofx("105", ("20260110", "40", "b"), ("20260110", "5", "c"))
    within = ofx("112", ("20260110", "7", "d"), ("20260111", "0.00", "x"), until="20260111")
    whole = ofx(
        "112", ("20260105", "60", "a"), ("20260110", "40", "b"), ("20260110", "5", "c"),
        ("20260110", "7", "d"),
    )  # fmt: skip

    assert [take(account, content).new for content in (later, within, whole, JANUARY)] == [
        1,
        1,
        0,
        0,
    ]
    # Nothing new proves what came before it: only what the first three say is kept.
    assert [each.opening_balance for each in account.imports.order_by("pk")] == [0, 60, 105, None]


@pytest.mark.parametrize(("until", "reaches"), [("20260228", "2026-02-28"), ("", "2026-02-05")])
def test_balance_of_a_later_day_than_the_lines_reach_to_is_none_after_them(until, reaches):
    account = make_account()
    take(account, JANUARY)
    content = ofx("900", ("20260205", "3", "c"), until=until, as_of="20260301")

    reading = read(account=account, content=content, at=NOW)
    result = take(account, content)

    assert reading.later == (Balance(Decimal(900), date(2026, 3, 1)), date.fromisoformat(reaches))
    assert (reading.opening, reading.closing) == (None, None)
    statement = result.statement
    assert (result.new, statement.opening_balance, statement.closing_balance) == (1, None, None)
    # What comes next is held to what is known, as if nothing had been said.
    assert take(account, ofx("110", ("20260305", "7", "d"))).new == 1
    with pytest.raises(ImportRefused, match=r"closed on March 5, 2026 with €110\.00"):
        take(account, ofx("111", ("20260306", "2", "e")))


def test_balance_of_the_day_that_the_lines_reach_to_is_the_one_after_them():
    account = make_account()
    take(account, JANUARY)

    result = take(account, ofx("103", ("20260205", "3", "c"), until="20260228", as_of="20260228"))

    assert (result.statement.opening_balance, result.statement.closing_balance) == (100, 103)


def test_import_that_does_not_add_up_is_refused():
    assert "€5.00 is unaccounted for" in refusal(
        make_account(), bank_csv(GIFT, opening="100", closing="120")
    )


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            ["2026-03-03;25.00;USD;Ana;gift"],
            "The file has lines in USD, the account is kept in EUR",
        ),
        ([GIFT, "2026-03-03;25.00;USD;Ana;gift"], "lines in USD, the account is kept in EUR"),
        (["2026-03-03;25.001;EUR"], "Row 4: 25.001 has more decimals than EUR has"),
        ([GIFT, "2026-03-03;x;EUR"], "Row 5: “x” in the column “Amount” is no amount"),
        (
            ["2026-12-03;25.00;EUR"],
            "Row 4: it is booked on December 3, 2026, which is still to come",
        ),
        ([], "The file holds no booked line"),
    ],
)
def test_import_bad_row_is_refused_and_nothing_is_written(rows, sentence):
    assert sentence in refusal(make_account(BARE), bank_csv(*rows))


def test_import_of_another_account_is_refused():
    account = make_account(number="DE89370400440532013000")

    sentence = refusal(
        account,
        b"""<Document><BkToCstmrStmt><Stmt><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id>
        <Ccy>EUR</Ccy></Acct></Stmt></BkToCstmrStmt></Document>""",
    )

    assert "The file is of the account DE02120300000000202051, not of Sample bank" in sentence


@pytest.mark.parametrize(
    ("ours", "theirs", "is_taken"),
    [
        ("DE02 1203 0000 0000 2020 51", "DE02120300000000202051", True),
        ("DE02120300000000202051", "202051", True),
        ("DE02120300000000202051", "0000202051", True),
        ("DE02120300000000202051", "2051", False),
        ("DE02120300000000202051", "***2051", True),
        ("DE02120300000000202051", "***2052", False),
        ("DE02120300000000202051", "", True),
        ("", "DE02120300000000202051", True),
    ],
)
def test_import_account_numbers_are_compared_as_banks_write_them(ours, theirs, is_taken):
    account = make_account(number=ours)
    content = f"""<Document><BkToCstmrStmt><Stmt><Acct><Id><Othr><Id>{theirs}</Id></Othr></Id><Ccy>EUR</Ccy></Acct>
        <Ntry><Amt Ccy="EUR">5</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-03</Dt></BookgDt>
        </Ntry></Stmt></BkToCstmrStmt></Document>""".encode()

    if is_taken:
        assert take(account, content).new == 1
    else:
        assert "The file is of the account" in refusal(account, content)


def test_import_after_the_account_was_closed_is_refused():
    account = make_account(BARE, closed_on=date(2026, 3, 2))

    assert "Row 4: it is booked on March 3, 2026, after the account was closed" in refusal(
        account, bank_csv(GIFT)
    )


def test_import_csv_without_mapping_is_refused():
    assert "not yet said how this bank's CSV files are read" in refusal(
        make_bank_account(), bank_csv(GIFT)
    )


def test_import_keeps_names_out_of_the_plain_columns():
    account = make_account()
    account.csv_mapping |= {"references": ["Party", "Id"]}
    account.save()

    take(
        account,
        bank_csv("2026-03-03;25.00;EUR;Ana Ejemplo;RF89 CDFG HJKM NPQR;E2E-77", closing="25"),
    )

    line = account.lines.get()
    assert line.references == ["RF89CDFGHJKMNPQR"]
    assert line.text == "RF89 CDFG HJKM NPQR Ana Ejemplo E2E-77"


def test_read_writes_nothing():
    account = make_account()

    reading = read(account=account, content=bank_csv(GIFT, FEE, closing="20"), at=NOW)

    assert [row.amount for row, _key in reading.new_rows] == [Decimal(25), Decimal(-5)]
    assert (StatementImport.objects.count(), StatementLine.objects.count()) == (0, 0)


def test_import_counts_references_with_a_slip_and_books_none():
    account = make_account()
    meant, right = make_pledge(method="transfer"), make_pledge(method="transfer")
    slip = meant.reference[:-1] + ("C" if meant.reference[-1] != "C" else "D")
    rows = [f"2026-03-09;25;EUR;A;{slip};1", f"2026-03-09;25;EUR;B;{right.reference};2"]

    result = import_statement(
        account=account,
        name="march.csv",
        content=bank_csv(*rows, opening="0", closing="50"),
        by=None,
        at=NOW,
    )

    assert counts(result) == (2, 0, 1, 1, 1, 1)
    assert [match.donation.pledge for match in StatementMatch.objects.all()] == [right]
    assert Entry.objects.count() == 1


def test_import_takes_the_accounts_own_lines_of_a_file_with_several_accounts():
    def page(number, amount):
        return f":20:X\n:25:10000000/{number}\n:28C:1/1\n:60F:C260301EUR0,\n:61:2603030303C{amount},NTRFNONREF\n:62F:C260303EUR{amount},\n-\n"

    account = make_account(number="DE02120300000000202051")
    content = (page("7777777777", 70) + page("0000202051", 25)).encode()

    assert counts(take(account, content, name="march.sta")) == (1, 0, 0, 1, 0, 0)
    assert [line.amount for line in StatementLine.objects.all()] == [Decimal(25)]
    # Another account of the file is not this one's.
    assert "of the account 7777777777" in refusal(account, page("7777777777", 70).encode())
