"""Stripe's transfer of a batch of balance transactions to the bank."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .fields import CurrencyField, MoneyField


class PayoutQuerySet(models.QuerySet["Payout"]):
    def in_transit(self) -> "PayoutQuerySet":
        """Left Stripe and not yet seen on a bank statement."""
        standing = models.FilteredRelation("matches", condition=Q(matches__undone_at=None))
        return self.annotate(standing=standing).filter(standing=None, returned_at=None)

    def unitemised(self, *, until: datetime) -> "PayoutQuerySet":
        """Made before `until`, of which Stripe has not said the movements, and nobody why."""
        waiting = self.filter(itemised_at=None, returned_at=None, created_at__lt=until)
        return waiting.filter(accepted_at=None)


class Payout(models.Model):
    stripe_payout_id = models.CharField(_("Stripe payout"), max_length=255, unique=True)
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))
    created_at = models.DateTimeField(_("created at"))
    arrives_on = models.DateField(_("expected on"))
    returned_at = models.DateTimeField(
        _("returned at"), null=True, help_text=_("When the bank sent it back to Stripe.")
    )
    itemised_at = models.DateTimeField(
        _("itemised at"),
        null=True,
        help_text=_("When Stripe had said which movements it is the sum of, and they were."),
    )

    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("accepted by"),
        help_text=_("Who looked at it and said why Stripe never tells its movements."),
    )
    accepted_at = models.DateTimeField(_("accepted at"), null=True)
    accepted_reason = models.TextField(_("why it was accepted"), blank=True, db_default="")

    objects = PayoutQuerySet.as_manager()

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        ordering = ["-pk"]
        permissions = [("accept_payout", "Can accept a payout without its movements")]
        constraints = [
            models.CheckConstraint(name="payout_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="payout_acceptance_complete",
                condition=Q(accepted_by=None, accepted_at=None, accepted_reason="")
                | (
                    Q(accepted_by__isnull=False, accepted_at__isnull=False) & ~Q(accepted_reason="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_payout_id
