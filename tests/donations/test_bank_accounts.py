"""The database computes check digits itself: what a form let through, or no form saw, is refused all the same."""

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban
from stdnum.ar import cbu
from stdnum.br import cnpj, cpf
from stdnum.iso7064 import mod_97_10

from donations.models import BankAccount
from tests.factories import make_bank_account

IBAN, CBU = "DE02120300000000202051", "2850590940090418135201"
digits = st.characters(min_codepoint=48, max_codepoint=57)
alphanumeric = st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"scheme": "iban", "number": IBAN[:-1] + "2"}, "bank_account_iban_valid"),
        ({"scheme": "iban", "number": IBAN.lower()}, "bank_account_iban_valid"),
        ({"scheme": "iban", "number": f"{IBAN[:4]} {IBAN[4:]}"}, "bank_account_iban_valid"),
        ({"scheme": "iban", "number": "ÄÖ02"}, "bank_account_iban_valid"),
        ({"scheme": "iban", "number": IBAN, "holder": "x" * 71}, "bank_account_holder_fits"),
        ({"scheme": "cbu", "number": CBU[:-1] + "2"}, "bank_account_cbu_valid"),
        ({"scheme": "cbu", "number": CBU[:7] + "4" + CBU[8:]}, "bank_account_cbu_valid"),
        ({"scheme": "cbu", "alias": "short"}, "bank_account_alias_valid"),
        ({"scheme": "sort_code", "number": "1234567"}, "bank_account_uk_number_valid"),
        ({"scheme": "sort_code", "sort_code": "12345"}, "bank_account_sort_code_valid"),
        ({"scheme": "iban", "bic": "BYLA"}, "bank_account_bic_valid"),
        ({"scheme": "pix", "pix_key": "x"}, "bank_account_pix_key_valid"),
        ({"scheme": "pix", "pix_kind": "cpf", "pix_key": "39053344706"}, "bank_account_pix_key_valid"),
        ({"scheme": "pix", "pix_kind": "cpf", "pix_key": "0" * 11}, "bank_account_pix_key_valid"),
        ({"scheme": "pix", "pix_kind": "cnpj", "pix_key": "16727230000198"}, "bank_account_pix_key_valid"),
        ({"scheme": "pix", "pix_kind": "email", "pix_key": "nobody"}, "bank_account_pix_key_valid"),
        ({"scheme": "pix", "pix_kind": "phone", "pix_key": "11912345678"}, "bank_account_pix_key_valid"),
        ({"scheme": "pix", "pix_kind": "random", "pix_key": "1234"}, "bank_account_pix_key_valid"),
        ({"scheme": "gold"}, "bank_account_scheme_known"),
        ({"scheme": "cbu", "bic": "BYLADEM1001"}, "bank_account_numbers_of_its_scheme"),
        ({"scheme": "iban", "alias": "casa.mate.sol"}, "bank_account_numbers_of_its_scheme"),
        ({"scheme": "iban", "sort_code": "123456"}, "bank_account_numbers_of_its_scheme"),
        ({"scheme": "other", "pix_kind": "phone", "pix_key": "+5511912345678"}, "bank_account_numbers_of_its_scheme"),
        ({"takes_gifts": True, "holder": ""}, "bank_account_taking_gifts_is_complete"),
        ({"takes_gifts": True, "number": ""}, "bank_account_taking_gifts_is_complete"),
        ({"takes_gifts": True, "scheme": "cbu", "number": ""}, "bank_account_taking_gifts_is_complete"),
        ({"takes_gifts": True, "scheme": "sort_code", "number": "12345678"}, "bank_account_taking_gifts_is_complete"),
        ({"takes_gifts": True, "scheme": "pix", "number": "1"}, "bank_account_taking_gifts_is_complete"),
    ],
)  # fmt: skip
def test_account_nobody_could_send_to_is_refused(db, fields, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        make_bank_account(**fields)


def asked(function: str, *arguments: str) -> bool:
    with connection.cursor() as cursor:
        places = ", ".join(["%s"] * len(arguments))
        cursor.execute(f"SELECT {function}({places})", arguments)
        [found] = cursor.fetchone()
    return found


@given(st.text(alphanumeric, min_size=18, max_size=18), st.integers(0, 21), alphanumeric)
def test_iban_is_checked_as_python_stdnum_does(db, body, at, changed):
    number = f"DE{mod_97_10.calc_check_digits(f'{body}DE')}{body}"
    other = number[:at] + changed + number[at + 1 :]

    assert asked("donations_iban_is_valid", number)
    # A letter for a digit of the country's own pattern is for the form alone.
    if iban.is_valid(other, check_country=False):
        assert asked("donations_iban_is_valid", other)


@given(st.text(digits, min_size=22, max_size=22), st.booleans())
def test_cbu_is_checked_as_python_stdnum_does(db, number, is_mended):
    if is_mended:
        bank, account = number[:7], number[8:21]
        number = f"{bank}{cbu.calc_check_digit(bank)}{account}{cbu.calc_check_digit(account)}"

    assert asked("donations_cbu_is_valid", number) == cbu.is_valid(number)


@given(st.text(digits, min_size=9, max_size=9), st.text(digits, min_size=2, max_size=2))
def test_cpf_is_checked_as_python_stdnum_does(db, body, wrong):
    for ending in (cpf._calc_check_digits(body), wrong):
        key = f"{body}{ending}"
        assert asked("donations_pix_key_is_valid", "cpf", key) == cpf.is_valid(key)


@given(st.text(alphanumeric, min_size=12, max_size=12), st.text(digits, min_size=2, max_size=2))
def test_cnpj_is_checked_as_python_stdnum_does(db, body, wrong):
    for ending in (cnpj.calc_check_digits(body), wrong):
        key = f"{body}{ending}"
        assert asked("donations_pix_key_is_valid", "cnpj", key) == cnpj.is_valid(key)


def test_account_that_takes_gifts_is_offered_first(db):
    for code, currency, takes in (("a", "EUR", False), ("b", "EUR", True), ("c", "ARS", False)):
        make_bank_account(currency, code=code, name=code, takes_gifts=takes)

    assert [account.code for account in BankAccount.objects.usual_first()] == ["c", "b", "a"]
