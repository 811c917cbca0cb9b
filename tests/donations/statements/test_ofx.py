from datetime import date
from decimal import Decimal

import pytest

from donations.statements import Balance, LeftOut, StatementRow, UnreadableStatement, ofx

from .samples import collected, own

D = Decimal


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        # per statement: account, currency, rows, sum, closing balance
        ("ofx-au-empty-fitid.ofx", [("12345678", "AUD", 1, "12.34", None)]),
        (
            "ofx-bancodobrasil-br-two-accounts-cp1252.ofx",
            [("455000-5", "BRL", 0, "0", "0.00"), ("655000-2", "BRL", 36, "-3648.66", "4555.28")],
        ),
        (
            "ofx-nubank-br-card-raw-ampersand.ofx",
            [("99999999-9999-9999-9999-999999999999", "BRL", 16, "393.82", "-734.05")],
        ),
        ("qfx-ca-fr-latin1.qfx", [("999-12345-0055666-EOP", "CAD", 1, "-20.00", "9999.99")]),
        ("qfx-capitalone-us-bad-clock.qfx", [("9876", "USD", 4, "1233.55", "4321.98")]),
    ],
)
def test_read_collected_file_gives_its_figures(name, figures):
    assert [
        (s.account, s.currency, len(s.rows), s.total, s.closing and s.closing.amount)
        for s in ofx.read(collected(name))
    ] == [
        (account, currency, rows, D(total), closing and D(closing))
        for account, currency, rows, total, closing in figures
    ]


def test_read_keeps_accents_and_raw_ampersands():
    paid = ofx.read(collected("qfx-ca-fr-latin1.qfx"))[0].rows[0]
    brazil = ofx.read(collected("ofx-bancodobrasil-br-two-accounts-cp1252.ofx"))[1].rows[0]
    card = ofx.read(collected("ofx-nubank-br-card-raw-ampersand.ofx"))[0].rows[0]

    assert paid.counterparty == "Paiement facture/Carte prépayée"
    assert brazil.text == "TED-CRÉDITO EM CONTA"
    assert card.text == "Amazon.Com.Br Amazon & Cloud 3/3"


def test_read_bad_amount_and_day_name_their_line():
    with pytest.raises(UnreadableStatement) as refused:
        ofx.read(collected("ofx-ca-bad-amount-and-date.ofx"))

    assert str(refused.value) == "Row 36: “201120000000” is no day of the calendar."


def test_read_own_file():
    [statement] = ofx.read(own("ofx-own-gifts.ofx"))

    gift = StatementRow(
        line=26,
        booked_on=date(2026, 3, 3),
        value_on=date(2026, 3, 3),
        amount=D("25.00"),
        currency="EUR",
        counterparty="Ana (inventada)",
        text="Ana (inventada)",
        references=("RF18 5390 0754 7034",),
    )
    assert (statement.account, statement.currency) == ("DE02120300000000202051", "EUR")
    assert (statement.opening, statement.closing) == (None, Balance(D("185.00"), date(2026, 3, 31)))
    assert statement.left_out == (LeftOut(25, "empty", "note"),)
    # Oldest first, though the bank lists the newest first.
    assert [(row.booked_on.day, row.amount) for row in statement.rows] == [
        (3, D(25)),
        (3, D(25)),
        (4, D(-5)),
        (12, D(40)),
    ]
    assert statement.rows[1] == gift
    assert [row.text for row in statement.rows[2:]] == ["fee & tax", "gift < 50"]
    assert statement.rows[3].counterparty == "Peña & Hijas (inventada)"


def changed(old: str, new: str) -> bytes:
    content = own("ofx-own-gifts.ofx")
    assert old.encode() in content
    return content.replace(old.encode(), new.encode())


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("<TRNAMT>-5.00", "<TRNAMT>$5", "Row 21: “$5” is no amount"),
        ("<TRNAMT>-5.00", "<TRNAMT>1,234.56", "Row 21: “1,234.56” is no amount"),
        ("<TRNAMT>-5.00", "<MEMO>", "Row 18: it has no amount."),
        ("<DTPOSTED>20260304\n<TRN", "<TRN", "Row 18: it has no booking day."),
        ("<DTPOSTED>20260304\n", "<DTPOSTED>20260231\n", "Row 20: “20260231” is no day"),
        ("<BALAMT>185.00", "<BALAMT>about 185", "“about 185” is no amount"),
        ("</OFX>", "", "The file breaks off before its end"),
        ("STMTRS>", "OTHER>", "The OFX file holds no statement"),
    ],
)
def test_read_damaged_file_is_refused_with_a_sentence(old, new, sentence):
    with pytest.raises(UnreadableStatement) as refused:
        ofx.read(changed(old, new))

    assert sentence in str(refused.value)
