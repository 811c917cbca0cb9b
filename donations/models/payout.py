"""Stripe's transfer of a batch of balance transactions to the bank."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .fields import CurrencyField, MoneyField


class PayoutQuerySet(models.QuerySet["Payout"]):
    def in_transit(self) -> "PayoutQuerySet":
        """Left Stripe and not yet seen on a bank statement."""
        standing = models.FilteredRelation("matches", condition=Q(matches__undone_at=None))
        return self.annotate(standing=standing).filter(standing=None, returned_at=None)


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

    objects = PayoutQuerySet.as_manager()

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(name="payout_amount_positive", condition=Q(amount__gt=0))
        ]

    def __str__(self) -> str:
        return self.stripe_payout_id
