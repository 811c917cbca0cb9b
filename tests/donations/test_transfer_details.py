"""What a supporter reads, copies and scans, per kind of account."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import translation
from segno import encoder
from stdnum.ar import cbu

from donations.gift_state import state_of
from donations.references import format_reference
from donations.tokens import gift_token
from donations.transfer_details import details_of
from tests.factories import NOW, make_bank_account, make_donation, make_pledge, make_promise

pytestmark = pytest.mark.django_db
IBAN = {"scheme": "iban", "number": "DE02120300000000202051", "bic": "BYLADEM1001"}
REFERENCE = "RF89CDFGHJKMNPQR"
ACCOUNTS = {
    "iban": IBAN,
    "cbu": {"scheme": "cbu", "number": "2850590940090418135201", "alias": "casa.mate.sol"},
    "sort_code": {"scheme": "sort_code", "number": "12345678", "sort_code": "123456"},
    "pix": {"scheme": "pix", "number": "", "pix_kind": "cnpj", "pix_key": "16727230000197"},
    "other": {"scheme": "other", "number": "00-123/4", "bank": "Sample bank"},
}


def details(scheme="iban", amount="25.50", currency="EUR", **fields):
    account = make_bank_account(currency, takes_gifts=True, **ACCOUNTS[scheme] | fields)
    pledge = make_pledge(method="transfer", amount=amount, currency=currency, reference=REFERENCE)
    return details_of(pledge, account, amount=pledge.amount)


@pytest.mark.parametrize(
    ("scheme", "numbers"),
    [
        (
            "iban",
            [
                ("IBAN", "DE02 1203 0000 0000 2020 51", "DE02120300000000202051"),
                ("BIC (SWIFT)", "BYLADEM1001", "BYLADEM1001"),
            ],
        ),
        (
            "cbu",
            [
                ("CBU", "2850590940090418135201", "2850590940090418135201"),
                ("Alias", "casa.mate.sol", "casa.mate.sol"),
            ],
        ),
        (
            "sort_code",
            [("Sort code", "12-34-56", "123456"), ("Account number", "12345678", "12345678")],
        ),
        ("pix", [("Pix key (CNPJ)", "16.727.230/0001-97", "16727230000197")]),
        (
            "other",
            [("Account number", "00-123/4", "00-123/4"), ("Bank", "Sample bank", "Sample bank")],
        ),
    ],
)
def test_items_are_read_in_groups_and_copied_bare(scheme, numbers):
    items = details(scheme).items

    assert [(i.label, i.text, i.copied) for i in items] == [
        ("Account holder", "Sample holder", "Sample holder"),
        *numbers,
        ("Amount", "€25.50", "25.50"),
        ("Reference", "RF89 CDFG HJKM NPQR", REFERENCE),
    ]


def test_wallet_number_is_called_cvu():
    number = "0000003100010000000001"
    items = details("cbu", number=_mended(number), alias="").items

    assert (items[1].label, items[1].hint) == ("CVU", "")


def _mended(number):
    bank, account = number[:7], number[8:21]
    return f"{bank}{cbu.calc_check_digit(bank)}{account}{cbu.calc_check_digit(account)}"


@pytest.mark.parametrize(
    ("language", "currency", "amount", "copied"),
    [
        ("es", "EUR", "1234.50", "1234,50"),
        ("en", "EUR", "1234.50", "1234.50"),
        ("es", "CLP", "25000", "25000"),
        ("en", "KWD", "25.505", "25.505"),
    ],
)
def test_amount_is_copied_as_a_banks_form_takes_it(language, currency, amount, copied):
    found = details("other", amount, currency)

    with translation.override(language):
        [item] = [item for item in found.items if item.name == "amount"]

    assert item.copied == copied


@pytest.mark.parametrize("scheme", ACCOUNTS)
@pytest.mark.parametrize("language", ["es", "en"])
def test_steps_end_with_the_reference(scheme, language):
    with translation.override(language):
        steps = details(scheme).steps

    assert len(steps) == 3
    assert all(steps)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("DE02120300000000202051", "(“Verwendungszweck”)"),
        ("ES9121000418450200051332", "(“Concepto”)"),
        ("GR1601101250000000012300695", "for the purpose."),
    ],
)
def test_steps_of_an_iban_name_the_field_as_its_country_does(number, words):
    assert words in details(number=number).steps[2]


def test_british_reference_fits_the_field():
    """It holds eighteen characters."""
    assert "18 characters" in details("sort_code").steps[2]
    assert len(REFERENCE) <= 18


# --- The QR code ------------------------------------------------------------------------------------


@pytest.fixture
def encoded(monkeypatch):
    """What is written into the codes, as bank apps read it."""
    seen = []
    original = encoder.prepare_data

    def note(content, mode, encoding, *rest):
        seen.append(content)
        return original(content, mode, encoding, *rest)

    monkeypatch.setattr(encoder, "prepare_data", note)
    return seen


def test_code_says_what_the_guideline_wants(encoded):
    svg = details().qr

    [content] = encoded
    assert content.decode().split("\n") == [
        "BCD",
        "002",
        "1",
        "SCT",
        "BYLADEM1001",
        "Sample holder",
        "DE02120300000000202051",
        "EUR25.5",
        "",
        REFERENCE,
    ]
    assert svg.startswith("<svg ")


def test_code_keeps_to_the_policy_for_styles():
    assert not re.search(r"style|<script|href|on\w+=", details().qr)


@pytest.mark.parametrize(
    ("scheme", "currency", "amount", "has_code"),
    [
        ("iban", "EUR", "25.50", True),
        ("iban", "EUR", "0.01", True),
        ("iban", "EUR", "999999999.99", True),
        ("iban", "EUR", "1000000000", False),
        ("iban", "USD", "25.50", False),
        ("other", "EUR", "25.50", False),
        ("pix", "BRL", "25.50", False),
    ],
)
def test_code_is_for_euros_to_an_iban_alone(scheme, currency, amount, has_code):
    found = details(scheme, amount, currency)

    assert found.has_qr is has_code
    assert not has_code or found.qr


@pytest.mark.parametrize("holder", ["x" * 70, "ñ" * 70, "A & B <i>"])
def test_code_of_every_holder_an_iban_can_have(holder):
    assert details(holder=holder).qr.startswith("<svg ")


# --- The pages ----------------------------------------------------------------------------------------


def give_part(pledge, amount):
    make_donation(pledge, amount=Decimal(amount), method="transfer")


def pages(client, pledge):
    path = f"/en/gift/{gift_token(pledge)}/"
    return client.get(path).content.decode(), client.get(f"{path}transfer/").content.decode()


def test_gift_page_and_printed_page_have_everything(client):
    make_bank_account(takes_gifts=True, instructions="Fees are yours.\nThank you.", **IBAN)
    pledge = make_pledge(method="transfer", amount="25.50")

    for page in pages(client, pledge):
        for text in (
            "Sample holder",
            "DE02 1203 0000 0000 2020 51",
            'data-copy="DE02120300000000202051"',
            "BYLADEM1001",
            "€25.50",
            'data-copy="25.50"',
            format_reference(pledge.reference),
            f'data-copy="{pledge.reference}"',
            "Verwendungszweck",
            "Fees are yours.<br>Thank you.",
            "<svg ",
            "QR code for a bank app",
        ):
            assert text in page
        assert "style=" not in page
        # Only scripts show them.
        assert page.count("data-copy=") == page.count(" hidden>Copy</button>") == 5


def test_printed_page_says_nothing_of_the_cause(client, settings):
    settings.FUND_NAME = "Fund of the Strikers"
    make_bank_account(takes_gifts=True, **IBAN)
    pledge = make_pledge(method="transfer")

    _gift, printed = pages(client, pledge)

    assert "Strikers" not in printed
    assert "appeal" not in printed.lower()
    assert "<title>Details for a transfer</title>" in " ".join(printed.split())


def test_partly_paid_gift_asks_for_what_is_missing(client, encoded):
    make_bank_account(takes_gifts=True, **IBAN)
    pledge = make_pledge(method="transfer", amount="25.50")
    give_part(pledge, "10")

    for page in pages(client, pledge):
        assert 'data-copy="15.50"' in page
    assert {content.decode().split("\n")[7] for content in encoded} == {"EUR15.5"}


def test_paid_gift_shows_no_details_and_prints_none(client):
    make_bank_account(takes_gifts=True, **IBAN)
    pledge = make_pledge(method="transfer")
    give_part(pledge, "25")
    path = f"/en/gift/{gift_token(pledge)}/"

    assert "Details for your transfer" not in client.get(path).content.decode()
    response = client.get(f"{path}transfer/")
    assert (response.status_code, response["Location"]) == (302, path)


def test_gift_without_an_open_account_keeps_its_reference_and_says_wait(client):
    make_bank_account(takes_gifts=True, closed_on=NOW.date(), **IBAN)
    pledge = make_pledge(method="transfer")

    page = client.get(f"/en/gift/{gift_token(pledge)}/").content.decode()

    assert "Please write to us before you send money." in page
    assert format_reference(pledge.reference) in page


def test_gift_by_card_has_no_transfer():
    make_bank_account(takes_gifts=True, **IBAN)

    state = state_of(make_pledge(method="card"), at=NOW)

    assert (state.transfer, state.is_without_account) == (None, False)


@pytest.mark.parametrize(
    ("currency", "parts", "is_payable"),
    [
        ("KWD", ["25.505"], False),
        ("KWD", ["25.510"], True),
        ("ARS", ["600000", "600000"], False),
        ("ARS", ["600000"], True),
    ],
)
def test_promise_no_card_can_pay_says_so_and_opens_no_payment(client, currency, parts, is_payable):
    """Finer than cards carry, or two late parts above what Stripe takes at once."""
    days = [NOW.date() - timedelta(days=n + 1) for n in range(len(parts))]
    pledge = make_promise(list(zip(days, parts, strict=True)), currency=currency)
    path = f"/en/gift/{gift_token(pledge)}/"

    page = client.get(path).content.decode()

    assert ("No card can pay" in page) is not is_payable
    assert (f'action="{path}pay/"' in page) is is_payable
    answer = client.post(f"{path}pay/")
    assert answer.status_code == 302
    assert (answer["Location"] == path) is not is_payable
