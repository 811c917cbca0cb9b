import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from donations.models import BankAccount, StatementLine
from donations.statements.mapping import CsvMapping
from tests.donations.reconciliation.files import make_line
from tests.donations.statements.samples import own
from tests.factories import make_bank_account

IBAN, CBU = "DE02120300000000202051", "2850590940090418135201"
FORM = {
    "code": "gls-eur",
    "name": "GLS",
    "currency": "EUR",
    "holder": "Sample holder",
    "scheme": "iban",
    "number": IBAN,
}
ROLES = {
    "Buchungstag": "date",
    "Wertstellung": "value_date",
    "Auftraggeber": "payer",
    "Empfänger": "payee",
    "Verwendungszweck": "text",
    "Betrag": "amount",
    "Saldo": "balance",
    "Stand": "pending_column",
}
WRITING = {
    "encoding": "utf-8",
    "delimiter": ";",
    "date_order": "dmy",
    "decimal_mark": ",",
    "thousands_mark": ".",
    "pending_words": "vorgemerkt",
    "leave_out": ": Summe",
    "account_label": "Konto",
    "opening_label": "Anfangssaldo",
    "closing_label": "Endsaldo",
}


def hidden(response, name) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())
    assert found
    return unescape(found[1])


def columns(response, **changes):
    """What the page's form sends back, filled in right."""
    header = hidden(response, "header")
    roles = {f"role_{n}": ROLES[name] for n, name in enumerate(header.split("\x1f"))}
    return {"sample": hidden(response, "sample"), "header": header} | roles | WRITING | changes


def upload(client, account, content=None, name="march.csv"):
    file = SimpleUploadedFile(name, content or own("csv-own-gifts.csv"))
    return client.post(f"/admin/donations/bankaccount/{account.pk}/csv/", {"file": file})


def test_add_account(treasurer):
    response = treasurer.post(
        "/admin/donations/bankaccount/add/", FORM | {"number": "de02 1203 0000 0000 2020 51"}
    )

    assert response.status_code == 302
    assert BankAccount.objects.get().number == "DE02120300000000202051"


def test_second_account_in_use_does_not_take_gifts_beside_the_first(treasurer):
    make_bank_account("EUR", takes_gifts=True, code="first")
    second = make_bank_account("EUR", code="second", number=IBAN, holder="Fund")
    make_line("5", account=second)

    response = treasurer.post(
        f"/admin/donations/bankaccount/{second.pk}/change/", FORM | {"takes_gifts": "on"}
    )

    assert response.context["adminform"].form.errors == {
        "takes_gifts": [
            "Another open account takes gifts in this currency: supporters are told one. "
            "Let that one take none first."
        ]
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"number": "DE03120300000000202051"},
            "The check digits of this IBAN do not fit: a character is mistyped, or some are swapped.",
        ),
        ({"number": "", "takes_gifts": "on"}, "Supporters need an account number to send money to"),
        ({"currency": "EURO"}, "Ensure this value has at most 3 characters"),
    ],
)
def test_add_account_bad_input_gets_a_sentence(treasurer, changes, sentence):
    response = treasurer.post("/admin/donations/bankaccount/add/", FORM | changes)

    assert sentence in unescape(response.content.decode())
    assert not BankAccount.objects.exists()


NUMBERS = ("number", "bic", "alias", "sort_code", "pix_kind", "pix_key")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (
            {"scheme": "iban", "number": "de02 1203 0000 0000 2020 51", "bic": "byladem1001"},
            (IBAN, "BYLADEM1001", "", "", "", ""),
        ),
        (
            {"scheme": "cbu", "number": "28505909 40090418135201", "alias": " casa.mate.sol "},
            (CBU, "", "casa.mate.sol", "", "", ""),
        ),
        (
            {"scheme": "cbu", "number": "", "alias": "casa.mate.sol"},
            ("", "", "casa.mate.sol", "", "", ""),
        ),
        (
            {"scheme": "sort_code", "number": "1234 5678", "sort_code": "12-34-56"},
            ("12345678", "", "", "123456", "", ""),
        ),
        (
            {"scheme": "pix", "number": "", "pix_kind": "cpf", "pix_key": "390.533.447-05"},
            ("", "", "", "", "cpf", "39053344705"),
        ),
        (
            {
                "scheme": "pix",
                "number": "0001-9",
                "pix_kind": "cnpj",
                "pix_key": "16.727.230/0001-97",
            },
            ("0001-9", "", "", "", "cnpj", "16727230000197"),
        ),
        (
            {"scheme": "pix", "number": "", "pix_kind": "cnpj", "pix_key": "12.abc.345/01de-35"},
            ("", "", "", "", "cnpj", "12ABC34501DE35"),
        ),
        (
            {"scheme": "pix", "number": "", "pix_kind": "email", "pix_key": "Fondo@example.org"},
            ("", "", "", "", "email", "fondo@example.org"),
        ),
        (
            {"scheme": "pix", "number": "", "pix_kind": "phone", "pix_key": "+55 (11) 91234-5678"},
            ("", "", "", "", "phone", "+5511912345678"),
        ),
        (
            {
                "scheme": "pix",
                "number": "",
                "pix_kind": "random",
                "pix_key": "123E4567-E89B-12D3-A456-426655440000",
            },
            ("", "", "", "", "random", "123e4567-e89b-12d3-a456-426655440000"),
        ),
        ({"scheme": "other", "number": " 00-123 / 4 "}, ("00-123 / 4", "", "", "", "", "")),
    ],
)
def test_add_account_of_each_kind_keeps_its_numbers_bare(treasurer, written, kept):
    response = treasurer.post(
        "/admin/donations/bankaccount/add/", FORM | written | {"takes_gifts": "on"}
    )

    assert response.status_code == 302
    assert BankAccount.objects.values_list("scheme", *NUMBERS).get() == (written["scheme"], *kept)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"number": "DE4512030000000020205"}, "An IBAN that begins with DE has 22 characters; this one has 21."),
        ({"number": "DE02120300000000202052"}, "The check digits of this IBAN do not fit"),
        ({"bic": "BYLA"}, "This is no BIC: it has 8 or 11 characters"),
        ({"alias": "casa.mate.sol"}, "This does not belong to the kind “IBAN”: leave it empty"),
        ({"sort_code": "123456"}, "This does not belong to the kind “IBAN”"),
        ({"holder": "x" * 71}, "A SEPA transfer carries a name of 70 characters at most."),
        ({"holder": "", "takes_gifts": "on"}, "Supporters need the account holder's name."),
        ({"scheme": "other"}, "This is an IBAN: choose that kind, so that it is checked."),
        ({"scheme": "other", "number": "9" * 41}, "An account number has 40 characters at most."),
        ({"scheme": "cbu", "number": CBU[:-1] + "2"}, "this CBU or CVU are wrong: one digit is mistyped"),
        ({"scheme": "cbu", "number": CBU[:-1]}, "A CBU or CVU has 22 digits; this one has 21 characters."),
        ({"scheme": "cbu", "number": "", "alias": "a b"}, "An alias has 6 to 20 letters"),
        ({"scheme": "cbu", "number": "", "takes_gifts": "on"}, "Supporters need an account number"),
        ({"scheme": "sort_code", "number": "1234567"}, "A British account number has eight digits"),
        ({"scheme": "sort_code", "number": "12345678", "sort_code": "12345"}, "A sort code has six digits"),
        ({"scheme": "sort_code", "number": "12345678", "takes_gifts": "on"}, "Supporters need an account number"),
        ({"scheme": "pix", "number": "", "pix_key": "x"}, "Choose the kind of the key, and write the key."),
        ({"scheme": "pix", "number": "", "pix_kind": "cpf"}, "Choose the kind of the key, and write the key."),
        ({"scheme": "pix", "number": "", "pix_kind": "cpf", "pix_key": "39053344706"}, "The check digits of this CPF are wrong"),
        ({"scheme": "pix", "number": "", "pix_kind": "cnpj", "pix_key": "123"}, "A CNPJ has 14 characters; this one has 3."),
        ({"scheme": "pix", "number": "", "pix_kind": "email", "pix_key": "x"}, "This is no e-mail address."),
        ({"scheme": "pix", "number": "", "pix_kind": "phone", "pix_key": "11 91234 5678"}, "As a Pix key a telephone number is Brazilian: write it with +55"),
        ({"scheme": "pix", "number": "", "pix_kind": "random", "pix_key": "123"}, "A random key has 32 digits and letters from a to f"),
        ({"scheme": "gold"}, "Select a valid choice."),
    ],
)  # fmt: skip
def test_number_that_is_none_gets_a_sentence(treasurer, changes, sentence):
    response = treasurer.post("/admin/donations/bankaccount/add/", FORM | changes)

    assert response.status_code == 200
    assert sentence in unescape(response.content.decode())
    assert not BankAccount.objects.exists()


def test_change_account_asks_who_it_is_when_the_last_proof_is_old(treasurer):
    account = make_bank_account()
    session = treasurer.session
    session["proved_at"] = 0
    session.save()

    response = treasurer.post(
        f"/admin/donations/bankaccount/{account.pk}/change/",
        FORM | {"scheme": "other", "number": "another"},
    )

    account.refresh_from_db()
    assert "staff/prove.html" in [template.name for template in response.templates]
    assert account.number == ""


def test_change_account_keeps_code_and_currency_once_used(treasurer):
    line = make_line()

    treasurer.post(
        f"/admin/donations/bankaccount/{line.account_id}/change/",
        FORM | {"code": "other", "currency": "USD", "name": "New name"},
    )

    line.account.refresh_from_db()
    assert (line.account.code, line.account.currency, line.account.name) == (
        "bank-eur",
        "EUR",
        "New name",
    )


def test_csv_columns_are_guessed_and_doubts_are_said(treasurer):
    response = upload(treasurer, make_bank_account())

    text = unescape(response.content.decode())
    assert "can be read day first or month first" in text
    assert "“Summe” stands where the booking day should" in text
    form = response.context["form"]
    assert {bound.label: bound.value() for bound in form.roles()} == ROLES | {"Stand": ""}
    assert form["date_order"].value() == ""
    assert "no-store" in response.headers["Cache-Control"]


def test_csv_columns_preview_shows_what_would_be_read_and_saves_nothing(treasurer):
    account = make_bank_account(number="DE02120300000000202051")
    page = upload(treasurer, account)

    response = treasurer.post(
        f"/admin/donations/bankaccount/{account.pk}/csv/", columns(page, preview="1")
    )

    reading = response.context["reading"]
    assert [str(row.amount) for row in reading.rows] == ["25.00", "25.00", "1218.13", "-190.00"]
    assert "The balances and the lines add up." in response.content.decode()
    account.refresh_from_db()
    assert account.csv_mapping == {}


def test_csv_columns_saved_and_the_file_imported(treasurer):
    account = make_bank_account(number="DE02120300000000202051")
    page = upload(treasurer, account)

    saved = treasurer.post(
        f"/admin/donations/bankaccount/{account.pk}/csv/", columns(page, save="1")
    )
    treasurer.post("/admin/donations/statementimport/confirm/", {"file": hidden(saved, "file")})

    account.refresh_from_db()
    mapping = CsvMapping.from_json(account.csv_mapping)
    assert (mapping.date, mapping.pending_words, mapping.leave_out[0].values) == (
        "Buchungstag",
        ("vorgemerkt",),
        ("Summe",),
    )
    assert StatementLine.objects.count() == 4


def test_csv_columns_are_shown_as_saved_when_opened_again(treasurer):
    account = make_bank_account()
    treasurer.post(
        f"/admin/donations/bankaccount/{account.pk}/csv/",
        columns(upload(treasurer, account), save="1"),
    )

    form = upload(treasurer, account).context["form"]

    assert {bound.label: bound.value() for bound in form.roles()} == ROLES
    assert [str(form[name].value()) for name in ("leave_out", "pending_words", "date_order")] == [
        ": Summe",
        "vorgemerkt",
        "dmy",
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"date_order": ""}, "Say in which order days are written."),
        ({"role_6": "amount"}, "Two columns are “amount, signed”: Betrag, Saldo. Choose one."),
        ({"role_5": ""}, "Say either one column for the amount"),
        ({"role_0": ""}, "Say which column holds the booking day."),
        ({"leave_out": "Summe"}, "“Summe” is no rule."),
        ({"thousands_mark": ","}, "Decimal and thousands mark must be two different signs."),
        ({"date_order": "ymd"}, "Row 6: “03.03.2026” in the column “Buchungstag” is no day in the order year"),
        ({"decimal_mark": ".", "thousands_mark": ""}, "Row 6: “25,00” in the column “Betrag” is no amount"),
        ({"encoding": "iso-8859-1"}, "The file is in UTF-8"),
        ({"leave_out": "Nothing: x"}, "“Nothing” is missing"),
    ],
)  # fmt: skip
def test_csv_columns_bad_input_gets_a_sentence_and_saves_nothing(treasurer, changes, sentence):
    account = make_bank_account()
    page = upload(treasurer, account)

    response = treasurer.post(
        f"/admin/donations/bankaccount/{account.pk}/csv/",
        columns(page, save="1", **changes),
        follow=True,
    )

    account.refresh_from_db()
    assert account.csv_mapping == {}
    assert sentence in unescape(response.content.decode())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"hello", "This file is no table"),
        (b"<Document/>", "This file says itself what is what"),
    ],
)
def test_csv_columns_of_no_table_are_refused(treasurer, content, sentence):
    account = make_bank_account()

    response = treasurer.post(
        f"/admin/donations/bankaccount/{account.pk}/csv/",
        {"file": SimpleUploadedFile("x.csv", content)},
        follow=True,
    )

    assert sentence in unescape(response.content.decode())


def test_csv_columns_altered_sample_is_asked_for_again(treasurer):
    account = make_bank_account()
    page = upload(treasurer, account)

    response = treasurer.post(
        f"/admin/donations/bankaccount/{account.pk}/csv/",
        columns(page, sample=hidden(page, "sample")[:-1] + "x"),
        follow=True,
    )

    assert "Choose the file again." in response.content.decode()
