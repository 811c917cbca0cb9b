"""What is left of a fund whose purpose is over, moved to the fund its surplus rule names."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .fields import CurrencyField, MoneyField
from .fund import Fund
from .proposal import Proposal, ProposalQuerySet, decided_by_another


class SurplusMoveQuerySet(ProposalQuerySet["SurplusMove"]):
    def done(self) -> "SurplusMoveQuerySet":
        return self.filter(approved_at__isnull=False)


class SurplusMove(Proposal):
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
            *decided_by_another("surplus"),
            models.UniqueConstraint(
                name="surplus_asked_once",
                fields=["source", "currency"],
                condition=Q(approved_at=None, refused_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"
