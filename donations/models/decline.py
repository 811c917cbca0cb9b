"""A card the bank refused: what card testing is known by."""

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from .fields import CurrencyField
from .pledge import Pledge


class DeclineQuerySet(models.QuerySet["Decline"]):
    def since(self, at: datetime) -> "DeclineQuerySet":
        return self.filter(declined_at__gt=at)


class Decline(models.Model):
    """One try at one card; who tried is not known here, nor which card."""

    pledge = models.ForeignKey(
        Pledge,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="declines",
        verbose_name=_("pledge"),
        help_text=_("Empty when Stripe does not say, as for monthly gifts."),
    )
    currency = CurrencyField(_("currency"))
    code = models.CharField(
        _("reason"), max_length=100, blank=True, help_text=_("The bank's, as Stripe names it.")
    )
    declined_at = models.DateTimeField(_("declined at"))
    source = models.CharField(_("source"), max_length=270, unique=True)

    objects = DeclineQuerySet.as_manager()

    class Meta:
        verbose_name = _("declined card")
        verbose_name_plural = _("declined cards")
        ordering = ["-pk"]
        indexes = [models.Index(name="decline_recent", fields=["currency", "declined_at"])]

    def __str__(self) -> str:
        return f"{self.code} {self.currency}"
