"""What a cost owed at each instant, as it was known then."""

from datetime import datetime
from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from .fields import MoneyField
from .legal_cost import LegalCost
from .uma import UmaValue


class OwedChangeQuerySet(models.QuerySet["OwedChange"]):
    def owed_at(self, at: datetime) -> dict[int, Decimal]:
        """What each cost owed at an instant, as it was known then, by its key; none that was not recorded yet."""
        known = self.filter(changed_at__lt=at).order_by("cost", "-pk").distinct("cost")
        return dict(known.values_list("cost", "owed"))


class OwedChange(models.Model):
    """What a cost owed from an instant on. Added by the database at each change, and never changed."""

    cost = models.ForeignKey(
        LegalCost, models.PROTECT, related_name="owed_changes", verbose_name=_("legal cost")
    )
    owed = MoneyField(_("amount owed"))
    changed_at = models.DateTimeField(_("changed at"))
    uma_value = models.ForeignKey(
        UmaValue,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("value of the UMA"),
        help_text=_("At which what is open of a bill in UMA was owed then."),
    )

    objects = OwedChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("change of what is owed")
        verbose_name_plural = _("changes of what is owed")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.cost}, {self.changed_at}"
