"""Who owes what of a cost several defendants share, and what a cost owed over time falls due on."""

from collections.abc import Sequence
from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from appeals.models import Defendant

from .fields import MoneyField
from .legal_cost import LegalCost


def split(total: Decimal, parts: Sequence[Decimal | int], places: int) -> list[Decimal]:
    """`total` (not finer than `places` decimals, not below zero) in proportion to `parts`; sums to it exactly.

    Each share is cut to the smallest unit, and what was cut off is carried to the next: so a share is never a whole
    unit off, and of equal parts the later ones get the rest. As donations_shares() in the database.
    Nothing is shared where all parts are zero.
    """
    whole = sum(parts, Decimal(0))
    if not whole:
        return [Decimal(0) for _part in parts]
    units = total.scaleb(places)
    shares, taken, upto = [], Decimal(0), Decimal(0)
    for part in parts:
        upto += part
        now = units * upto // whole
        shares.append((now - taken).scaleb(-places))
        taken = now
    return shares


class CostShare(models.Model):
    """One defendant's part of a cost that several share, by parts or as an amount; a cost of one defendant has none.

    All shares of a cost are of one sort; amounts add up to what is owed; the cost's own defendant is among them, and
    all are defendants in its case. The database holds to that when the transaction ends.
    """

    cost = models.ForeignKey(
        LegalCost, models.PROTECT, related_name="shares", verbose_name=_("legal cost")
    )
    defendant = models.ForeignKey(
        Defendant, models.PROTECT, related_name="cost_shares", verbose_name=_("defendant")
    )
    parts = models.PositiveSmallIntegerField(_("parts"), null=True)
    amount = MoneyField(_("amount"), null=True)

    class Meta:
        verbose_name = _("share of a cost")
        verbose_name_plural = _("shares of costs")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["cost", "defendant"], name="cost_share_once"),
            models.CheckConstraint(
                name="cost_share_by_parts_or_amount",
                condition=Q(parts__gt=0, amount=None) | Q(parts=None, amount__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cost}, {self.defendant}"


class CostInstalment(models.Model):
    """What of a cost is agreed to fall due on a day, in the unit it is owed in: its currency, or UMA.

    The instalments of a cost add up to what is owed. Which of them is paid is computed, the oldest first.
    """

    cost = models.ForeignKey(
        LegalCost, models.PROTECT, related_name="instalments", verbose_name=_("legal cost")
    )
    due_on = models.DateField(_("due on"))
    amount = models.DecimalField(_("amount"), max_digits=22, decimal_places=4)

    class Meta:
        verbose_name = _("instalment of a cost")
        verbose_name_plural = _("instalments of costs")
        ordering = ["due_on"]
        constraints = [
            models.UniqueConstraint(fields=["cost", "due_on"], name="cost_instalment_once_a_day"),
            models.CheckConstraint(name="cost_instalment_positive", condition=Q(amount__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.cost}, {self.due_on}"
