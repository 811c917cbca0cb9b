"""Gifts handed over: a numbered receipt for each, and the cash that is brought to the bank."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from defensefund.privacy import EncryptedTextField
from defensefund.templatetags.formats import plain_day

from ..currencies import written
from .bank_account import BankAccount
from .donation import Donation
from .fields import CurrencyField, MoneyField
from .fund import Fund
from .pledge import Pledge


class CashReceiptQuerySet(models.QuerySet["CashReceipt"]):
    def pending(self) -> "CashReceiptQuerySet":
        """Cheques that are no money yet: neither on a bank line nor cashed, and not void."""
        return self.filter(kind=CashReceipt.Kind.CHEQUE, voided_at=None).filter(
            Q(donation=None) | Q(donation__reversed_at__isnull=False)
        )


class CashReceipt(models.Model):
    """A slip for cash or a cheque taken in person. The database numbers it, without a gap in its year, and keeps it as it is."""

    class Kind(models.TextChoices):
        CASH = "cash", _("cash")
        CHEQUE = "cheque", _("cheque")

    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    year = models.PositiveSmallIntegerField(_("year"), editable=False, db_default=0)
    serial = models.PositiveIntegerField(_("number in its year"), editable=False, db_default=0)
    kind = models.CharField(_("kind"), max_length=6, choices=Kind)
    fund = models.ForeignKey(
        Fund, models.PROTECT, related_name="cash_receipts", verbose_name=_("fund")
    )
    pledge = models.ForeignKey(
        Pledge,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="cash_receipts",
        verbose_name=_("pledge"),
    )
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))
    received_on = models.DateField(_("received on"))
    payer = EncryptedTextField(
        _("received from"),
        blank=True,
        help_text=_("Printed on the slip; encrypted, and empty for who wants no name on it."),
    )
    donation = models.OneToOneField(
        Donation,
        models.PROTECT,
        null=True,
        related_name="cash_receipt",
        verbose_name=_("donation"),
        help_text=_("Empty while a cheque is not money yet."),
    )
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )
    recorded_at = models.DateTimeField(_("recorded at"))
    voided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("taken back by"),
    )
    voided_at = models.DateTimeField(_("taken back at"), null=True)
    void_reason = models.TextField(_("why it was taken back"), blank=True)

    objects = CashReceiptQuerySet.as_manager()

    class Meta:
        verbose_name = _("cash or cheque")
        verbose_name_plural = _("cash and cheques")
        ordering = ["-pk"]
        permissions = [
            ("record_cashreceipt", "Can record cash and cheques"),
            ("void_cashreceipt", "Can take back a slip for cash or a cheque"),
        ]
        constraints = [
            models.CheckConstraint(name="cash_receipt_amount_positive", condition=Q(amount__gt=0)),
            models.UniqueConstraint(fields=["year", "serial"], name="cash_receipt_numbered_once"),
            models.CheckConstraint(
                name="cash_receipt_cash_is_booked",
                condition=Q(kind="cheque") | Q(donation__isnull=False),
            ),
            models.CheckConstraint(
                name="cash_receipt_void_says_why",
                condition=Q(voided_at=None, voided_by=None, void_reason="")
                | Q(voided_at__isnull=False, voided_by__isnull=False, void_reason__regex=r"\S"),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"C-{self.year}-{self.serial:04d}"

    @property
    def is_pending(self) -> bool:
        """A cheque in the drawer."""
        is_booked = self.donation is not None and self.donation.reversed_at is None
        return self.voided_at is None and not is_booked


class CashDepositQuerySet(models.QuerySet["CashDeposit"]):
    def on_its_way(self) -> "CashDepositQuerySet":
        """Brought to the bank, and not found on a bank line yet."""
        standing = models.FilteredRelation("matches", condition=Q(matches__undone_at=None))
        return self.filter(voided_at=None).annotate(standing=standing).filter(standing=None)


class CashDeposit(models.Model):
    """Cash brought to our own bank account; it has arrived when a bank line says so."""

    number = models.UUIDField(_("number"), unique=True, default=uuid.uuid4, editable=False)
    bank_account = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="deposits", verbose_name=_("bank account")
    )
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))
    deposited_on = models.DateField(_("brought on"))
    deposited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )
    deposited_at = models.DateTimeField(_("recorded at"))
    voided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("taken back by"),
    )
    voided_at = models.DateTimeField(_("taken back at"), null=True)

    objects = CashDepositQuerySet.as_manager()

    class Meta:
        verbose_name = _("cash brought to the bank")
        verbose_name_plural = _("cash brought to the bank")
        ordering = ["-pk"]
        permissions = [("record_cashdeposit", "Can record cash brought to the bank")]
        constraints = [
            models.CheckConstraint(name="cash_deposit_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="cash_deposit_void_complete",
                condition=Q(voided_at__isnull=True, voided_by__isnull=True)
                | Q(voided_at__isnull=False, voided_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{plain_day(self.deposited_on)}, {written(self.amount, self.currency)}"
