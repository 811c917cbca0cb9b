"""What is left of a fund whose purpose is over, moved to the fund its surplus rule names."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .fields import CurrencyField, MoneyField
from .fund import Fund


class SurplusMoveQuerySet(models.QuerySet["SurplusMove"]):
    def undecided(self) -> "SurplusMoveQuerySet":
        return self.filter(approved_at=None, refused_at=None)

    def done(self) -> "SurplusMoveQuerySet":
        return self.filter(approved_at__isnull=False)


class SurplusMove(models.Model):
    """Two people's decision that a fund's purpose is over: its rest in one currency goes to its fallback fund."""

    class Cause(models.TextChoices):
        # Public, and so chosen, not written.
        CASE_ENDED = "case", _("the case has ended")
        COSTS_PAID = "paid", _("all its costs are paid")
        NOT_NEEDED = "unneeded", _("nobody needs it for this purpose any more")
        APPEAL_ENDED = "appeal", _("the appeal has ended")
        DORMANT = "dormant", _("it was not needed for twelve months")

    number = models.UUIDField(_("number"), unique=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(
        Fund, models.PROTECT, related_name="surplus_moves", verbose_name=_("from")
    )
    target = models.ForeignKey(Fund, models.PROTECT, related_name="+", verbose_name=_("to"))
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))
    cause = models.CharField(_("why the purpose is over"), max_length=10, choices=Cause)
    note = models.TextField(_("note for the office"), blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("requested by")
    )
    requested_at = models.DateTimeField(_("requested at"))
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("approved by"),
    )
    approved_at = models.DateTimeField(_("approved at"), null=True)
    refused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("refused by"),
        help_text=_("Who asked for it, when they withdrew it."),
    )
    refused_at = models.DateTimeField(_("refused at"), null=True)
    refusal_reason = models.TextField(_("reason of the refusal"), blank=True)

    objects = SurplusMoveQuerySet.as_manager()

    class Meta:
        verbose_name = _("move of a surplus")
        verbose_name_plural = _("moves of surpluses")
        ordering = ["-pk"]
        permissions = [
            ("request_surplusmove", "Can ask to move a fund's surplus"),
            ("approve_surplusmove", "Can approve the move of a surplus"),
        ]
        constraints = [
            models.CheckConstraint(name="surplus_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="surplus_between_two_funds", condition=~Q(source=F("target"))
            ),
            models.CheckConstraint(
                name="surplus_approved_by_another_person",
                condition=Q(approved_by=None) | ~Q(approved_by=F("requested_by")),
            ),
            models.CheckConstraint(
                name="surplus_approval_complete",
                condition=Q(approved_by__isnull=True, approved_at__isnull=True)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
            ),
            models.CheckConstraint(
                name="surplus_refusal_complete",
                condition=Q(refused_by__isnull=True, refused_at__isnull=True, refusal_reason="")
                | (
                    Q(refused_by__isnull=False, refused_at__isnull=False, approved_at=None)
                    & ~Q(refusal_reason="")
                ),
            ),
            models.UniqueConstraint(
                name="surplus_asked_once",
                fields=["source", "currency"],
                condition=Q(approved_at=None, refused_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"
