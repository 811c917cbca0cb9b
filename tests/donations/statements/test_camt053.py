from datetime import date
from decimal import Decimal

import pytest

from donations.statements import (
    LeftOut,
    StatementRow,
    UnbalancedStatement,
    UnreadableStatement,
    camt053,
    check_balance,
    check_chain,
    difference,
)

from .samples import collected, own

D = Decimal
OWN = "camt053-own-gifts.xml"


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        # per statement: account, currency, entries, rows, sum, closing less opening and sum
        ("camt052-ch-pending-zero.xml", [("CH2801234000123456789", "CHF", 0, 0, "0", None)]),
        ("camt052-de-latin1.xml", [("DE00000000000000000000", "EUR", 2, 2, "95.00", None)]),
        (
            "camt053-de-batch-missing-e2e.xml",
            [("DE14740618130000033626", "EUR", 4, 5, "-10.00", "0.00")],
        ),
        (
            "camt053-de-identical-entries.xml",
            [("DE89370400440532013000", "EUR", 2, 2, "-9.00", None)],
        ),
        ("camt053-gb-no-namespace.xml", [("GB29NWBK60161331926819", "GBP", 1, 1, "250.00", "0")]),
        (
            "camt053-ing-batch-without-details.xml",
            [("NL18INGB00012345678", "EUR", 3, 3, "2934.26", "12774.14")],
        ),
        (
            "camt053-nl-reversal-unbalanced.xml",
            [("NL77ABNA0574908765", "EUR", 3, 3, "57.01", "-504.16")],
        ),
        ("camt053-nl-three-decimals.xml", [("NL26VAYB8060476890", "EUR", 1, 1, "8.85", "0.05")]),
        (
            "camt053-nl-two-statements.xml",
            [
                ("NL26VAYB8060476890", "EUR", 1, 1, "8.85", "0"),
                ("NL26VAYB8060476890", "EUR", 1, 1, "-7.00", "0"),
            ],
        ),
        (
            # The entry booked in EUR counts with the 19.69 CHF it came to.
            "camt053-ubs-v8-foreign-currency-entry.xml",
            [("CH1111111111111111111", "CHF", 3, 3, "543.56", "1249.74")],
        ),
        (
            "camt054-ch-batch-sum-differs.xml",
            [("CH2801234000123456789", "SEK", 1, 1, "-200000", None)],
        ),
    ],
)
def test_read_collected_file_gives_its_figures(
    name: str, figures: list[tuple[object, ...]]
) -> None:
    statements = camt053.read(collected(name))

    assert [
        (s.account, s.currency, len({r.line for r in s.rows}), len(s.rows), s.total, difference(s))
        for s in statements
    ] == [
        (account, currency, entries, rows, D(str(total)), None if gap is None else D(str(gap)))
        for account, currency, entries, rows, total, gap in figures
    ]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("camt053-de-garbled-amount.xml", "Entry 1: “12..34” is no amount."),
        ("camt053-none-no-statement.xml", "The file holds no statement, only a header."),
    ],
)
def test_read_collected_bad_file_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(UnreadableStatement, match=sentence.replace(".", r"\.")):
        camt053.read(collected(name))


def test_read_pending_entry_is_left_out() -> None:
    [statement] = camt053.read(collected("camt052-ch-pending-zero.xml"))

    assert statement.left_out == (LeftOut(1, "pending", "Credit"),)
    assert statement.kind == "interim"


def test_read_foreign_entry_keeps_what_the_file_states() -> None:
    [statement] = camt053.read(collected("camt053-ubs-v8-foreign-currency-entry.xml"))

    row = statement.rows[2]
    assert (row.amount, row.currency, row.stated_amount, row.stated_currency) == (
        D("-19.69"),
        "CHF",
        D("-20.97"),
        "EUR",
    )
    assert statement.rows[1].references[0] == "RF38000000000000000000552"


def test_read_reversal_keeps_the_sign_of_the_entry() -> None:
    [statement] = camt053.read(collected("camt053-nl-reversal-unbalanced.xml"))

    row = statement.rows[1]
    assert (row.amount, row.is_reversal, row.counterparty) == (D("-594.05"), True, "Test Customer")


def test_read_undetailed_batch_says_how_many_payments_it_holds() -> None:
    [statement] = camt053.read(collected("camt053-ing-batch-without-details.xml"))

    assert [row.batch_of for row in statement.rows] == [3, 1, 1]


def test_read_own_file() -> None:
    [statement] = camt053.read(own(OWN))

    gift = StatementRow(
        line=1,
        booked_on=date(2026, 3, 3),
        value_on=date(2026, 3, 3),
        amount=D("25.00"),
        currency="EUR",
        counterparty="Ana Ejemplo",
        counterparty_account="DE75512108001245126199",
        text="Solidaridad rf89 cdfg-hjkm NPQR gracias",
    )
    assert statement.rows[0] == gift
    assert [
        (r.line, r.amount, r.counterparty, r.bank_id, r.references) for r in statement.rows
    ] == [
        (1, D(25), "Ana Ejemplo", "", ()),
        (2, D(25), "Ana Ejemplo", "", ()),
        (3, D("1218.13"), "STRIPE TECHNOLOGY", "20260309000001", ("po_sample0001",)),
        (4, D(10), "Beto Ejemplo", "20260310000001/1", ("GIFT-1",)),
        (4, D(20), "Cleo Ejemplo", "20260310000001/2", ("GIFT-2",)),
        (5, D(-20), "", "20260310000002", ()),
    ]
    assert statement.rows[5].text == "Account fee"
    assert statement.left_out == (LeftOut(6, "pending", ""),)
    check_balance(statement)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (b"<Amt Ccy=\"EUR\">1218.13<", b"<Amt Ccy=\"EUR\">1.218,13<", "Entry 3: “1.218,13” is no amount"),
        (b"<Amt Ccy=\"EUR\">1218.13<", b"<Amt Ccy=\"EUR\">-5<", "Entry 3: “-5” is no amount"),
        (b"<Amt Ccy=\"EUR\">1218.13<", b"<Amt Ccy=\"EUR\">NaN<", "Entry 3: “NaN” is no amount"),
        (b"<Amt Ccy=\"EUR\">1218.13<", b"<Amt>1218.13<", "Entry 3: its amount names no currency"),
        (b"<BookgDt><Dt>2026-03-09<", b"<BookgDt><Dt>2026-02-30<", "Entry 3: “2026-02-30” is no day"),
        (b"13</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>", b"13</Amt><CdtDbtInd>?</CdtDbtInd><Sts>", "Entry 3: it does not say"),
        (b"<Cd>PDNG</Cd>", b"<Cd>LOST</Cd>", "Entry 6: its status is “LOST”"),
        (b"<Amt Ccy=\"EUR\">100.00<", b"<Amt Ccy=\"EUR\">1OO<", "The balance OPBD says “1OO CRDT”"),
        (b"</Document>", b"", "The file breaks off or is damaged at line"),
        (b"<Document ", b'<!DOCTYPE d [<!ENTITY e "x">]><Document ', "declares a document type"),
        (b"BkToCstmrStmt", b"CstmrCdtTrfInitn", "This XML file is no bank statement"),
        (b'encoding="UTF-8"', b'encoding="KLINGON"', "names a character set that is not known"),
    ],
)  # fmt: skip
def test_read_damaged_file_is_refused_with_a_sentence(
    old: bytes, new: bytes, sentence: str
) -> None:
    content = own(OWN)
    assert old in content

    with pytest.raises(UnreadableStatement) as refusal:
        camt053.read(content.replace(old, new))

    assert sentence in str(refusal.value)


def test_read_batch_that_does_not_sum_stays_one_row() -> None:
    content = own(OWN).replace(b'<Amt Ccy="EUR">10.00<', b'<Amt Ccy="EUR">11.00<')

    [statement] = camt053.read(content)

    row = statement.rows[3]
    assert (row.amount, row.batch_of, row.bank_id, row.counterparty) == (
        D(30),
        2,
        "20260310000001",
        "",
    )
    assert row.references == ("GIFT-1", "GIFT-2")


def test_check_balance_says_the_difference() -> None:
    [statement] = camt053.read(own(OWN).replace(b">1378.13<", b">1378.23<"))

    with pytest.raises(
        UnbalancedStatement, match=r"closes with €1,378\.23\. €0\.10 is unaccounted for"
    ):
        check_balance(statement)


def test_check_chain_finds_the_missing_statement() -> None:
    first, second = camt053.read(collected("camt053-nl-two-statements.xml"))
    check_chain([first, second])

    with pytest.raises(
        UnbalancedStatement, match=r"closes with €20\.00, the next opens with €18\.15"
    ):
        check_chain([second, first])
