"""READ: what a supporter needs to send a transfer to one of our accounts, in the words of banks there; and its QR code."""

from dataclasses import dataclass
from decimal import Decimal

from babel.numbers import format_decimal
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from segno.helpers import make_epc_qr
from stdnum import iban
from stdnum.br import cnpj, cpf

from defensefund.templatetags.formats import page_locale

from .currencies import exponent, written
from .models import BankAccount, PixKind, Pledge, Scheme
from .references import format_reference

# What banks of a country call the field the reference belongs in, by the first two letters of the IBAN.
PURPOSE_FIELDS = {
    "AT": "Verwendungszweck",
    "BE": "Communication, Mededeling",
    "CH": "Mitteilung",
    "DE": "Verwendungszweck",
    "ES": "Concepto",
    "FR": "Motif",
    "IT": "Causale",
    "NL": "Omschrijving",
    "PT": "Descritivo",
}
# The rule of the EPC's guideline: from one cent, one less than a billion.
LARGEST_QR = Decimal("999999999.99")


@dataclass(frozen=True)
class Item:
    """One thing to write on the transfer: as it is read, and as it is copied."""

    name: str
    label: str
    text: str
    copied: str
    hint: str = ""


@dataclass(frozen=True)
class TransferDetails:
    """In the language in force. `amount` is what is still to be sent."""

    account: BankAccount
    reference: str
    amount: Decimal
    currency: str

    @property
    def items(self) -> list[Item]:
        """All that is to be written, in the order banks ask for it; the reference, which is the supporter's own, last."""
        bank = self.account.bank
        return [
            Item("holder", _("Account holder"), self.account.holder, self.account.holder),
            *_numbers(self.account),
            *([Item("bank", _("Bank"), bank, bank)] if bank else []),
            Item("amount", _("Amount"), written(self.amount, self.currency), self._plain_amount),
            Item(
                "reference",
                _("Reference"),
                format_reference(self.reference),
                self.reference,
                _(
                    "With or without the spaces. It is how we find your transfer, so please write nothing else."
                ),
            ),
        ]

    @property
    def steps(self) -> list[str]:
        """How it is done at a bank there, in order."""
        return STEPS[Scheme(self.account.scheme)](self.account)

    @property
    def has_qr(self) -> bool:
        return (
            self.account.scheme == Scheme.IBAN
            and self.currency == "EUR"
            and Decimal(0) < self.amount <= LARGEST_QR
        )

    @property
    def qr(self) -> SafeString:
        """The code bank apps of the euro area read (EPC069-12, version 2), as SVG without styles; only if `has_qr`."""
        code = make_epc_qr(
            self.account.holder,
            self.account.number,
            self.amount,
            reference=self.reference,
            bic=self.account.bic or None,
            encoding="utf-8",
        )
        # Made of squares alone: no text of anybody's is in it.
        return mark_safe(code.svg_inline(border=4, omitsize=True, dark="#000", light="#fff"))  # noqa: S308

    @property
    def _plain_amount(self) -> str:
        """As a bank's form takes it: decimals as the language writes them, no grouping and no sign."""
        places = exponent(self.currency)
        pattern = f"0.{'0' * places}" if places else "0"
        return format_decimal(self.amount, format=pattern, locale=page_locale())


def _numbers(account: BankAccount) -> list[Item]:
    number, bic = account.number, account.bic
    as_bic = [Item("bic", _("BIC (SWIFT)"), bic, bic)] if bic else []
    match Scheme(account.scheme):
        case Scheme.IBAN:
            return [Item("number", "IBAN", iban.format(number), number), *as_bic]
        case Scheme.CBU:
            # Wallets' numbers, which no bank has issued, begin with three zeros.
            label = "CVU" if number.startswith("000") else "CBU"
            one_is_enough = (
                _("One of the two is enough: the number or the alias.") if account.alias else ""
            )
            return [
                *([Item("number", label, number, number)] if number else []),
                *(
                    [
                        Item(
                            "alias",
                            _("Alias"),
                            account.alias,
                            account.alias,
                            one_is_enough if number else "",
                        )
                    ]
                    if account.alias
                    else []
                ),
            ]
        case Scheme.SORT_CODE:
            code = account.sort_code
            pairs = "-".join(code[at : at + 2] for at in range(0, 6, 2))
            return [
                Item("sort_code", _("Sort code"), pairs, code),
                Item("number", _("Account number"), number, number),
            ]
        case Scheme.PIX:
            kind = PixKind(account.pix_kind)
            label = _("Pix key (%(kind)s)") % {"kind": kind.label}
            return [Item("pix_key", label, _pix_text(account), account.pix_key)]
        case Scheme.OTHER:
            return [Item("number", _("Account number"), number, number), *as_bic]


def _pix_text(account: BankAccount) -> str:
    match PixKind(account.pix_kind):
        case PixKind.CPF:
            return str(cpf.format(account.pix_key))
        case PixKind.CNPJ:
            return str(cnpj.format(account.pix_key))
        case _kind:
            return account.pix_key


def _iban_steps(account: BankAccount) -> list[str]:
    field = PURPOSE_FIELDS.get(account.number[:2])
    return [
        _("In your bank's app or site, start a transfer to a new payee (a SEPA transfer)."),
        _(
            "Write the account holder and the IBAN as they stand here. Only some banks ask for the BIC."
        ),
        _("Write the amount, and the reference where your bank asks for the purpose (“%(field)s”).")
        % {"field": field}
        if field
        else _("Write the amount, and the reference where your bank asks for the purpose."),
    ]


def _cbu_steps(account: BankAccount) -> list[str]:
    return [
        _("In your home banking or wallet choose “Transferir” and a new account."),
        _(
            "Write the number or the alias, and compare the name that appears with the account holder here."
        ),
        _(
            "Write the amount. As “Concepto” leave “Varios”; the reference belongs in “Referencia”, “Mensaje” or "
            "“Comentario”."
        ),
    ]


def _uk_steps(account: BankAccount) -> list[str]:
    return [
        _("In your bank's app or site, pay someone new."),
        _(
            "Write the account holder as the payee's name, the sort code and the account number; your bank compares the name."
        ),
        _(
            "Write the amount, and in “Reference” the reference without the spaces: the field holds 18 characters."
        ),
    ]


def _pix_steps(account: BankAccount) -> list[str]:
    return [
        _("In your bank's app choose “Pix” and then to transfer with a key (“chave”)."),
        _("Paste the key, and compare the name that appears with the account holder here."),
        _("Write the amount, and the reference in “Mensagem” or “Descrição”."),
    ]


def _other_steps(account: BankAccount) -> list[str]:
    return [
        _("In your bank's app or site, start a transfer to a new account."),
        _("Write the account holder and the number as they stand here."),
        _("Write the amount, and the reference where your bank asks for the purpose or a message."),
    ]


STEPS = {
    Scheme.IBAN: _iban_steps,
    Scheme.CBU: _cbu_steps,
    Scheme.SORT_CODE: _uk_steps,
    Scheme.PIX: _pix_steps,
    Scheme.OTHER: _other_steps,
}


def details_of(pledge: Pledge, account: BankAccount, *, amount: Decimal) -> TransferDetails:
    """How to send `amount` for `pledge`, which has a reference, to `account`."""
    assert pledge.reference, "a gift by transfer has a reference"
    return TransferDetails(account, pledge.reference, amount, pledge.currency)
