"""What the bank says; a line changes no balance until it is matched."""

from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Abs
from django.utils.translation import gettext_lazy as _

from defensefund.privacy import EncryptedTextField
from defensefund.templatetags.formats import plain_day

from ..currencies import written
from .amounts import AmountQuerySet
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


class StatementLineQuerySet(AmountQuerySet["StatementLine"]):
    def unmatched(self) -> "StatementLineQuerySet":
        """Of which nobody has said yet, or not wholly, what they are; by an index of these alone."""
        return self.filter(~Q(explained=F("amount")))

    def of_payers(self) -> "StatementLineQuerySet":
        """All but those of our own payments: the books keep who was paid."""
        is_ours = (
            Q(matches__disbursement__isnull=False)
            | Q(matches__partner_payment__isnull=False)
            | Q(matches__past_row__isnull=False, matches__amount__lt=0)
        )
        payment = models.FilteredRelation("matches", condition=Q(matches__undone_at=None) & is_ours)
        return self.alias(payment=payment).filter(payment=None)


class StatementLine(models.Model):
    """One movement the bank reports. What names a person in it is encrypted and can be erased."""

    account = models.ForeignKey(
        BankAccount,
        models.PROTECT,
        db_index=False,
        # Carried by the one of the statement: a line is of the account its file is of (in the migration "bank").
        db_constraint=False,
        related_name="lines",
        verbose_name=_("bank account"),
    )
    statement = models.ForeignKey(
        StatementImport,
        models.PROTECT,
        db_constraint=False,
        related_name="lines",
        verbose_name=_("statement"),
    )
    key = models.CharField(
        _("key"),
        max_length=100,
        help_text=_(
            "A keyed hash of the bank's own identifier or of all fields, and the ordinal among equal lines."
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
        help_text=_("Our own transfer and payment references found in the line."),
    )
    explained = MoneyField(
        _("explained"),
        default=Decimal(0),
        editable=False,
        help_text=_("How much of the amount is matched; kept by the database."),
    )
    batch_of = models.PositiveIntegerField(
        _("payments in it"),
        null=True,
        editable=False,
        help_text=_(
            "How many the bank put into this one line; empty for one, and where it does not say."
        ),
    )
    names = ArrayField(
        models.CharField(max_length=24),
        verbose_name=_("names of the movement"),
        null=True,
        editable=False,
        help_text=_(
            "Keyed hashes of what the bank calls it, by which a notification speaks of it; empty where it has none."
        ),
    )
    counterparty = EncryptedTextField(_("counterparty"), blank=True)
    counterparty_account = EncryptedTextField(_("counterparty's account"), blank=True)
    text = EncryptedTextField(_("text"), blank=True)
    payer_hash = models.CharField(
        _("other side"),
        max_length=64,
        blank=True,
        editable=False,
        help_text=_(
            "A keyed hash by which the other side is known again, without saying who it is."
        ),
    )
    forgotten_at = models.DateTimeField(
        _("forgotten at"),
        null=True,
        editable=False,
        help_text=_("When the other side was forgotten: nothing that names it comes back."),
    )

    objects = StatementLineQuerySet.as_manager()

    class Meta:
        verbose_name = _("statement line")
        verbose_name_plural = _("statement lines")
        ordering = ["-booked_on", "-pk"]
        permissions = [
            ("match_statementline", "Can match statement lines"),
            ("forget_statementline", "Can forget who is on the other side of a line"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="statement_line_once"),
            models.CheckConstraint(name="statement_line_amount_not_zero", condition=~Q(amount=0)),
            models.CheckConstraint(
                name="statement_line_batch_of_several",
                condition=Q(batch_of=None) | Q(batch_of__gt=1),
            ),
            models.CheckConstraint(
                name="statement_line_forgotten_names_nobody",
                condition=Q(forgotten_at=None)
                | Q(counterparty="", counterparty_account="", text="", payer_hash=""),
            ),
            models.CheckConstraint(
                name="statement_line_explained_within",
                condition=Q(amount__gt=0, explained__gte=0, explained__lte=F("amount"))
                | Q(amount__lt=0, explained__lte=0, explained__gte=F("amount")),
            ),
        ]
        indexes = [
            # The work list reads only these, however many lines were explained before.
            models.Index(
                name="statement_line_open",
                fields=["booked_on", "id"],
                condition=~Q(explained=F("amount")),
            ),
            models.Index(
                name="statement_line_payer",
                fields=["payer_hash", "booked_on"],
                condition=~Q(payer_hash=""),
            ),
            # What a notification tells of these later is kept without names.
            models.Index(
                name="statement_line_forgotten",
                fields=["account"],
                condition=Q(forgotten_at__isnull=False),
            ),
            # The office looks a line up by a reference in it: what waits to be sorted in is read each time, so little may wait.
            GinIndex(
                name="statement_line_references",
                fields=["references"],
                gin_pending_list_limit=128,
            ),
            # And by its amount, whether it came or left: of one amount in the order of days, however many lines have it.
            models.Index(
                Abs("amount"), "booked_on", "id", "amount", name="statement_line_by_amount"
            ),
            # The office lists by day, of one account or of all; a file's balances are held against the sum of a span.
            models.Index(name="statement_line_by_day", fields=["booked_on", "id"]),
            models.Index(
                name="statement_line_of_account",
                fields=["account", "booked_on", "id"],
                include=["amount"],
            ),
        ]

    def __str__(self) -> str:
        amount = written(self.amount, self.currency)
        return f"{self.account.name}, {plain_day(self.booked_on)}, {amount}"

    @property
    def is_known(self) -> bool:
        """Something is kept here of who is on the other side, or may be."""
        return any((self.counterparty, self.counterparty_account, self.text, self.payer_hash))

    @property
    def open_amount(self) -> Decimal:
        """What of it nobody has explained yet, with the line's sign."""
        return self.amount - self.explained
