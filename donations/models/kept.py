"""What a closed month's statements say that no entry holds: whose each cost was, and what exchanges had gained by then.

No name is in it and no alias: statements call people and cases by codes (donations/reports/subjects.py), so nothing here
ever has to be taken away again.
"""

from datetime import date
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from appeals.models import Case, Defendant

from .disbursement import Disbursement
from .exchange import Exchange
from .fields import CurrencyField, MoneyField
from .legal_cost import LegalCost
from .period import Period


class ShareState(models.Model):
    """One defendant's part of a cost as CostShare has it, with what of the cost can change; a cost that nobody shares is one
    row, its own defendant's, with neither `parts` nor `amount`."""

    cost = models.ForeignKey(
        LegalCost, models.PROTECT, related_name="+", verbose_name=_("legal cost")
    )
    case = models.ForeignKey(Case, models.PROTECT, related_name="+", verbose_name=_("case"))
    defendant = models.ForeignKey(
        Defendant, models.PROTECT, related_name="+", verbose_name=_("defendant")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=LegalCost.Kind)
    currency = CurrencyField(_("currency"))
    ended_on = models.DateField(_("ended on"), null=True)
    parts = models.PositiveSmallIntegerField(_("parts"), null=True)
    amount = MoneyField(_("amount"), null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.cost}, {self.defendant_id}"


class StandingShare(ShareState):
    """As it is now; a view of the database (migrations)."""

    class Meta:
        managed = False
        db_table = "donations_standingshare"
        ordering = ["id"]
        default_permissions = ()


class KeptShare(ShareState):
    """As it was when a month was closed. Added by the database as it closes one, and never changed."""

    period = models.ForeignKey(
        Period, models.PROTECT, related_name="kept_shares", verbose_name=_("month")
    )

    class Meta:
        verbose_name = _("share as it was when a month was closed")
        verbose_name_plural = _("shares as they were when a month was closed")
        ordering = ["id"]
        default_permissions = ()


class KeptGain(models.Model):
    """What a payment booked in a month owed to an exchange, by the rates known when the month was closed; never changed.

    `worth` is empty where no reporting rate was known by then.
    """

    period = models.ForeignKey(
        Period, models.PROTECT, related_name="kept_gains", verbose_name=_("month")
    )
    payment = models.ForeignKey(
        Disbursement, models.PROTECT, related_name="+", verbose_name=_("payment")
    )
    exchange = models.ForeignKey(
        Exchange, models.PROTECT, related_name="+", verbose_name=_("exchange")
    )
    booked_on = models.DateField(_("booked on"))
    received = MoneyField(_("received"))
    given = MoneyField(_("given"))
    worth = MoneyField(_("worth"), null=True)

    class Meta:
        verbose_name = _("gain as it was known when a month was closed")
        verbose_name_plural = _("gains as they were known when a month was closed")
        ordering = ["id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["period", "payment", "exchange"], name="kept_gain_once")
        ]

    def __str__(self) -> str:
        return f"{self.payment}, {self.period}"


def shares_known(day: date) -> models.QuerySet[Any]:
    """Whose each cost was as statements up to `day` tell it: as the month of that day was closed; as it is now while that
    month is open."""
    period = Period.objects.settling(day)
    return (
        StandingShare.objects.all() if period is None else KeptShare.objects.filter(period=period)
    )
