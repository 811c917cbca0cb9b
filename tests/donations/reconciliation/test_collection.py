"""Each of the 38 collected bank files, as an account would import it: the figures of its INDEX.md, or a sentence that refuses it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from donations.models import StatementDetail, StatementImport, StatementLine
from donations.reconciliation import ImportRefused, import_statement, read
from tests.donations.statements.mappings import MAPPINGS, LeaveOut
from tests.donations.statements.samples import collected, collection
from tests.factories import make_bank_account

pytestmark = pytest.mark.django_db
LATER = datetime(2030, 1, 1, tzinfo=UTC)
PAYPAL = MAPPINGS["csv-paypal-en-two-currencies.csv"]
IN_EUROS, IN_DOLLARS = (
    replace(PAYPAL, leave_out=(LeaveOut("Currency", (other,)),)) for other in ("USD", "EUR")
)

# file, number of the account, currency, booked lines, sum, opening and closing balance as far as stated
FIGURES = [
    ("camt052-de-latin1.xml", "DE00000000000000000000", "EUR", 2, "95.00", None, None),
    ("camt053-de-batch-missing-e2e.xml", "DE14740618130000033626", "EUR", 5, "-10.00", "33.06", "23.06"),
    ("camt053-de-identical-entries.xml", "DE89370400440532013000", "EUR", 2, "-9.00", None, None),
    ("camt053-gb-no-namespace.xml", "GB29NWBK60161331926819", "GBP", 1, "250.00", "100.00", "350.00"),
    ("camt053-nl-two-statements.xml", "NL26VAYB8060476890", "EUR", 2, "1.85", "18.15", "20.00"),
    ("mt940-citi-zero-amount-info-lines.txt", "123456789", "USD", 3, "-1142.75", "17376.67", "16233.92"),
    ("mt940-de-february-30.sta", "1020304050", "EUR", 1, "-6.00", "1200.00", "1194.00"),
    ("mt940-de-pl-three-accounts.sta", "76198810", "DEM", 11, "87.30", "84349.74", "84437.04"),
    ("mt940-de-pl-three-accounts.sta", "1234567", "EUR", 2, "2200", "2187.95", "4387.95"),
    ("mt940-de-pl-three-accounts.sta", "320000546101", "PLN", 3, "10040.00", "40000.00", "50040.00"),
    ("mt942-mbank-pl-interim.sta", "PL29114010810000267002001002", "PLN", 3, "0.03", None, None),
    ("ofx-au-empty-fitid.ofx", "12345678", "AUD", 1, "12.34", None, None),
    ("ofx-bancodobrasil-br-two-accounts-cp1252.ofx", "655000-2", "BRL", 36, "-3648.66", "8203.94", "4555.28"),
    ("ofx-nubank-br-card-raw-ampersand.ofx", "99999999-9999-9999-9999-999999999999", "BRL", 16, "393.82", "-1127.87", "-734.05"),
    ("qfx-ca-fr-latin1.qfx", "999-12345-0055666-EOP", "CAD", 1, "-20.00", None, None),
    ("qfx-capitalone-us-bad-clock.qfx", "9876", "USD", 4, "1233.55", None, None),
    ("csv-gls-de-returned-debit.csv", "7016809500", "EUR", 6, "-632.80", None, None),
    ("csv-mercadopago-ar-own-account-statement.csv", "", "ARS", 6, "144772.15", "12500.00", "157272.15"),
    ("csv-mercadopago-cl-duplicates.csv", "", "CLP", 3, "40400", "100000", "140400"),
    ("csv-mercadopago-cl-technical-rows.csv", "", "CLP", 3, "0", "60000", "60000"),
    ("csv-nationwide-gb-cp1252.csv", "12345", "GBP", 3, "1927.66", "1012.34", "2940.00"),
    ("csv-postbank-de-currency-sign.csv", "DE12500105170648489890", "EUR", 2, "98.76", None, None),
    ("csv-sparkasse-de-camt-latin1.csv", "12341234", "EUR", 1, "123.00", None, None),
    ("csv-stripe-own-payout-itemized.csv", "po_sample0001", "EUR", 6, "1218.13", None, None),
    ("csv-stripe-own-payout-itemized.csv", "po_sample0002", "EUR", 1, "50.00", None, None),
    ("csv-stripe-own-payout-itemized.csv", "po_sample0003", "JPY", 1, "4820", None, None),
    ("csv-wise-eur-newest-first.csv", "", "EUR", 4, "0.17", "0.00", "0.17"),
    ("csv-zkb-ch-utf8-bom.csv", "", "CHF", 7, "4549.50", "0.00", "4549.50"),
]  # fmt: skip
MANY = "mt940-de-sepa-many-statements.sta"
TOLD = "camt054-ch-batch-sum-differs.xml"
# file, number of the account, currency, the sentence that says why not
REFUSED = [
    ("camt052-ch-pending-zero.xml", "CH2801234000123456789", "CHF", "holds no booked line (1 were left out"),
    ("camt053-de-garbled-amount.xml", "", "EUR", "Entry 1: “12..34” is no amount."),
    ("camt053-ing-batch-without-details.xml", "NL18INGB00012345678", "EUR", "€12,774.14 is unaccounted for"),
    ("camt053-nl-reversal-unbalanced.xml", "NL77ABNA0574908765", "EUR", "€504.16 is unaccounted for"),
    ("camt053-nl-three-decimals.xml", "NL26VAYB8060476890", "EUR", "€0.05 is unaccounted for"),
    ("camt053-none-no-statement.xml", "", "EUR", "The file holds no statement, only a header."),
    ("camt053-ubs-v8-foreign-currency-entry.xml", "CH1111111111111111111", "CHF", "CHF\xa01,249.74 is unaccounted for"),
    ("mt940-postfinance-ch-envelope-pages.txt", "123456789", "CHF", "CHF\xa00.20 is unaccounted for"),
    ("mt940-raiffeisen-hu-cp852.sta", "", "HUF", "neither in UTF-8 nor in Windows-1252"),
    ("mt940-sparkasse-de-interim-gap.txt", "123456789", "EUR", "closes with €154.57, the next opens with €0.00"),
    ("ofx-bancodobrasil-br-two-accounts-cp1252.ofx", "455000-5", "BRL", "holds no booked line"),
    ("ofx-ca-bad-amount-and-date.ofx", "", "CAD", "Row 36: “201120000000” is no day"),
    ("csv-paypal-en-two-currencies.csv", "", "EUR", "The file has lines in USD, the account is kept in EUR."),
]  # fmt: skip


def account_of(name, number, currency, mapping=None):
    mapping = mapping or MAPPINGS.get(name)
    return make_bank_account(
        number=number, currency=currency, csv_mapping=mapping.as_json() if mapping else {}
    )


def amount(text):
    return None if text is None else Decimal(text)


def test_every_collected_file_is_expected():
    expected = {name for name, *_rest in [*FIGURES, *REFUSED]} | {MANY, TOLD}

    assert {path.name for path in collection().iterdir()} - {"INDEX.md"} == expected
    assert len(expected) == 38


@pytest.mark.parametrize(
    ("name", "number", "currency", "lines", "total", "opening", "closing"), FIGURES
)
def test_import_collected_file_gives_its_figures(
    name, number, currency, lines, total, opening, closing
):
    content = collected(name)
    account = account_of(name, number, currency)

    first = import_statement(account=account, name=name, content=content, by=None, at=LATER)
    again = import_statement(account=account, name=name, content=content, by=None, at=LATER)

    assert (first.new, again.new, again.known) == (lines, 0, lines)
    [kept] = StatementImport.objects.all()
    assert (kept.opening_balance, kept.closing_balance) == (amount(opening), amount(closing))
    assert sum(line.amount for line in StatementLine.objects.all()) == Decimal(total)
    assert StatementLine.objects.count() == lines


@pytest.mark.parametrize(("name", "number", "currency", "sentence"), REFUSED)
def test_import_collected_file_is_refused_with_a_sentence(name, number, currency, sentence):
    content = collected(name)
    account = account_of(name, number, currency)

    with pytest.raises(ImportRefused) as refusal:
        import_statement(account=account, name=name, content=content, by=None, at=LATER)

    assert sentence in str(refusal.value)
    assert not StatementImport.objects.exists()


def test_import_twenty_accounts_of_one_file():
    """Each account takes its own statements out of it; together they are all lines of the file."""
    content = collected(MANY)
    numbers = [
        "0194774600888",
        "0194777100888",
        "0194778300888",
        "0194779500888",
        "0194780100888",
        "0194780101888",
        "0194781300888",
        "0194782500888",
        "0194783700888",
        "0194784900888",
        "0194784901888",
        "0194785000888",
        "0194785001888",
        "0194786200888",
        "0194787400888",
        "0194791600888",
        "0194791601888",
        "0194798900888",
        "0194799000888",
        "0194804000888",
    ]
    account = account_of(MANY, "", "EUR")
    readings = []
    for number in numbers:
        account.number = number
        readings.append(read(account=account, content=content, at=LATER))

    assert sum(len(reading.rows) for reading in readings) == 97
    assert sum(reading.total for reading in readings) == Decimal("-9269135.90")


@pytest.mark.parametrize(
    ("mapping", "currency", "lines", "total", "opening", "closing"),
    [
        (IN_EUROS, "EUR", 8, "0", "0.75", "0.75"),
        (IN_DOLLARS, "USD", 11, "280.30", "0.89", "281.19"),
    ],
)
def test_read_two_currencies_one_by_one(mapping, currency, lines, total, opening, closing):
    name = "csv-paypal-en-two-currencies.csv"
    content = collected(name)

    reading = read(account=account_of(name, "", currency, mapping), content=content, at=LATER)

    assert (len(reading.rows), reading.total) == (lines, Decimal(total))
    assert (reading.opening, reading.closing) == (Decimal(opening), Decimal(closing))


def test_read_undeclared_character_set_once_it_is_said():
    """The rest of that file is cut off, which its balances tell."""
    name = "mt940-raiffeisen-hu-cp852.sta"
    content = collected(name)
    mapping = replace(PAYPAL, encoding="cp852")

    with pytest.raises(ImportRefused, match=r"HUF.1,123,264\.00 is unaccounted for"):
        read(account=account_of(name, "", "HUF", mapping), content=content, at=LATER)


def test_import_collected_notification_tells_of_one_movement_and_adds_no_line():
    account = account_of(TOLD, "CH2801234000123456789", "SEK")

    result = import_statement(
        account=account, name=TOLD, content=collected(TOLD), by=None, at=LATER
    )

    # Its three details do not add up to the movement: they are one.
    assert (result.new, result.details, StatementLine.objects.count()) == (0, 1, 0)
    assert StatementDetail.objects.get().amount == -200000
