"""Each reason why an account number is refused has a sentence of its own, and what is none is no reason."""

import pytest

from donations import account_numbers
from donations.account_numbers import WrongNumber


@pytest.mark.parametrize(
    ("kind", "written", "kept"),
    [
        # Its bank's code is in no list of python-stdnum's.
        ("iban", "BE68 5390 0754 7034", "BE68539007547034"),
        ("iban", "be71-0961-2345-6769", "BE71096123456769"),
        ("iban", "NO93 8601 1117 947", "NO9386011117947"),
        ("iban", "ES91 2100 0418 4502 0005 1332", "ES9121000418450200051332"),
        ("iban", "GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926819"),
        ("bic", "abna be 2a", "ABNABE2A"),
        ("cbu", "28505909 40090418135201", "2850590940090418135201"),
        ("alias", " casa.mate-1 ", "casa.mate-1"),
        ("cpf", "390.533.447-05", "39053344705"),
        ("cnpj", "12.ABC.345/01DE-35", "12ABC34501DE35"),
        ("phone", "+55 (11) 91234-5678", "+5511912345678"),
    ],
)
def test_number_is_kept_bare(kind, written, kept):
    assert check(kind, written) == kept


@pytest.mark.parametrize(
    ("kind", "written", "sentence"),
    [
        ("iban", "", "An IBAN begins with the two letters of its country and two digits, like DE02."),
        ("iban", "539-0075470-34", "An IBAN begins with the two letters of its country and two digits, like DE02."),
        ("iban", "BE68 5390 0754 703", "An IBAN that begins with BE has 16 characters; this one has 15."),
        ("iban", "BE68 5390 0754 7034 4", "An IBAN that begins with BE has 16 characters; this one has 17."),
        ("iban", "US68 5390 0754 7034", "“US” is no country known to have IBANs: look at the first two letters."),
        ("iban", "BE68 5390/0754_7034", "An IBAN has only digits and the letters A to Z: “/ _” cannot be in it."),
        ("iban", "BE68 539O 0754 7034", "In an IBAN that begins with BE character 8, spaces not counted, is a digit, not “O”."),
        ("iban", "NL91 A8NA 0417 1643 00", "In an IBAN that begins with NL character 6, spaces not counted, is a letter, not “8”."),
        ("iban", "BE68 5390 0754 7043", "The check digits of this IBAN do not fit: a character is mistyped, or some are swapped."),
        # Each would pass by its first two digits.
        *(
            ("iban", number, "The first check digits of this IBAN fit, but not those of the national account number in it: ask whoever gave it to you.")
            for number in ("BE41 5390 0754 7035", "ES29 2100 0418 4602 0005 1332", "NO66 8601 1117 948")
        ),
        ("bic", "BYLADEM10", "This is no BIC: it has 8 or 11 characters, like BYLADEM1001."),
        ("bic", "BYLAZZM1001", "This is no BIC: the fifth and sixth letter are its country, like DE in BYLADEM1001."),
        ("bic", "B1LADEM1001", "This is no BIC: it begins with six letters, and has only the letters A to Z and digits, like BYLADEM1001."),
        ("cbu", "285059094009041813520", "A CBU or CVU has 22 digits; this one has 21 characters."),
        ("cbu", "28505909400904181352O1", "A CBU or CVU has only digits: “O” cannot be in it."),
        ("cbu", "2850590940090418135202", "The check digits of this CBU or CVU are wrong: one digit is mistyped."),
        ("alias", "casa.ñandú", "An alias has 6 to 20 letters from a to z without accents, digits, points or dashes, like casa.mate.sol."),
        ("cpf", "390.533.447-0", "A CPF has 11 characters; this one has 10."),
        ("cpf", "390.533.447-O5", "“O” cannot be in a CPF."),
        ("cpf", "390.533.447-06", "The check digits of this CPF are wrong: one digit is mistyped."),
        ("cpf", "000.000.000-00", "No CPF begins with so many zeros."),
        ("cnpj", "16.727.230/0001-9", "A CNPJ has 14 characters; this one has 13."),
        ("cnpj", "16.727.230/0001-9*", "“*” cannot be in a CNPJ."),
        ("cnpj", "00.000.000/0000-00", "No CNPJ begins with so many zeros."),
        ("phone", "+49 30 1234567", "As a Pix key a telephone number is Brazilian: write it with +55 and the area code, like +55 11 91234 5678."),
        ("random", "123e4567-e89b-12d3-a456-42661417400g", "A random key has 32 digits and letters from a to f in five groups, as the bank made it."),
    ],
)  # fmt: skip
def test_number_is_refused_for_what_is_wrong_about_it(kind, written, sentence):
    with pytest.raises(WrongNumber) as refusal:
        check(kind, written)

    assert str(refusal.value) == sentence


def check(kind, written):
    if kind in {"cpf", "cnpj", "phone", "random"}:
        return account_numbers.pix_key(written, kind)
    return getattr(account_numbers, kind)(written)
