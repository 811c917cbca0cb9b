"""What happened before these books began: the spreadsheets it is taken from, and each of their rows."""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from appeals.models import Case, Defendant
from defensefund.privacy import EncryptedTextField

from .bank_account import BankAccount
from .donation import Donation
from .fields import CurrencyField, MoneyField
from .fund import Fund
from .legal_cost import LegalCost
from .proposal import Proposal, ProposalQuerySet, decided_by_another
from .statement_match import StatementMatch


class PastImport(Proposal):
    """A spreadsheet of the past: one person asks that it be booked, another approves; all of it is booked, or nothing.

    `table` is its text, kept until it is decided. The database refuses steps out of their order (migrations).
    """

    class State(models.TextChoices):
        TO_APPROVE = "approve", _("to approve")
        BOOKED = "booked", _("booked")
        REFUSED = "refused", _("refused")

    name = models.CharField(_("file name"), max_length=200)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    table = EncryptedTextField(_("table"), blank=True)

    objects = ProposalQuerySet["PastImport"].as_manager()

    class Meta:
        verbose_name = _("import of the past")
        verbose_name_plural = _("imports of the past")
        ordering = ["-pk"]
        default_permissions = ("view",)
        permissions = [
            ("request_pastimport", "Can ask to book a spreadsheet of the past"),
            ("approve_pastimport", "Can approve a spreadsheet of the past"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["sha256"],
                name="past_import_waits_once",
                condition=Q(approved_at=None, refused_at=None),
            ),
            *decided_by_another("past_import"),
            models.CheckConstraint(
                name="past_import_table_until_decided",
                condition=Q(approved_at=None, refused_at=None) | Q(table=""),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> "PastImport.State":
        if self.refused_at:
            return self.State.REFUSED
        return self.State.BOOKED if self.approved_at else self.State.TO_APPROVE


class PastRowQuerySet(models.QuerySet["PastRow"]):
    def unproved(self) -> "PastRowQuerySet":
        """What moved a bank account, and no bank line has shown yet."""
        proof = StatementMatch.objects.standing().filter(past_row=models.OuterRef("pk"))
        moved = self.filter(
            kind__in=[PastRow.Kind.GIFT, PastRow.Kind.PAYMENT], bank_account__isnull=False
        )
        return moved.filter(~models.Exists(proof))


class PastRow(models.Model):
    """One row of the past as it was booked. `key` finds it again in any file, and names its entry: past:<key>."""

    class Kind(models.TextChoices):
        GIFT = "gift", _("gift")
        PAYMENT = "payment", _("payment")
        OPENING = "opening", _("what was there before")
        COST = "cost", _("cost still owed")

    past_import = models.ForeignKey(
        PastImport, models.PROTECT, related_name="rows", verbose_name=_("import")
    )
    row = models.PositiveIntegerField(_("row"))
    key = models.CharField(_("key"), max_length=32, unique=True)
    kind = models.CharField(_("kind"), max_length=7, choices=Kind)
    happened_on = models.DateField(_("day"))
    amount = MoneyField(_("amount"))
    fee = MoneyField(_("fee"), default=0)
    currency = CurrencyField(_("currency"))
    fund = models.ForeignKey(
        Fund, models.PROTECT, null=True, related_name="past_rows", verbose_name=_("fund")
    )
    bank_account = models.ForeignKey(
        BankAccount,
        models.PROTECT,
        null=True,
        related_name="past_rows",
        verbose_name=_("bank account"),
        help_text=_("Empty: in cash."),
    )
    case = models.ForeignKey(
        Case, models.PROTECT, null=True, related_name="past_rows", verbose_name=_("case")
    )
    defendant = models.ForeignKey(
        Defendant, models.PROTECT, null=True, related_name="past_rows", verbose_name=_("defendant")
    )
    cost_kind = models.CharField(
        _("kind of cost"), max_length=10, choices=LegalCost.Kind, blank=True
    )
    donation = models.OneToOneField(
        Donation, models.PROTECT, null=True, related_name="past_row", verbose_name=_("donation")
    )
    cost = models.OneToOneField(
        LegalCost, models.PROTECT, null=True, related_name="past_row", verbose_name=_("legal cost")
    )
    supporter_name = EncryptedTextField(_("who gave"), blank=True)
    supporter_email = EncryptedTextField(_("e-mail of who gave"), blank=True)
    note = EncryptedTextField(_("note"), blank=True)
    forgotten_at = models.DateTimeField(_("forgotten at"), null=True)

    objects = PastRowQuerySet.as_manager()

    class Meta:
        verbose_name = _("row of the past")
        verbose_name_plural = _("rows of the past")
        ordering = ["-pk"]
        default_permissions = ("view",)
        permissions = [("forget_pastrow", "Can forget who a gift of the past is from")]
        constraints = [
            models.CheckConstraint(
                name="past_row_amount_positive", condition=Q(amount__gt=0, fee__gte=0)
            ),
            models.CheckConstraint(
                name="past_row_names_what_it_is",
                condition=Q(kind="gift", fund__isnull=False, donation__isnull=False, cost=None)
                | Q(kind__in=["payment", "opening"], fund__isnull=False, donation=None, cost=None, fee=0)
                | Q(kind="cost", fund=None, bank_account=None, donation=None, cost__isnull=False, fee=0),
            ),
            models.CheckConstraint(
                name="past_row_forgotten_is_empty",
                condition=Q(forgotten_at=None) | Q(supporter_name="", supporter_email="", note=""),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.happened_on}"

    @property
    def source(self) -> str:
        return f"past:{self.key}"

    @property
    def moved(self) -> Decimal:
        """How it moved the account it is on, as the bank's line has it: less what a payment service kept of a gift."""
        return -self.amount if self.kind == self.Kind.PAYMENT else self.amount - self.fee
