"""What a bank says elsewhere of a movement that its statement shows as one line: each payment of a batch."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from defensefund.privacy import EncryptedTextField

from .bank_account import BankAccount
from .fields import CurrencyField, MoneyField
from .statement import StatementImport


class StatementDetailQuerySet(models.QuerySet["StatementDetail"]):
    def named(self) -> "StatementDetailQuerySet":
        """Of which something is kept of who is on the other side."""
        return self.exclude(counterparty="", counterparty_account="", text="")


class StatementDetail(models.Model):
    """One payment within a line of a statement, told by a notification (CAMT.054) that comes before or after it.

    It moves no money and is no line: `account` and `key` are those of the line, there already or still to come. Until it is
    there, and where its amount is another, `names` are what the bank calls the movement (StatementLine.names).
    """

    account = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="details", verbose_name=_("bank account")
    )
    statement = models.ForeignKey(
        StatementImport, models.PROTECT, related_name="details", verbose_name=_("file")
    )
    key = models.CharField(_("key of the line"), max_length=100)
    position = models.PositiveIntegerField(_("position"))
    booked_on = models.DateField(_("booked on"), null=True)
    names = ArrayField(
        models.CharField(max_length=24), verbose_name=_("names of the movement"), default=list
    )
    amount = MoneyField(_("amount"), help_text=_("Positive: money came in."))
    currency = CurrencyField(_("currency"))
    references = ArrayField(
        models.CharField(max_length=35), verbose_name=_("references"), default=list
    )
    counterparty = EncryptedTextField(_("counterparty"), blank=True)
    counterparty_account = EncryptedTextField(_("counterparty's account"), blank=True)
    text = EncryptedTextField(_("text"), blank=True)

    objects = StatementDetailQuerySet.as_manager()

    class Meta:
        verbose_name = _("detail of a statement line")
        verbose_name_plural = _("details of statement lines")
        ordering = ["pk"]
        default_permissions = ()
        indexes = [GinIndex(name="statement_detail_names", fields=["names"])]
        constraints = [
            models.UniqueConstraint(
                name="statement_detail_once", fields=["account", "key", "position"]
            ),
            # By both it is known again when its line comes.
            models.CheckConstraint(
                name="statement_detail_named_of_a_day",
                condition=Q(names=[]) | Q(booked_on__isnull=False),
            ),
            models.CheckConstraint(name="statement_detail_amount_not_zero", condition=~Q(amount=0)),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.position}"
