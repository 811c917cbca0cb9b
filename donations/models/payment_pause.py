"""When a way to give was shut, by whom and why, and who opened it again."""

import re

from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .fields import CurrencyField

COUNTED = re.compile(r"(?P<declined>\d+) of (?P<tried>\d+) in (?P<hours>\d+) h")


class PaymentPauseQuerySet(models.QuerySet["PaymentPause"]):
    def in_force(self) -> "PaymentPauseQuerySet":
        return self.filter(reopened_at=None)

    def paused_methods(self, currency: str) -> frozenset[str]:
        """The ways to pay that are shut in `currency` now."""
        return frozenset(self.in_force().filter(currency=currency).values_list("method", flat=True))


class PaymentPause(models.Model):
    """One method in one currency takes no gifts from `paused_at` until `reopened_at`. Kept for good as its own record."""

    class Method(models.TextChoices):
        CARD = "card", _("card")
        TRANSFER = "transfer", _("bank transfer")

    method = models.CharField(_("method"), max_length=10, choices=Method)
    currency = CurrencyField(_("currency"))
    paused_at = models.DateTimeField(_("paused at"))
    paused_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("paused by"),
        help_text=_("Empty when too many cards were declined and nobody had to press anything."),
    )
    reason = models.TextField(
        _("reason"), help_text=_("For the office and its auditors; supporters do not see it.")
    )
    reopened_at = models.DateTimeField(_("reopened at"), null=True)
    reopened_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", verbose_name=_("reopened by")
    )
    reopening_reason = models.TextField(_("reason for reopening"), blank=True)

    objects = PaymentPauseQuerySet.as_manager()

    class Meta:
        verbose_name = _("pause of a way to give")
        verbose_name_plural = _("ways to give")
        ordering = ["-pk"]
        permissions = [("switch_payment", "Can pause and reopen a way to give")]
        constraints = [
            models.UniqueConstraint(
                name="payment_pause_one_in_force",
                fields=["method", "currency"],
                condition=Q(reopened_at=None),
            ),
            models.CheckConstraint(name="payment_pause_with_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="payment_pause_reopened_by_a_person",
                condition=Q(reopened_at=None, reopened_by=None, reopening_reason="")
                | (
                    Q(reopened_at__isnull=False, reopened_by__isnull=False)
                    & ~Q(reopening_reason="")
                ),
            ),
            models.CheckConstraint(
                name="payment_pause_ends_after_it_begins",
                condition=Q(reopened_at=None) | Q(reopened_at__gte=F("paused_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_method_display()}, {self.currency}"

    @staticmethod
    def counted(*, declined: int, tried: int, hours: int) -> str:
        """The reason of a pause that nobody pressed, in no reader's language: `why` says it in theirs."""
        return f"{declined} of {tried} in {hours} h"

    @property
    def why(self) -> str:
        """The reason as the page's language has it: a person's own words, or what was counted."""
        counted = COUNTED.fullmatch(self.reason) if self.paused_by_id is None else None
        if counted is None:
            return self.reason
        return gettext("%(declined)s of %(tried)s cards were declined within %(hours)s h.") % (
            counted.groupdict()
        )
