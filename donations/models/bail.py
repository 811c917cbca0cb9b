"""What a court did with a deposit: gave it back, in whole or in part, or kept it."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .amounts import AmountQuerySet
from .bank_account import BankAccount
from .fields import CurrencyField, MoneyField
from .legal_cost import CostDocument, LegalCost
from .statement_match import StatementMatch
from .undoing import Undoing, undone_by_another


class BailOutcomeQuerySet(AmountQuerySet["BailOutcome"]):
    def returned(self) -> "BailOutcomeQuerySet":
        return self.standing().filter(kind=BailOutcome.Kind.RETURNED)

    def standing(self) -> "BailOutcomeQuerySet":
        """Those that nobody took back."""
        return self.filter(undone_at=None)

    def doubted(self) -> "BailOutcomeQuerySet":
        """Somebody says that they did not happen so; another person is to decide."""
        return self.standing().filter(undo_requested_at__isnull=False)

    def unproved(self) -> "BailOutcomeQuerySet":
        """Given back, and not seen on a bank statement yet."""
        proof = StatementMatch.objects.standing().filter(bail_outcome=models.OuterRef("pk"))
        return self.returned().filter(~models.Exists(proof))


class BailOutcome(Undoing):
    """One thing a court did with the bail of a legal cost. A deposit may end in several: part kept, part given back."""

    class Kind(models.TextChoices):
        RETURNED = "returned", _("given back")
        FORFEITED = "forfeited", _("kept by the court")

    number = models.UUIDField(_("number"), unique=True, default=uuid.uuid4, editable=False)
    cost = models.ForeignKey(
        LegalCost, models.PROTECT, related_name="bail_outcomes", verbose_name=_("legal cost")
    )
    kind = models.CharField(_("what happened"), max_length=10, choices=Kind)
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))
    happened_on = models.DateField(_("on"))
    bank_account = models.ForeignKey(
        BankAccount,
        models.PROTECT,
        null=True,
        related_name="bail_outcomes",
        verbose_name=_("into account"),
    )
    document = models.ForeignKey(
        CostDocument,
        models.PROTECT,
        null=True,
        related_name="bail_outcomes",
        verbose_name=_("ruling"),
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )
    at = models.DateTimeField(_("recorded at"))

    objects = BailOutcomeQuerySet.as_manager()

    class Meta:
        verbose_name = _("outcome of a deposit of bail")
        verbose_name_plural = _("outcomes of deposits of bail")
        ordering = ["-pk"]
        permissions = [
            ("record_bailoutcome", "Can record what a court did with bail"),
            ("undo_bailoutcome", "Can take back what was wrongly recorded of bail"),
        ]
        constraints = [
            *undone_by_another("bail_outcome"),
            models.CheckConstraint(name="bail_outcome_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="bail_outcome_says_where_or_why",
                condition=Q(kind="returned", bank_account__isnull=False)
                | Q(kind="forfeited", bank_account=None, document__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cost}: {self.get_kind_display()}"

    @property
    def source(self) -> str:
        """Its entry's name in the ledger."""
        return f"bail:{self.number}"
