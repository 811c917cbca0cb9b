"""Our bank accounts, each with the numbers by which money is sent to it in its country."""

import secrets

from django.db import models
from django.db.models import Exists, Q
from django.utils.translation import gettext_lazy as _

from defensefund.privacy import EncryptedTextField

from .fields import CurrencyField
from .payment_pause import PaymentPause


class Scheme(models.TextChoices):
    """By what an account is addressed; decides which numbers it has and what supporters are told."""

    IBAN = "iban", _("IBAN")
    CBU = "cbu", _("CBU, CVU or alias (Argentina)")
    SORT_CODE = "sort_code", _("sort code and account number (United Kingdom)")
    PIX = "pix", _("Pix key (Brazil)")
    OTHER = "other", _("another kind of number")


class PixKind(models.TextChoices):
    CPF = "cpf", _("CPF")
    CNPJ = "cnpj", _("CNPJ")
    EMAIL = "email", _("e-mail")
    PHONE = "phone", _("telephone number")
    RANDOM = "random", _("random key")


def new_line_secret() -> str:
    return secrets.token_hex(32)


class BankAccountQuerySet(models.QuerySet["BankAccount"]):
    def taking_gifts_in(self, currency: str) -> "BankAccountQuerySet":
        """The open account supporters may send `currency` to: one at most, as the constraint below says."""
        return self.filter(currency=currency, takes_gifts=True, closed_on=None)

    def open_for_transfers(self, currency: str) -> "BankAccountQuerySet":
        """The same, unless people have shut transfers in `currency`: then nobody is told to send money there."""
        pauses = PaymentPause.objects.in_force()
        return self.taking_gifts_in(currency).exclude(
            Exists(pauses.filter(method=PaymentPause.Method.TRANSFER, currency=currency))
        )

    def usual_first(self) -> "BankAccountQuerySet":
        """By currency the one gifts come to, then the others: what is paid is usually paid from there."""
        return self.order_by("currency", "-takes_gifts", "name")


class BankAccount(models.Model):
    """An account of the fund at a bank, in one currency. There may be several in a currency; one of them takes gifts.

    Numbers are kept without spaces and in capitals; that they are valid the database checks (the migration
    "bank"), and account_numbers.py with a sentence.
    """

    code = models.SlugField(
        _("code"), unique=True, help_text=_("Short name for commands and the ledger, like gls-eur.")
    )
    name = models.CharField(
        _("name"), max_length=80, help_text=_("How the office calls it; supporters do not see it.")
    )
    currency = CurrencyField(_("currency"))
    holder = models.CharField(
        _("account holder"),
        max_length=120,
        blank=True,
        help_text=_(
            "As the bank knows it. It stands on supporters' statements: best a name that says nothing of the cause."
        ),
    )
    bank = models.CharField(
        _("bank"), max_length=80, blank=True, help_text=_("The bank's name, for supporters.")
    )
    scheme = models.CharField(
        _("kind of number"), max_length=10, choices=Scheme, default=Scheme.OTHER
    )
    number = models.CharField(
        _("account number"),
        max_length=40,
        blank=True,
        help_text=_("IBAN, CBU or CVU, or the number by which the bank's files name the account."),
    )
    bic = models.CharField(
        _("BIC"), max_length=11, blank=True, help_text=_("Of an IBAN, or another number abroad.")
    )
    alias = models.CharField(
        _("alias"), max_length=20, blank=True, help_text=_("Of a CBU or CVU, like casa.mate.sol.")
    )
    sort_code = models.CharField(
        _("sort code"), max_length=6, blank=True, help_text=_("Six digits, like 12-34-56.")
    )
    pix_kind = models.CharField(_("kind of Pix key"), max_length=6, choices=PixKind, blank=True)
    pix_key = models.CharField(_("Pix key"), max_length=77, blank=True)
    instructions = models.TextField(
        _("instructions"),
        blank=True,
        help_text=_("What else supporters should know, shown below the numbers and their steps."),
    )
    takes_gifts = models.BooleanField(
        _("takes gifts"), default=False, help_text=_("Shown to supporters who give by transfer.")
    )
    csv_mapping = models.JSONField(
        _("CSV columns"),
        default=dict,
        blank=True,
        help_text=_("How this bank's CSV files are read; set with the preview at upload."),
    )
    line_secret = EncryptedTextField(
        _("secret of its lines"),
        default=new_line_secret,
        editable=False,
        help_text=_(
            "Keys the hashes by which lines are known again, so that nobody can guess a text from them."
        ),
    )
    closed_on = models.DateField(_("closed on"), null=True, blank=True)

    objects = BankAccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("bank account")
        verbose_name_plural = _("bank accounts")
        constraints = [
            models.UniqueConstraint(
                fields=["currency"],
                name="bank_account_taking_gifts_once_per_currency",
                condition=Q(closed_on=None, takes_gifts=True),
                violation_error_message=_(
                    "Another open account takes gifts in this currency: supporters are told one. Let that one take none first."
                ),
            ),
            models.CheckConstraint(
                name="bank_account_scheme_known", condition=Q(scheme__in=Scheme.values)
            ),
            models.CheckConstraint(
                name="bank_account_numbers_of_its_scheme",
                condition=(Q(scheme__in=["iban", "other"]) | Q(bic=""))
                & (Q(scheme="cbu") | Q(alias=""))
                & (Q(scheme="sort_code") | Q(sort_code=""))
                & (Q(scheme="pix") | Q(pix_kind="", pix_key="")),
                violation_error_message=_("These numbers are not all of one kind."),
            ),
            models.CheckConstraint(
                name="bank_account_taking_gifts_is_complete",
                condition=Q(takes_gifts=False)
                | (
                    ~Q(holder="")
                    & (
                        (Q(scheme__in=["iban", "other"]) & ~Q(number=""))
                        | (Q(scheme="cbu") & (~Q(number="") | ~Q(alias="")))
                        | (Q(scheme="sort_code") & ~Q(number="") & ~Q(sort_code=""))
                        | (Q(scheme="pix") & ~Q(pix_key=""))
                    )
                ),
                violation_error_message=_(
                    "Supporters need the account holder and a number to send money to."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.currency})"
