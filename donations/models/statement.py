"""What the bank says; a line changes no balance until it is matched."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from defensefund.privacy import EncryptedTextField

from .bank_account import BankAccount
from .fields import CurrencyField, MoneyField


class StatementImport(models.Model):
    """One file from the bank, read whole or not at all."""

    account = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="imports", verbose_name=_("bank account")
    )
    name = models.CharField(_("file name"), max_length=200)
    sha256 = models.CharField(
        _("SHA-256"), max_length=64, validators=[RegexValidator(r"\A[0-9a-f]{64}\Z")]
    )
    opening_balance = MoneyField(_("opening balance"), null=True)
    closing_balance = MoneyField(_("closing balance"), null=True)
    first_on = models.DateField(_("first day"), null=True)
    last_on = models.DateField(_("last day"), null=True)
    new_lines = models.PositiveIntegerField(_("new lines"))
    known_lines = models.PositiveIntegerField(_("lines known already"))
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("imported by"),
        help_text=_("Empty when a command did it."),
    )
    imported_at = models.DateTimeField(_("imported at"))

    class Meta:
        verbose_name = _("statement import")
        verbose_name_plural = _("statement imports")
        ordering = ["-pk"]
        permissions = [("import_statement", "Can import bank statements")]

    def __str__(self) -> str:
        return self.name


class StatementLineQuerySet(models.QuerySet["StatementLine"]):
    def unmatched(self) -> "StatementLineQuerySet":
        standing = models.FilteredRelation("matches", condition=Q(matches__undone_at=None))
        return self.annotate(standing=standing).filter(standing=None)


class StatementLine(models.Model):
    """One movement the bank reports. What names a person in it is encrypted and can be erased."""

    account = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="lines", verbose_name=_("bank account")
    )
    statement = models.ForeignKey(
        StatementImport, models.PROTECT, related_name="lines", verbose_name=_("statement")
    )
    key = models.CharField(
        _("key"),
        max_length=100,
        help_text=_(
            "The bank's own identifier, or a hash of all fields and the ordinal among equal lines."
        ),
    )
    booked_on = models.DateField(_("booked on"))
    value_on = models.DateField(_("value date"), null=True)
    amount = MoneyField(_("amount"), help_text=_("Positive: money came in."))
    currency = CurrencyField(_("currency"))
    references = ArrayField(
        models.CharField(max_length=35),
        verbose_name=_("references"),
        default=list,
        help_text=_("Transfer and payment references found in the line."),
    )
    counterparty = EncryptedTextField(_("counterparty"), blank=True)
    counterparty_account = EncryptedTextField(_("counterparty's account"), blank=True)
    text = EncryptedTextField(_("text"), blank=True)

    objects = StatementLineQuerySet.as_manager()

    class Meta:
        verbose_name = _("statement line")
        verbose_name_plural = _("statement lines")
        ordering = ["-booked_on", "-pk"]
        permissions = [("match_statementline", "Can match statement lines")]
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="statement_line_once"),
            models.CheckConstraint(name="statement_line_amount_not_zero", condition=~Q(amount=0)),
        ]
        indexes = [
            # The office lists by day, of one account or of all.
            models.Index(name="statement_line_by_day", fields=["booked_on", "id"]),
            models.Index(
                name="statement_line_account_by_day", fields=["account", "booked_on", "id"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account.code} {self.booked_on} {self.amount}"


class StatementMatchQuerySet(models.QuerySet["StatementMatch"]):
    def standing(self) -> "StatementMatchQuerySet":
        return self.filter(undone_at=None)


# What a line can be matched to; a match names one of them, or none and says why.
THINGS = ("payout", "disbursement", "donation", "deposit", "refund_request")


def _one_of(*things: str) -> Q:
    """Exactly one of the foreign keys, or none of them and an explanation."""
    none = Q(**dict.fromkeys(things))
    either = none & ~Q(explanation="")
    for thing in things:
        others = Q(**dict.fromkeys(other for other in things if other != thing))
        either |= others & Q(**{f"{thing}__isnull": False}, explanation="")
    return either


class StatementMatch(models.Model):
    """A person's word that a bank line is this payout, this disbursement, this gift or this refund."""

    line = models.ForeignKey(
        StatementLine, models.PROTECT, related_name="matches", verbose_name=_("line")
    )
    payout = models.ForeignKey(
        "Payout", models.PROTECT, null=True, related_name="matches", verbose_name=_("payout")
    )
    disbursement = models.ForeignKey(
        "Disbursement",
        models.PROTECT,
        null=True,
        related_name="matches",
        verbose_name=_("disbursement"),
    )
    donation = models.ForeignKey(
        "Donation", models.PROTECT, null=True, related_name="matches", verbose_name=_("donation")
    )
    deposit = models.ForeignKey(
        "CashDeposit",
        models.PROTECT,
        null=True,
        related_name="matches",
        verbose_name=_("cash brought to the bank"),
    )
    refund_request = models.ForeignKey(
        "RefundRequest",
        models.PROTECT,
        null=True,
        related_name="matches",
        verbose_name=_("refund"),
    )
    explanation = models.TextField(
        _("explanation"), blank=True, help_text=_("Why the line belongs to none of these.")
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("confirmed by")
    )
    confirmed_at = models.DateTimeField(_("confirmed at"))
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("undone by"),
    )
    undone_at = models.DateTimeField(_("undone at"), null=True)

    objects = StatementMatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("match")
        verbose_name_plural = _("matches")
        constraints = [
            models.CheckConstraint(
                name="match_is_one_thing",
                condition=_one_of(*THINGS),
            ),
            models.CheckConstraint(
                name="match_undoing_complete",
                condition=Q(undone_by__isnull=True, undone_at__isnull=True)
                | Q(undone_by__isnull=False, undone_at__isnull=False),
            ),
            *(
                models.UniqueConstraint(
                    fields=[thing],
                    name=f"match_{thing}_once",
                    condition=Q(undone_at=None, **{f"{thing}__isnull": False}),
                )
                for thing in ("line", *THINGS)
            ),
        ]

    def __str__(self) -> str:
        return str(self.line)
