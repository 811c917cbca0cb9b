"""What one person proposes and another decides: the fields and the rules that all such decisions share."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class ProposalQuerySet[Row: "Decided"](models.QuerySet[Row]):
    def undecided(self) -> Self:
        return self.filter(approved_at=None, refused_at=None)


class Decided(models.Model):
    """Approved by another person than proposed it, or refused by whoever may decide or proposed it."""

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

    class Meta:
        abstract = True


class Decision(Decided):
    """Refused with a reason of its own."""

    refusal_reason = models.TextField(_("reason of the refusal"), blank=True)

    class Meta:
        abstract = True


class Asked(models.Model):
    """By one person, at some instant."""

    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("requested by")
    )
    requested_at = models.DateTimeField(_("requested at"))

    class Meta:
        abstract = True


class Proposal(Asked, Decision):
    """Asked for by one person, decided by another."""

    class Meta:
        abstract = True


def decided_by_another(name: str, *, proposer: str = "requested_by") -> list[models.BaseConstraint]:
    """The rules of a proposal's table, named after what is proposed; `proposer` is the field of who did."""
    return [
        models.CheckConstraint(
            name=f"{name}_approved_by_another_person",
            condition=Q(approved_by=None) | ~Q(approved_by=F(proposer)),
        ),
        models.CheckConstraint(
            name=f"{name}_approval_complete",
            condition=Q(approved_by__isnull=True, approved_at__isnull=True)
            | Q(approved_by__isnull=False, approved_at__isnull=False),
        ),
        models.CheckConstraint(
            name=f"{name}_refusal_complete",
            condition=Q(refused_by__isnull=True, refused_at__isnull=True, refusal_reason="")
            | (
                Q(refused_by__isnull=False, refused_at__isnull=False, approved_at=None)
                & ~Q(refusal_reason="")
            ),
        ),
    ]
