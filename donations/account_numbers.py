"""EDGE: numbers by which money is sent, checked by python-stdnum and refused in a sentence; kept without decoration."""

import re
from types import ModuleType
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from stdnum import bic as stdnum_bic
from stdnum import iban as stdnum_iban
from stdnum import numdb
from stdnum.ar import cbu as stdnum_cbu
from stdnum.br import cnpj as stdnum_cnpj
from stdnum.br import cpf as stdnum_cpf
from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidLength
from stdnum.exceptions import ValidationError as StdnumError


class WrongNumber(ValueError):
    """The message says what is wrong and how to mend it."""


def iban(text: str) -> str:
    """ "de02 1203 …" → "DE021203…": of a country's length and pattern, with check digits that fit, those of the national number
    too where python-stdnum knows them. Whether its bank's code is given out is not asked: lists of these age. Raises WrongNumber.
    """
    number = stdnum_iban.compact(text)
    _check_iban_begins(number)
    _check_iban_pattern(number)
    if not stdnum_iban.is_valid(number, check_country=False):
        raise WrongNumber(
            _(
                "The check digits of this IBAN do not fit: a character is mistyped, or some are swapped."
            )
        )
    try:
        stdnum_iban.validate(number)
    except InvalidComponent:
        # All check digits fit; python-stdnum's list of Belgian banks has no such code.
        return str(number)
    except StdnumError as error:
        raise WrongNumber(
            _(
                "The first check digits of this IBAN fit, but not those of the national account number in it: ask whoever gave it to you."
            )
        ) from error
    return str(number)


def _check_iban_begins(number: str) -> None:
    if strange := _strange(number, "A-Z0-9"):
        raise WrongNumber(
            _("An IBAN has only digits and the letters A to Z: “%(characters)s” cannot be in it.")
            % {"characters": strange}
        )
    if not re.match(r"[A-Z]{2}[0-9]{2}", number):
        raise WrongNumber(
            _("An IBAN begins with the two letters of its country and two digits, like DE02.")
        )
    if not _iban_pattern(number[:2]):
        raise WrongNumber(
            _("“%(country)s” is no country known to have IBANs: look at the first two letters.")
            % {"country": number[:2]}
        )


def _check_iban_pattern(number: str) -> None:
    country, pattern = number[:2], _iban_pattern(number[:2])
    if len(number) != len(pattern):
        raise WrongNumber(
            _(
                "An IBAN that begins with %(country)s has %(length)d characters; this one has %(count)d."
            )
            % {"country": country, "length": len(pattern), "count": len(number)}
        )
    for place, (character, kind) in enumerate(zip(number, pattern, strict=True), start=1):
        if kind == "n" and character.isalpha():
            sentence = _(
                "In an IBAN that begins with %(country)s character %(place)d, spaces not counted, is a digit, not “%(character)s”."
            )
        elif kind == "a" and character.isdigit():
            sentence = _(
                "In an IBAN that begins with %(country)s character %(place)d, spaces not counted, is a letter, not “%(character)s”."
            )
        else:
            continue
        raise WrongNumber(sentence % {"country": country, "place": place, "character": character})


def _iban_pattern(country: str) -> str:
    """Of a whole IBAN, a character a place: a for a letter, n for a digit, c for either. Empty for none with IBANs."""
    told = numdb.get("iban").info(country)[0][1].get("bban", "")
    bban = "".join(kind * int(count) for count, kind in re.findall(r"(\d+)!([nac])", told))
    return f"aann{bban}" if bban else ""


def _strange(number: str, allowed: str) -> str:
    """The characters that are not `allowed`, each once."""
    return " ".join(dict.fromkeys(re.sub(f"[{allowed}]", "", number)))


def bic(text: str) -> str:
    try:
        return str(stdnum_bic.validate(text))
    except InvalidLength as error:
        raise WrongNumber(
            _("This is no BIC: it has 8 or 11 characters, like BYLADEM1001.")
        ) from error
    except InvalidComponent as error:
        raise WrongNumber(
            _("This is no BIC: the fifth and sixth letter are its country, like DE in BYLADEM1001.")
        ) from error
    except StdnumError as error:
        raise WrongNumber(
            _(
                "This is no BIC: it begins with six letters, and has only the letters A to Z and digits, like BYLADEM1001."
            )
        ) from error


def cbu(text: str) -> str:
    """A CBU, or a wallet's CVU, which is built alike: 22 digits. Raises WrongNumber."""
    number = stdnum_cbu.compact(text)
    try:
        return str(stdnum_cbu.validate(number))
    except InvalidChecksum as error:
        raise WrongNumber(
            _("The check digits of this CBU or CVU are wrong: one digit is mistyped.")
        ) from error
    except InvalidLength as error:
        raise WrongNumber(
            _("A CBU or CVU has 22 digits; this one has %(count)d characters.")
            % {"count": len(number)}
        ) from error
    except StdnumError as error:
        raise WrongNumber(
            _("A CBU or CVU has only digits: “%(characters)s” cannot be in it.")
            % {"characters": _strange(number, "0-9")}
        ) from error


def alias(text: str) -> str:
    text = text.strip()
    if not re.fullmatch(r"[A-Za-z0-9.-]{6,20}", text):
        raise WrongNumber(
            _(
                "An alias has 6 to 20 letters from a to z without accents, digits, points or dashes, like casa.mate.sol."
            )
        )
    return text


def sort_code(text: str) -> str:
    """ "12-34-56" → "123456". There is no check digit. Raises WrongNumber."""
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"[0-9]{6}", digits):
        raise WrongNumber(_("A sort code has six digits, like 12-34-56."))
    return digits


def uk_account(text: str) -> str:
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"[0-9]{8}", digits):
        raise WrongNumber(
            _("A British account number has eight digits; shorter ones get zeros in front.")
        )
    return digits


def pix_key(text: str, kind: str) -> str:
    """A Pix key of a PixKind as the bank's app takes it. Raises WrongNumber."""
    text = text.strip()
    match kind:
        case "cpf":
            return _tax_number(text, "CPF", stdnum_cpf, 11)
        case "cnpj":
            return _tax_number(text, "CNPJ", stdnum_cnpj, 14)
        case "email":
            return _email(text)
        case "phone":
            return _phone(text)
        case "random":
            try:
                return str(UUID(text))
            except ValueError as error:
                raise WrongNumber(
                    _(
                        "A random key has 32 digits and letters from a to f in five groups, as the bank made it."
                    )
                ) from error
        case _kind:
            raise WrongNumber(_("Choose what kind of Pix key it is."))


def _tax_number(text: str, name: str, scheme: ModuleType, length: int) -> str:
    """A CPF or CNPJ, by its python-stdnum module."""
    number = scheme.compact(text)
    try:
        return str(scheme.validate(number))
    except InvalidChecksum as error:
        raise WrongNumber(
            _("The check digits of this %(kind)s are wrong: one digit is mistyped.")
            % {"kind": name}
        ) from error
    except StdnumError as error:
        if len(number) != length:
            raise WrongNumber(
                _("A %(kind)s has %(length)d characters; this one has %(count)d.")
                % {"kind": name, "length": length, "count": len(number)}
            ) from error
        if strange := _strange(number, "0-9" if name == "CPF" else "0-9A-Z"):
            raise WrongNumber(
                _("“%(characters)s” cannot be in a %(kind)s.")
                % {"characters": strange, "kind": name}
            ) from error
        raise WrongNumber(_("No %(kind)s begins with so many zeros.") % {"kind": name}) from error


def _email(text: str) -> str:
    text = text.lower()
    try:
        validate_email(text)
    except ValidationError as error:
        raise WrongNumber(_("This is no e-mail address.")) from error
    if len(text) > 77:
        raise WrongNumber(_("As a Pix key an e-mail address has 77 characters at most."))
    return text


def _phone(text: str) -> str:
    number = re.sub(r"[\s().-]", "", text)
    if not re.fullmatch(r"\+55[1-9][0-9]{9,10}", number):
        raise WrongNumber(
            _(
                "As a Pix key a telephone number is Brazilian: write it with +55 and the area code, like +55 11 91234 5678."
            )
        )
    return number


def other(text: str) -> str:
    """A number of no scheme with a check, as written. Raises WrongNumber; an IBAN would miss its check."""
    text = " ".join(text.split())
    if not 4 <= len(text) <= 40:
        raise WrongNumber(_("An account number has 4 to 40 characters."))
    try:
        iban(text)
    except WrongNumber:
        return text
    raise WrongNumber(_("This is an IBAN: choose that kind, so that it is checked."))


def payable_account(text: str, scheme: str) -> str:
    """The number of a Scheme by which somebody is paid, in one text, always written alike. Raises WrongNumber."""
    match scheme:
        case "iban":
            return iban(text)
        case "cbu":
            return cbu(text)
        case "sort_code":
            digits = re.sub(r"[\s-]", "", text)
            return f"{sort_code(digits[:6])} {uk_account(digits[6:])}"
        case "pix":
            return pix_key(text, _kind_of_pix_key(text))
        case _scheme:
            return other(text)


def _kind_of_pix_key(text: str) -> str:
    text = text.strip()
    if "@" in text:
        return "email"
    if text.startswith("+"):
        return "phone"
    digits = re.sub(r"[.\s/-]", "", text)
    if len(digits) == 32:
        return "random"
    return "cnpj" if len(digits) == 14 else "cpf"
