from datetime import date
from decimal import Decimal

import pytest

from donations.statements import (
    StatementRow,
    UnbalancedStatement,
    UnreadableStatement,
    check_balance,
    check_chain,
    difference,
    mt940,
)

from .samples import collected, own

D = Decimal


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        # per statement: account, currency, rows, sum, closing less opening and sum
        ("mt940-citi-zero-amount-info-lines.txt", [("123456789", "USD", 3, "-1142.75", "0")]),
        ("mt940-de-february-30.sta", [("1020304050", "EUR", 1, "-6.00", "0")]),
        (
            "mt940-de-pl-three-accounts.sta",
            [
                ("76198810", "DEM", 11, "87.30", "0"),
                ("1234567", "EUR", 2, "2200", "0"),
                ("320000546101", "PLN", 3, "10040.00", "0"),
            ],
        ),
        (
            "mt940-postfinance-ch-envelope-pages.txt",
            [("123456789", "CHF", 2, "229.2", "0"), ("123456789", "CHF", 2, "-69.8", "0.2")],
        ),
        (
            "mt940-raiffeisen-hu-cp852.sta",
            [("123456789150ABCDEF002", "HUF", 7, "-1012213.50", "1123264.00")],
        ),
        (
            "mt940-sparkasse-de-interim-gap.txt",
            [
                ("123456789", "EUR", 1, "-20.00", "0"),
                ("123456789", "EUR", 1, "-20.00", "0"),
                ("123456789", "EUR", 0, "0", "0"),
            ],
        ),
        ("mt942-mbank-pl-interim.sta", [("PL29114010810000267002001002", "PLN", 3, "0.03", None)]),
    ],
)
def test_read_collected_file_gives_its_figures(name, figures):
    statements = mt940.read(collected(name), "cp852" if "852" in name else "")

    assert [(s.account, s.currency, len(s.rows), s.total, difference(s)) for s in statements] == [
        (account, currency, rows, D(total), None if gap is None else D(gap))
        for account, currency, rows, total, gap in figures
    ]


def test_read_many_statements_with_credits_taken_back():
    statements = mt940.read(collected("mt940-de-sepa-many-statements.sta"))

    assert (len(statements), sum(len(s.rows) for s in statements)) == (26, 97)
    assert sum(s.total for s in statements) == D("-9269135.90")
    assert [difference(s) for s in statements] == [D(0)] * 26
    assert [row.amount for s in statements for row in s.rows if row.is_reversal] == [
        D("-204.88"),
        D("-204.88"),
    ]


def test_read_gap_between_statements_is_refused():
    with pytest.raises(UnbalancedStatement, match=r"closes with €154\.57"):
        check_chain(mt940.read(collected("mt940-sparkasse-de-interim-gap.txt")))


def test_read_page_that_does_not_add_up_is_refused():
    _first, second = mt940.read(collected("mt940-postfinance-ch-envelope-pages.txt"))

    with pytest.raises(UnbalancedStatement, match=r"CHF.0\.20 is unaccounted for"):
        check_balance(second)


def test_read_february_30_is_booked_in_march():
    [statement] = mt940.read(collected("mt940-de-february-30.sta"))

    assert [(row.booked_on, row.value_on) for row in statement.rows] == [
        (date(2016, 3, 1), date(2016, 2, 29))
    ]


def test_read_characters_of_the_account():
    [statement] = mt940.read(collected("mt940-raiffeisen-hu-cp852.sta"), "cp852")

    assert statement.rows[0].text.endswith(
        "2018.04 .17, A13947109201804175000000097, X Csoportos átutalás jóváírása"
    )


def test_read_own_file():
    first, second = mt940.read(own("mt940-own-gifts.sta"))

    gift = StatementRow(
        line=6,
        booked_on=date(2026, 3, 3),
        value_on=date(2026, 3, 3),
        amount=D("25.00"),
        currency="EUR",
        counterparty="Ana (inventada)",
        counterparty_account="DE89370400440532013000",
        text="gift RF18 5390 0754 7034",
        bank_id="B-1",
    )
    check_balance(first)
    check_balance(second)
    check_chain([first, second])
    assert first.account == second.account == "0000202051"
    assert first.rows[0] == gift
    assert [row.line for row in first.rows] == [6, 9]
    assert [(row.amount, row.text, row.is_reversal, row.references) for row in second.rows] == [
        (
            D("-5.00"),
            "plain words that are broken by the bank in the middle of a long word second line",
            False,
            (),
        ),
        # RC: money that came in before goes out again.
        (D("-15.00"), "Peña (inventada)", True, ("REF-77",)),
    ]


def test_read_report_whose_totals_contradict_its_lines_is_refused():
    content = collected("mt942-mbank-pl-interim.sta").replace(b":90C:3PLN0,03", b":90C:4PLN0,04")

    with pytest.raises(UnbalancedStatement, match=r"come to PLN.0\.04, but they come to PLN.0\.03"):
        mt940.read(content)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            b"CR25,00NTRF",
            b"CR25,,0NTRF",
            "Row 6: “2603030303CR25,,0NTRFNONREF//B-1” is no movement",
        ),
        # An O where a nought was: not 25.0 and a booking of the kind ONTR.
        (
            b"CR25,00NTRF",
            b"CR25,0ONTRF",
            "Row 6: “2603030303CR25,0ONTRFNONREF//B-1” is no movement",
        ),
        (b":61:2603040304DR5,00", b":61:2613990304DR5,00", "has a day that cannot be read"),
        (b":60F:C260301EUR100,", b":60F:C260301100,", "Row 5: “C260301100,” is no balance"),
        ("Peña".encode("cp1252"), b"Pe\x81a", "neither in UTF-8 nor in Windows-1252"),
    ],
)
def test_read_damaged_file_is_refused_with_a_sentence(old, new, sentence):
    content = own("mt940-own-gifts.sta")
    assert old in content

    with pytest.raises(UnreadableStatement) as refused:
        mt940.read(content.replace(old, new))

    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("87052000/123456789", "123456789"),
        ("UBRTHUHB/123456789150ABCDEF002/HUF", "123456789150ABCDEF002"),
        ("NL91ABNA0417164300EUR", "NL91ABNA0417164300"),
        ("BE68539007547034EUR", "BE68539007547034"),
        ("", ""),
    ],
)
def test_account_is_its_own_number(written, number):
    assert mt940._account(written, "EUR") == number
