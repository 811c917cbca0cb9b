from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.utils.translation import override

from donations.statements import (
    Balance,
    LeftOut,
    StatementRow,
    UnbalancedStatement,
    UnreadableStatement,
    check_balance,
    csv_generic,
    in_words,
)
from donations.statements.mapping import BadMapping, CsvMapping, LeaveOut

from .mappings import MAPPINGS, OWN
from .samples import collected, own

D = Decimal
FILE = "csv-own-gifts.csv"


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        # per statement: account, currency, rows, sum, opening and closing balance
        ("csv-gls-de-returned-debit.csv", [("7016809500", "EUR", 6, "-632.80", None, None)]),
        (
            "csv-mercadopago-ar-own-account-statement.csv",
            [("", "ARS", 6, "144772.15", "12500.00", "157272.15")],
        ),
        ("csv-mercadopago-cl-duplicates.csv", [("", "CLP", 3, "40400", "100000", "140400")]),
        ("csv-mercadopago-cl-technical-rows.csv", [("", "CLP", 3, "0", "60000", "60000")]),
        (
            "csv-nationwide-gb-cp1252.csv",
            [("FlexDirect****12345", "GBP", 3, "1927.66", "1012.34", "2940.00")],
        ),
        (
            "csv-paypal-en-two-currencies.csv",
            [("", "EUR", 8, "0.00", "0.75", "0.75"), ("", "USD", 11, "280.30", "0.89", "281.19")],
        ),
        (
            "csv-postbank-de-currency-sign.csv",
            [("DE12500105170648489890", "EUR", 2, "98.76", None, None)],
        ),
        ("csv-sparkasse-de-camt-latin1.csv", [("12341234", "EUR", 1, "123.00", None, None)]),
        (
            "csv-stripe-own-payout-itemized.csv",
            [
                ("po_sample0001", "EUR", 6, "1218.13", None, None),
                ("po_sample0002", "EUR", 1, "50.00", None, None),
                ("po_sample0003", "JPY", 1, "4820", None, None),
                ("", "EUR", 1, "24.37", None, None),
            ],
        ),
        ("csv-wise-eur-newest-first.csv", [("", "EUR", 4, "0.17", "0.00", "0.17")]),
        ("csv-zkb-ch-utf8-bom.csv", [("", "CHF", 7, "4549.50", "0.00", "4549.50")]),
    ],
)
def test_read_collected_file_gives_its_figures(
    name: str, figures: list[tuple[object, ...]]
) -> None:
    statements = csv_generic.read(collected(name), MAPPINGS[name])

    def balance(given: Balance | None) -> Decimal | None:
        return given and given.amount

    def number(text: object) -> Decimal | None:
        return None if text is None else D(str(text))

    assert [
        (s.account, s.currency, len(s.rows), s.total, balance(s.opening), balance(s.closing))
        for s in statements
    ] == [
        (account, currency, rows, number(total), number(opening), number(closing))
        for account, currency, rows, total, opening, closing in figures
    ]
    for statement in statements:
        check_balance(statement)
        assert statement.rows[0].booked_on <= statement.rows[-1].booked_on


def test_read_says_which_rows_were_left_out_and_why() -> None:
    def left_out(name: str) -> list[tuple[int, str]]:
        [statement] = csv_generic.read(collected(name), MAPPINGS[name])
        return [(row.line, row.reason) for row in statement.left_out]

    assert left_out("csv-mercadopago-cl-duplicates.csv") == [(3, "repeated"), (5, "repeated")]
    assert left_out("csv-mercadopago-cl-technical-rows.csv") == [
        (line, "rule") for line in (2, 3, 4, 5, 6)
    ]
    assert left_out("csv-sparkasse-de-camt-latin1.csv") == [(2, "pending")]


def test_read_puts_an_unquoted_delimiter_back() -> None:
    name = "csv-mercadopago-ar-own-account-statement.csv"
    [statement] = csv_generic.read(collected(name), MAPPINGS[name])

    assert statement.rows[2].text == "Transferencia recibida Cooperativa Ficticia; zona sur"
    assert statement.rows[2].amount == D("125000.00")


def test_read_names_umlauts_and_the_other_side() -> None:
    name = "csv-sparkasse-de-camt-latin1.csv"
    [statement] = csv_generic.read(collected(name), MAPPINGS[name])

    assert statement.rows == (
        StatementRow(
            line=3,
            booked_on=date(2018, 3, 28),
            value_on=date(2018, 3, 28),
            amount=D("123.00"),
            currency="EUR",
            counterparty="Sabrina Mustermann",
            counterparty_account="DE12341234123412341234",
            text="GUTSCHRIFT Geschenk Hans Meyer abzügl. Schulden",
        ),
    )


def test_read_own_file() -> None:
    [statement] = csv_generic.read(own(FILE), OWN)

    assert (statement.account, statement.currency) == ("DE02120300000000202051", "EUR")
    assert (statement.opening, statement.closing) == (Balance(D(100)), Balance(D("1178.13")))
    assert statement.rows[0] == StatementRow(
        line=6,
        booked_on=date(2026, 3, 3),
        value_on=date(2026, 3, 3),
        amount=D("25.00"),
        currency="EUR",
        counterparty="Ana Ejemplo",
        text="Solidaridad; gracias",
    )
    assert [(r.line, r.amount, r.counterparty) for r in statement.rows] == [
        (6, D(25), "Ana Ejemplo"),
        (7, D(25), "Ana Ejemplo"),
        (8, D("1218.13"), "STRIPE TECHNOLOGY"),
        (9, D(-190), "Estudio Ejemplo"),
    ]
    assert statement.left_out == (
        LeftOut(10, "pending", "vorgemerkt"),
        LeftOut(11, "rule", "Summe"),
    )


def test_read_newest_first_gives_the_same_rows_oldest_first() -> None:
    head, rows = own(FILE).decode().split("\n03.", 1)
    booked = ("03." + rows).splitlines()[:4]
    turned = "\n".join([head, *reversed(booked)]).encode()

    [statement] = csv_generic.read(turned, OWN)

    assert [row.amount for row in statement.rows] == [D(25), D(25), D("1218.13"), D(-190)]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("1.218,13;", "1,218.13;", "Row 8: “1,218.13” in the column “Betrag” is no amount"),
        ("1.218,13;", "12.18;", "Row 8: “12.18” in the column “Betrag” is no amount"),
        ("1.218,13;1", ";1", "Row 8: it has no amount"),
        ("1.218,13;1", "0,00;1", "Row 8: it moves no money"),
        ("09.03.2026;09", "31.02.2026;09", "Row 8: “31.02.2026” in the column “Buchungstag” is no day"),
        ("09.03.2026;09", "2026-03-09;09", "Row 8: “2026-03-09” in the column “Buchungstag” is no day"),
        ("STRIPE M3K2J9", "STRIPE; M3K2J9", "Row 8: it has 9 cells, the header has 8"),
        ("STRIPE M3K2J9;", "", "Row 8: it has 7 cells, the header has 8"),
        ('"Solidaridad; gracias";25,00;150', '"Solidaridad"; gracias";25,00;150', "Row 7: it has 9 cells"),
        ("Honorarios", '"Honorarios', "Row 9: its quotation marks do not pair"),
        ("Saldo;Stand", "Saldo;Status", "“Stand” is missing"),
        ("Saldo;Stand", "Betrag;Stand", "“Saldo” is missing"),
        ("Konto;", "Depot;", "“Konto” does not stand above the table"),
        ("Endsaldo;1.178,13", "Endsaldo;viel", "“viel” beside “Endsaldo” is no amount"),
        ("Auftraggeber;E", "Betrag;E", "Row 5: the column “Betrag” stands in it twice"),
    ],
)  # fmt: skip
def test_read_bad_row_is_refused_with_a_sentence(old: str, new: str, sentence: str) -> None:
    content = own(FILE).decode()
    assert content.count(old) == 1
    mapping = replace(OWN, payer=()) if "twice" in sentence else OWN

    with pytest.raises(UnreadableStatement) as refusal:
        csv_generic.read(content.replace(old, new).encode(), mapping)

    assert sentence in str(refusal.value)


def test_read_jump_in_the_running_balance_is_refused() -> None:
    content = own(FILE).replace(b"150,00", b"151,00")

    with pytest.raises(
        UnbalancedStatement,
        match=r"Row 7: the balance before it is €125\.00, it moves €25\.00, but",
    ):
        csv_generic.read(content, OWN)
    # As everywhere, in the reader's language.
    with override("es"), pytest.raises(UnbalancedStatement, match=r"125,00.€.*25,00.€.*151,00.€"):
        csv_generic.read(content, OWN)


def test_amounts_in_sentences_lose_nothing() -> None:
    written = [
        in_words(Decimal(amount), currency)
        for amount, currency in (("-1234.5", "EUR"), ("-0.005", "EUR"), ("1234.5", ""))
    ]

    assert written == ["−€1,234.50", "−0.005 EUR", "1,234.5"]


def test_read_missing_row_is_refused() -> None:
    lines = own(FILE).splitlines(keepends=True)

    with pytest.raises(UnbalancedStatement):
        csv_generic.read(b"".join(lines[:7] + lines[8:]), OWN)


@pytest.mark.parametrize(
    ("encode", "encoding", "sentence"),
    [
        (lambda text: text.encode("utf-8"), "windows-1252", "The file is in UTF-8"),
        (lambda text: text.encode("iso-8859-1"), "utf-8", "not in the character set utf-8"),
        (lambda text: text.encode("utf-16"), "iso-8859-1", "This is no text file"),
    ],
)
def test_read_wrong_character_set_is_refused(
    encode: Callable[[str], bytes], encoding: str, sentence: str
) -> None:
    with pytest.raises(UnreadableStatement, match=sentence):
        csv_generic.read(encode(own(FILE).decode()), replace(OWN, encoding=encoding))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_read_right_character_set_gives_the_same_rows(encoding: str) -> None:
    content = own(FILE).decode().encode(encoding)
    said = "utf-8" if encoding == "utf-8-sig" else encoding

    assert csv_generic.read(content, replace(OWN, encoding=said)) == csv_generic.read(
        own(FILE), OWN
    )


def test_read_direction_in_words() -> None:
    mapping = CsvMapping(
        date="Datum",
        date_order="ymd",
        amount="Bedrag",
        direction="Af Bij",
        debit_words=("Af",),
        credit_words=("Bij",),
        currency="EUR",
    )
    content = b"Datum;Af Bij;Bedrag\n20260301;Bij;25,00\n20260302;Af;9,50\n"

    [statement] = csv_generic.read(content, mapping)

    assert [row.amount for row in statement.rows] == [D("25.00"), D("-9.50")]
    with pytest.raises(UnreadableStatement, match="Row 3: “Weg” is none of the words said"):
        csv_generic.read(content.replace(b";Af;", b";Weg;"), mapping)
    with pytest.raises(UnreadableStatement, match="Row 3: its amount has a sign"):
        csv_generic.read(content.replace(b"9,50", b"-9,50"), mapping)


@pytest.mark.parametrize(
    ("out", "came", "minus", "result"),
    [
        ("5,00", "", False, "-5.00"),
        ("", "5,00", False, "5.00"),
        ("0", "5,00", False, "5.00"),
        ("-5,00", "", True, "-5.00"),
        ("-5,00", "", False, "Row 2: its amount has a sign"),
        ("5,00", "", True, "Row 2: its amount has a sign"),
        ("", "-5,00", False, "Row 2: its amount has a sign"),
        ("5,00", "5,00", False, "Row 2: it has both money out and money in"),
    ],
)
def test_read_two_amount_columns(out: str, came: str, minus: bool, result: str) -> None:
    mapping = CsvMapping(
        date="D",
        date_order="dmy",
        debit="Out",
        credit="In",
        debits_carry_minus=minus,
        currency="EUR",
    )
    content = f"D;Out;In\n01.02.2026;{out};{came}\n".encode()

    if result.startswith("Row"):
        with pytest.raises(UnreadableStatement, match=result):
            csv_generic.read(content, mapping)
    else:
        assert csv_generic.read(content, mapping)[0].total == D(result)


def test_read_repeated_id_with_another_amount_is_refused() -> None:
    mapping = CsvMapping(
        date="D", date_order="dmy", amount="A", bank_id="Id", id_repeats=True, currency="EUR"
    )

    with pytest.raises(UnreadableStatement, match="Row 3: it has the id of row 2, but not its day"):
        csv_generic.read(b"D;A;Id\n01.02.2026;5,00;x\n01.02.2026;6,00;x\n", mapping)


@pytest.mark.parametrize(
    ("mapping", "name"),
    [
        (CsvMapping(), "date"),
        (CsvMapping(date="D", amount="A"), "date_order"),
        (CsvMapping(date="D", date_order="dmy"), "amount"),
        (CsvMapping(date="D", date_order="dmy", amount="A", debit="B"), "amount"),
        (CsvMapping(date="D", date_order="dmy", debit="B"), "credit"),
        (CsvMapping(date="D", date_order="dmy", amount="A", direction="R"), "direction"),
        (CsvMapping(date="D", date_order="dmy", amount="A", thousands_mark=","), "decimal_mark"),
    ],
)
def test_read_incomplete_mapping_is_refused(mapping: CsvMapping, name: str) -> None:
    with pytest.raises(BadMapping) as refusal:
        csv_generic.read(b"D;A\n", mapping)

    assert refusal.value.name == name


@pytest.mark.parametrize("mapping", [OWN, *MAPPINGS.values()])
def test_mapping_survives_json(mapping: CsvMapping) -> None:
    assert CsvMapping.from_json(mapping.as_json()) == mapping


@pytest.mark.parametrize(
    "data",
    [
        {"colour": "red"},
        {"date": 5},
        {"text": "Text"},
        {"id_repeats": "yes"},
        {"leave_out": ["Summe"]},
        {"leave_out": [{"row": "Summe"}]},
    ],
)
def test_mapping_from_bad_json_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(BadMapping):
        CsvMapping.from_json(data)


def test_leave_out_rule_by_column() -> None:
    mapping = replace(
        OWN, leave_out=(*OWN.leave_out, LeaveOut("Verwendungszweck", ("Honorarios",)))
    )
    mapping = replace(mapping, closing_label="", balance="")

    [statement] = csv_generic.read(own(FILE), mapping)

    assert [row.line for row in statement.rows] == [6, 7, 8]
