"""Money that goes back to who gave it, or could not be delivered: what happened, whoever asked for it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from donations.currencies import written

from .amounts import AmountQuerySet
from .donation import Donation
from .fields import MoneyField
from .letter import Letter

# How far a refund has come, by Stripe's word for its state: it never goes back.
PROGRESS = {"pending": 0, "requires_action": 0, "succeeded": 1, "failed": 2, "canceled": 2}


class RefundQuerySet(AmountQuerySet["Refund"]):
    def standing(self) -> "RefundQuerySet":
        """On the way or arrived: without those that came back or never left."""
        return self.filter(status__in=Refund.STANDING)


class Refund(models.Model):
    """Money that went back to who gave it, by Stripe or by the bank. Also of those nobody asked for here.

    Stripe's events tell how far it has come; the money is booked when it leaves Stripe's balance, and again when it
    comes back there (donations/payouts), under the names of these two movements.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("on its way")
        SUCCEEDED = "succeeded", _("sent back")
        FAILED = "failed", _("came back")
        CANCELED = "canceled", _("called off")

    STANDING = (Status.PENDING, Status.SUCCEEDED)

    donation = models.ForeignKey(
        Donation, models.PROTECT, related_name="refunds", verbose_name=_("donation")
    )
    amount = MoneyField(_("amount"))
    refunded_at = models.DateTimeField(_("refunded at"))
    status = models.CharField(
        _("state"), max_length=10, choices=Status, db_default=Status.SUCCEEDED
    )
    reason = models.CharField(
        _("reason"), max_length=40, blank=True, db_default="", help_text=_("In Stripe's word.")
    )
    failure_reason = models.CharField(
        _("why it came back"),
        max_length=60,
        blank=True,
        db_default="",
        help_text=_("In Stripe's word."),
    )
    stripe_refund_id = models.CharField(
        _("Stripe refund"), max_length=255, unique=True, null=True, blank=True
    )
    source = models.CharField(
        _("source"),
        max_length=200,
        unique=True,
        null=True,
        blank=True,
        help_text=_("The entry by which the money left; empty until it has."),
    )
    return_source = models.CharField(
        _("source of its return"),
        max_length=200,
        unique=True,
        null=True,
        blank=True,
        help_text=_("The entry by which the money came back, when it could not be delivered."),
    )
    returned_at = models.DateTimeField(_("came back at"), null=True)

    objects = RefundQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(name="refund_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="refund_by_stripe_or_booked",
                condition=Q(stripe_refund_id__isnull=False) | Q(source__isnull=False),
            ),
            models.CheckConstraint(
                name="refund_return_complete",
                condition=Q(return_source=None, returned_at=None)
                | Q(return_source__isnull=False, returned_at__isnull=False, source__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.donation}: −{written(self.amount, self.donation.currency)}"

    @classmethod
    def told(cls, facts: Mapping[str, Any], donation: Donation) -> "Refund":
        """A new row, not saved, of what Stripe tells of a refund (stripe_facts.facts_of)."""
        row = cls(
            donation=donation,
            amount=Decimal(facts["amount"]),
            refunded_at=datetime.fromtimestamp(facts["created"], UTC),
            stripe_refund_id=facts["id"],
            status=cls.Status.PENDING,
            reason=facts.get("reason") or "",
            failure_reason="",
        )
        row.hear(facts)
        return row

    def hear(self, facts: Mapping[str, Any]) -> bool:
        """Takes over how far it has come, as of what Stripe tells; whether anything is new in it."""
        said = facts.get("status") or ""
        if PROGRESS.get(said, 0) <= PROGRESS[self.status]:
            return False
        self.status = self.Status(said)
        self.failure_reason = facts.get("failure_reason") or ""
        return True

    @property
    def is_standing(self) -> bool:
        return self.status in self.STANDING

    def letters(self, donation: Donation, *, at: datetime) -> list[Letter]:
        """What tells the supporter that money is on its way back: not saved, and none where there is nobody to tell.

        None upon fraud: the address may be the thief's, and the card's owner hears of it from their bank. Reads
        `donation.pledge`.
        """
        pledge = donation.pledge
        if (
            pledge is None
            or pledge.supporter_id is None
            or self.reason == "fraudulent"
            or not self.is_standing
        ):
            return []
        return [
            Letter(
                kind=Letter.Kind.REFUND,
                pledge=pledge,
                donation=donation,
                occasion=self.source or "",
                created_at=at,
                due_at=at,
            )
        ]
