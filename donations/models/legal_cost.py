"""Bills and deposits of defendants, their documents, and the fund money set aside for them."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, models
from django.db.models import F, Q, Sum
from django.utils.translation import gettext_lazy as _

from appeals.models import Case, Defendant

from .cost_figures import SIGNED, annotated
from .fields import CurrencyField, MoneyField
from .fund import Fund
from .numbers import new_number
from .payee import Payee
from .uma import CURRENCY as UMA_CURRENCY


def new_cost_number() -> str:
    return new_number("C")


def _bail_held() -> models.Exists:
    accounts: Any = apps.get_model("donations", "Account").objects
    deposits = accounts.filter(legal_cost=models.OuterRef("pk"), place="bail")
    return models.Exists(deposits.with_balance().filter(balance__gt=0))


def _next_due() -> models.Func:
    return models.Func(
        F("pk"), function="donations_next_due", output_field=models.DateField(null=True)
    )


class LegalCostQuerySet(models.QuerySet["LegalCost"]):
    def with_figures(self) -> "LegalCostQuerySet":
        """Annotates what models/cost_figures.py says of each, and `next_due`, the day the oldest unpaid part is due."""
        costs: LegalCostQuerySet = annotated(self)
        return costs.annotate(next_due=_next_due())

    def held(self, cost: "LegalCost") -> "LegalCost":
        """`cost` read anew and held to the end of the transaction, so that no two people count on the same money of it."""
        return self.select_for_update(no_key=True).get(pk=cost.pk)

    def due_by(self, day: date) -> "LegalCostQuerySet":
        """Of which the bill, or an agreed instalment, is due on `day` or was earlier, and is not paid."""
        return self.alias(unpaid_since=_next_due()).filter(unpaid_since__lte=day)

    def owed_in_uma(self) -> "LegalCostQuerySet":
        """Those of which something is open, which rises with the UMA."""
        is_open = models.Func(
            F("pk"), F("uma"), function="donations_uma_open", output_field=models.DecimalField()
        )
        return (
            self.filter(uma__isnull=False)
            .alias(still_open=is_open)
            .filter(still_open__gt=Decimal(0))
        )

    def of_defendant(self, defendant: Defendant) -> "LegalCostQuerySet":
        """Their own, and those they have a share of."""
        return self.filter(Q(defendant=defendant) | Q(pk__in=defendant.cost_shares.values("cost")))

    def served_by(self, fund: Fund) -> "LegalCostQuerySet":
        """Those that `fund` is for; a shared cost is also for each one's own fund."""
        match fund.kind:
            case Fund.Kind.APPEAL:
                return self.filter(case__appeal=fund.appeal_id)
            case Fund.Kind.CASE:
                return self.filter(case=fund.case_id)
            case Fund.Kind.DEFENDANT:
                assert fund.defendant is not None
                return self.of_defendant(fund.defendant)
        return self.all()

    def without_their_money(self) -> "LegalCostQuerySet":
        """Something is still to be set aside for them."""
        costs: Any = self.with_figures()
        lacking: LegalCostQuerySet = costs.filter(missing__gt=0)
        return lacking

    def unpaid(self) -> "LegalCostQuerySet":
        """Something of them is still to be paid."""
        costs: Any = self.with_figures()
        open_ones: LegalCostQuerySet = costs.filter(to_pay__gt=0)
        return open_ones

    def with_bail_held(self, *currencies: str) -> "LegalCostQuerySet":
        """Of which a court holds a deposit now."""
        return self.filter(_bail_held(), kind=LegalCost.Kind.BAIL, currency__in=currencies)

    def bail_overdue(self, *, on: date) -> "LegalCostQuerySet":
        """Deposits that a court still holds past the day on which it should have given them back."""
        return self.filter(_bail_held(), return_expected_on__lt=on)

    def requestable(self) -> "LegalCostQuerySet":
        """With money set aside that nobody has asked for yet."""
        costs: Any = self.with_figures()
        ready: LegalCostQuerySet = costs.filter(set_aside__gt=F("requested"))
        return ready


class LegalCost(models.Model):
    """A bill or deposit for a defendant in a case, owed in one currency or in UMA.

    Of a cost in UMA the database computes `owed`, in pesos: the payments, each as it was made, and what is open at the
    newest value of the UMA (models/uma.py). So a value published late, with effect from an earlier day, raises what is
    open and nothing that was paid. `owed` changes on the day a value is entered, never before it: `OwedChange` keeps
    each change, so that what was owed at an earlier instant, in a closed month, can be told as it was told then.
    """

    class Kind(models.TextChoices):
        FEES = "fees", _("lawyers' fees")
        BAIL = "bail", _("bail (a deposit)")
        COURT = "court", _("court fees and fines")
        EXPERTS = "experts", _("experts and translators")
        TRAVEL = "travel", _("travel to hearings")
        PRISON = "prison", _("support in prison")
        FAMILY = "family", _("support of the family")
        MEDICAL = "medical", _("medical and psychological care")
        SECURITY = "security", _("security after a raid")
        BANK = "bank", _("bank and exchange fees")

    class Ending(models.TextChoices):
        WITHDRAWN = "withdrawn", _("withdrawn")
        COVERED = "covered", _("covered by somebody else")
        SETTLED = "settled", _("settled")

    number = models.CharField(
        _("number"), max_length=20, unique=True, default=new_cost_number, editable=False
    )
    case = models.ForeignKey(
        Case, models.PROTECT, related_name="legal_costs", verbose_name=_("case")
    )
    defendant = models.ForeignKey(
        Defendant, models.PROTECT, related_name="legal_costs", verbose_name=_("defendant")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    description = models.TextField(
        _("description"),
        help_text=_(
            "What the bill is for. Write only what the authorities allege, never what anyone did."
        ),
    )
    uma = models.DecimalField(
        _("owed in UMA"),
        max_digits=18,
        decimal_places=4,
        null=True,
        blank=True,
        help_text=_(
            "Where the bill is in UMA: how many. What is open of it is owed at the newest value."
        ),
    )
    owed = MoneyField(
        _("amount owed"),
        help_text=_("Of a bill in UMA: what was paid, and what is open at the newest value."),
    )
    currency = CurrencyField(_("currency"))
    due_on = models.DateField(_("due on"), null=True, blank=True)
    return_expected_on = models.DateField(
        _("return expected on"),
        null=True,
        blank=True,
        help_text=_("Of bail: when the court should give the deposit back."),
    )
    payee = models.ForeignKey(
        Payee,
        models.PROTECT,
        related_name="costs",
        verbose_name=_("payee"),
        help_text=_("The lawyer, court or expert to be paid, from the register of payees."),
    )
    policy = models.ForeignKey(
        "Policy",
        models.PROTECT,
        null=True,
        related_name="+",
        editable=False,
        verbose_name=_("recorded under"),
        help_text=_("The policy in force that day; the database notes it."),
    )
    ending = models.CharField(
        _("why it ended"), max_length=10, choices=Ending, blank=True, editable=False, db_default=""
    )
    ended_on = models.DateField(_("ended on"), null=True, editable=False)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        editable=False,
        verbose_name=_("ended by"),
    )
    is_sample = models.BooleanField(_("sample data"), default=False, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        editable=False,
        verbose_name=_("recorded by"),
    )
    recorded_at = models.DateTimeField(_("recorded at"), editable=False)

    objects = LegalCostQuerySet.as_manager()

    class Meta:
        verbose_name = _("legal cost")
        verbose_name_plural = _("legal costs")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="legal_cost_owed_positive",
                condition=Q(owed__gt=0),
                violation_error_message=_("The amount owed must be above zero."),
            ),
            models.CheckConstraint(
                name="legal_cost_ending_complete",
                condition=Q(ending="", ended_on=None, ended_by=None)
                | (~Q(ending="") & Q(ended_on__isnull=False, ended_by__isnull=False)),
            ),
            models.CheckConstraint(
                name="legal_cost_return_expected_of_bail",
                condition=Q(return_expected_on=None) | Q(kind="bail"),
                violation_error_message=_("Only bail is expected back."),
            ),
            models.CheckConstraint(
                name="legal_cost_uma_in_pesos",
                condition=Q(uma=None) | Q(uma__gt=0, currency=UMA_CURRENCY),
                violation_error_message=_("A bill in UMA is above zero, and paid in pesos (ARS)."),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def defendants(self) -> list[Defendant]:
        """Who shares it, in the order of the shares; its one defendant where nobody does."""
        shares = self.shares.select_related("defendant")
        return [share.defendant for share in shares] or [self.defendant]

    def shares_owed(self) -> dict[int, Decimal]:
        """What each defendant (by key) owes of it, to the smallest unit; they add up to `owed`."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT defendant_id, owed FROM donations_shares(%s)", [self.pk])
            return dict(cursor.fetchall())

    def uma_open(self) -> Decimal | None:
        """How many UMA are not paid yet; None of a cost owed in its currency."""
        if self.uma is None:
            return None
        standing = self.uma_payments.filter(disbursement__came_back_on=None)
        settled = standing.aggregate(total=Sum("settled"))["total"] or Decimal(0)
        return self.uma - settled


def document_path(document: "CostDocument", filename: str) -> str:
    """A random name: the file's own could name people."""
    return f"costs/{uuid.uuid4().hex}.{document.EXTENSIONS[document.content_type]}"


class CostDocument(models.Model):
    """The bill, receipt or ruling behind a legal cost; streamed to those who may see it, never served as a static file."""

    class Kind(models.TextChoices):
        """What it is for; the policy says which of them a cost needs (models/policy.py)."""

        BILL = "bill", _("bill or invoice")
        AGREEMENT = "agreement", _("agreement on fees")
        RULING = "ruling", _("court's ruling or notice")
        RECEIPT = "receipt", _("receipt or ticket")
        NEED = "need", _("written statement of need")
        STATEMENT = "statement", _("bank statement")

    EXTENSIONS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}

    cost = models.ForeignKey(
        LegalCost, models.PROTECT, related_name="documents", verbose_name=_("legal cost")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.BILL)
    file = models.FileField(_("file"), upload_to=document_path)
    content_type = models.CharField(
        _("type"), max_length=20, choices=[(key, key) for key in EXTENSIONS]
    )
    size = models.PositiveIntegerField(_("size in bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    original_sha256 = models.CharField(
        _("SHA-256 before it was cleaned"), max_length=64, default=""
    )
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("uploaded by")
    )
    uploaded_at = models.DateTimeField(_("uploaded at"))

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        constraints = [
            models.UniqueConstraint(fields=["cost", "sha256"], name="document_once_per_cost")
        ]
        # The same file with another cost is looked for by either.
        indexes = [
            models.Index(name="document_by_file", fields=["sha256"]),
            models.Index(name="document_by_original", fields=["original_sha256"]),
        ]

    def __str__(self) -> str:
        return f"{self.cost} {self.sha256[:8]}"


class AllocationQuerySet(models.QuerySet["Allocation"]):
    def net(self) -> Decimal:
        """What was set aside less what was released."""
        total: Decimal | None = self.aggregate(total=Sum(SIGNED))["total"]
        return total or Decimal(0)

    def given_by(self, fund: Fund) -> Decimal:
        return self.filter(fund=fund).net()


class Allocation(models.Model):
    """Fund money set aside for a legal cost, or released from it again."""

    number = models.UUIDField(_("number"), unique=True, default=uuid.uuid4, editable=False)
    fund = models.ForeignKey(
        Fund, models.PROTECT, related_name="allocations", verbose_name=_("fund")
    )
    cost = models.ForeignKey(
        LegalCost, models.PROTECT, related_name="allocations", verbose_name=_("legal cost")
    )
    amount = MoneyField(_("amount"))
    is_release = models.BooleanField(_("released again"), default=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by")
    )
    at = models.DateTimeField(_("at"))

    objects = AllocationQuerySet.as_manager()

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        ordering = ["-pk"]
        permissions = [("allocate_fund", "Can set fund money aside for a legal cost")]
        constraints = [
            models.CheckConstraint(name="allocation_amount_positive", condition=Q(amount__gt=0))
        ]

    def __str__(self) -> str:
        return f"{self.fund} → {self.cost}"
