"""EDGE: numbers by which money is sent, checked by python-stdnum and refused in a sentence; kept without decoration."""

import re
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from stdnum import bic as stdnum_bic
from stdnum import iban as stdnum_iban
from stdnum.ar import cbu as stdnum_cbu
from stdnum.br import cnpj as stdnum_cnpj
from stdnum.br import cpf as stdnum_cpf
from stdnum.exceptions import InvalidChecksum
from stdnum.exceptions import ValidationError as StdnumError


class WrongNumber(ValueError):
    """`message` says what is wrong and how to mend it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def iban(text: str) -> str:
    """ "de02 1203 …" → "DE021203…". Raises WrongNumber."""
    try:
        return str(stdnum_iban.validate(text))
    except InvalidChecksum as error:
        raise WrongNumber(
            _(
                "The check digits of this IBAN do not fit: a character is mistyped, missing or too many."
            )
        ) from error
    except StdnumError as error:
        raise WrongNumber(
            _("This is no IBAN: it has another length, or begins with no country that has IBANs.")
        ) from error


def bic(text: str) -> str:
    try:
        return str(stdnum_bic.validate(text))
    except StdnumError as error:
        raise WrongNumber(
            _("This is no BIC: it has 8 or 11 characters, like BYLADEM1001.")
        ) from error


def cbu(text: str) -> str:
    """A CBU, or a wallet's CVU, which is built alike: 22 digits. Raises WrongNumber."""
    try:
        return str(stdnum_cbu.validate(text))
    except InvalidChecksum as error:
        raise WrongNumber(
            _("The check digits of this CBU or CVU are wrong: one digit is mistyped.")
        ) from error
    except StdnumError as error:
        raise WrongNumber(_("A CBU or CVU has 22 digits.")) from error


def alias(text: str) -> str:
    text = text.strip()
    if not re.fullmatch(r"[A-Za-z0-9.-]{6,20}", text):
        raise WrongNumber(
            _("An alias has 6 to 20 letters, digits, points or dashes, like casa.mate.sol.")
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
        case "cpf" | "cnpj":
            module, digits = (stdnum_cpf, 11) if kind == "cpf" else (stdnum_cnpj, 14)
            try:
                return str(module.validate(text))
            except InvalidChecksum as error:
                raise WrongNumber(
                    _("The check digits of this %(kind)s are wrong: one digit is mistyped.")
                    % {"kind": kind.upper()}
                ) from error
            except StdnumError as error:
                raise WrongNumber(
                    _("A %(kind)s has %(count)d characters.")
                    % {"kind": kind.upper(), "count": digits}
                ) from error
        case "email":
            return _email(text)
        case "phone":
            return _phone(text)
        case "random":
            try:
                return str(UUID(text))
            except ValueError as error:
                raise WrongNumber(
                    _("A random key has 32 letters and digits in five groups, as the bank made it.")
                ) from error
        case _kind:
            raise WrongNumber(_("Choose what kind of Pix key it is."))


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
            _("Write the telephone number with country and area code, like +55 11 91234 5678.")
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
