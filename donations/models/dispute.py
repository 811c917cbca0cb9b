"""Payments a supporter's bank takes back or asks about (Dispute), or warns of (FraudWarning)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .balance import BalanceTransaction
from .donation import Donation
from .fields import CurrencyField, MoneyField
from .refund_request import RefundRequest


def _moved(amount: str) -> Coalesce:
    """The sum over what moved on Stripe's balance for the dispute of the row."""
    moved = BalanceTransaction.objects.filter(source_id=OuterRef("stripe_dispute_id"))
    total = moved.order_by().values("source_id").annotate(total=Sum(amount)).values("total")
    return Coalesce(Subquery(total), Value(Decimal(0)), output_field=MoneyField())


class DisputeQuerySet(models.QuerySet["Dispute"]):
    def open(self) -> "DisputeQuerySet":
        return self.exclude(status__in=Dispute.ENDED)

    def to_answer(self) -> "DisputeQuerySet":
        """Those with a deadline ahead of us, the nearest first."""
        waiting = self.filter(status__in=Dispute.TO_ANSWER, accepted_at=None)
        return waiting.order_by(models.F("due_by").asc(nulls_last=True))

    def taking(self) -> "DisputeQuerySet":
        """Those whose amount is at the supporter's bank, for now or for good."""
        return self.filter(status__in=Dispute.TAKING)

    def with_money(self) -> "DisputeQuerySet":
        """Annotates `moved` (below zero: it left us) and `fee`, as Stripe's balance has them."""
        return self.annotate(moved=_moved("amount"), fee=_moved("fee"))

    def unsent(self, at: datetime) -> "DisputeQuerySet":
        """Accepted by a person, and Stripe does not know yet."""
        return self.filter(accepted_at__isnull=False, closed_at=None, error="", due_at__lte=at)


class Dispute(models.Model):
    """A supporter's bank takes a payment back, or asks about it first (an inquiry, which moves nothing).

    Stripe's events tell its state; what moves on Stripe's balance is booked from there (donations/payouts).
    """

    class Status(models.TextChoices):
        WARNING_NEEDS_RESPONSE = "warning_needs_response", _("inquiry, to be answered")
        WARNING_UNDER_REVIEW = "warning_under_review", _("inquiry, answered")
        WARNING_CLOSED = "warning_closed", _("inquiry, closed")
        NEEDS_RESPONSE = "needs_response", _("to be answered")
        UNDER_REVIEW = "under_review", _("answered, at the bank")
        WON = "won", _("won")
        LOST = "lost", _("lost")
        PREVENTED = "prevented", _("prevented")
        APPEAL_NEEDS_RESPONSE = "appeal_needs_response", _("in appeal, to be answered")
        APPEAL_UNDER_REVIEW = "appeal_under_review", _("in appeal, at the bank")

    INQUIRIES = (
        Status.WARNING_NEEDS_RESPONSE,
        Status.WARNING_UNDER_REVIEW,
        Status.WARNING_CLOSED,
    )
    TO_ANSWER = (
        Status.WARNING_NEEDS_RESPONSE,
        Status.NEEDS_RESPONSE,
        Status.APPEAL_NEEDS_RESPONSE,
    )
    ENDED = (Status.WARNING_CLOSED, Status.WON, Status.LOST, Status.PREVENTED)
    # The amount is at the supporter's bank: nothing of it can be refunded a second time. The same list stands in the
    # database (donations_refundable, in the migration of refunds); a test compares them.
    TAKING = (
        Status.NEEDS_RESPONSE,
        Status.UNDER_REVIEW,
        Status.LOST,
        Status.APPEAL_NEEDS_RESPONSE,
        Status.APPEAL_UNDER_REVIEW,
    )

    # What of a row Stripe tells anew.
    TOLD = ("status", "told_at", "due_by", "closed_at")

    stripe_dispute_id = models.CharField(_("Stripe dispute"), max_length=255, unique=True)
    donation = models.ForeignKey(
        Donation, models.PROTECT, related_name="disputes", verbose_name=_("donation")
    )
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))
    reason = models.CharField(_("reason"), max_length=60, help_text=_("In Stripe's word."))
    # Not held to the list above: Stripe adds to it, and what it adds has to be kept.
    status = models.CharField(_("state"), max_length=40)
    told_at = models.DateTimeField(_("state as of"))
    opened_at = models.DateTimeField(_("opened at"))
    due_by = models.DateTimeField(
        _("answer due by"), null=True, help_text=_("Empty when the bank takes no answer.")
    )
    closed_at = models.DateTimeField(_("closed at"), null=True)

    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("accepted by"),
    )
    accepted_at = models.DateTimeField(_("accepted at"), null=True)
    acceptance_reason = models.TextField(_("reason of the acceptance"), blank=True)
    due_at = models.DateTimeField(_("next try at"), null=True)
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    error = models.CharField(_("error"), max_length=100, blank=True)

    objects = DisputeQuerySet.as_manager()

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        ordering = ["-pk"]
        permissions = [("accept_dispute", "Can accept a dispute as lost")]
        constraints = [
            models.CheckConstraint(name="dispute_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="dispute_acceptance_complete",
                condition=Q(accepted_by=None, accepted_at=None, due_at=None, acceptance_reason="")
                | (
                    Q(accepted_by__isnull=False, accepted_at__isnull=False, due_at__isnull=False)
                    & ~Q(acceptance_reason="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_dispute_id

    @classmethod
    def told(cls, facts: Mapping[str, Any], donation: Donation, *, at: datetime) -> "Dispute":
        """A new row, not saved, of what Stripe tells of a dispute as of `at` (stripe_facts.facts_of)."""
        row = cls(
            stripe_dispute_id=facts["id"],
            donation=donation,
            amount=Decimal(facts["amount"]),
            currency=facts["currency"],
            reason=facts.get("reason") or "",
            status=facts["status"],
            opened_at=datetime.fromtimestamp(facts["created"], UTC),
            told_at=at,
        )
        row._take(facts, at)
        return row

    def hear(self, facts: Mapping[str, Any], *, at: datetime) -> bool:
        """Takes over the state Stripe tells as of `at`, unless a later one is known; whether anything is new in it.

        Of two states of one second the one that is further on counts. That it had ended, an older word may know sooner.
        """
        if at < self.told_at or (at == self.told_at and self._rank(facts) <= self._rank(None)):
            if facts["status"] != self.status or self.closed_at is None or at >= self.closed_at:
                return False
            self.closed_at = at
            return True
        self.status, self.told_at = facts["status"], at
        self._take(facts, at)
        return True

    def _rank(self, facts: Mapping[str, Any] | None) -> int:
        status = facts["status"] if facts else self.status
        values = list(self.Status.values)
        return values.index(status) if status in values else len(values)

    def _take(self, facts: Mapping[str, Any], at: datetime) -> None:
        # Stripe says 0 where the bank takes no answer.
        if due_by := facts.get("due_by"):
            self.due_by = datetime.fromtimestamp(due_by, UTC)
        self.closed_at = (self.closed_at or at) if self.status in self.ENDED else None

    @property
    def is_inquiry(self) -> bool:
        return self.status in self.INQUIRIES

    @property
    def is_open(self) -> bool:
        return self.status not in self.ENDED

    @property
    def is_taking(self) -> bool:
        return self.status in self.TAKING

    @property
    def said_to_supporter(self) -> str:
        """Of one that takes the amount: where it is, for who gave it."""
        return (
            gettext("contested at the bank") if self.is_open else gettext("taken back by the bank")
        )

    @property
    def state(self) -> str:
        """The status in words; Stripe's own word where it is new to us."""
        known = self.status in self.Status.values
        return str(self.Status(self.status).label) if known else self.status


class FraudWarningQuerySet(models.QuerySet["FraudWarning"]):
    def unanswered(self) -> "FraudWarningQuerySet":
        return self.filter(answer="")


class FraudWarning(models.Model):
    """The card's bank suspects fraud; a dispute, with its fee, often follows. Sent back at once where that is small."""

    class Answer(models.TextChoices):
        REFUND = "refund", _("refund asked for by the system")
        NOT_ACTIONABLE = "not_actionable", _("Stripe asks for nothing")
        NOTHING_LEFT = "nothing_left", _("sent back or taken back already")

    stripe_warning_id = models.CharField(_("Stripe warning"), max_length=255, unique=True)
    donation = models.ForeignKey(
        Donation, models.PROTECT, related_name="fraud_warnings", verbose_name=_("donation")
    )
    fraud_type = models.CharField(
        _("kind of fraud"), max_length=60, help_text=_("In Stripe's word.")
    )
    is_actionable = models.BooleanField(_("refund is of use"))
    warned_at = models.DateTimeField(_("warned at"))
    answer = models.CharField(_("answer"), max_length=20, choices=Answer, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True)
    request = models.OneToOneField(
        RefundRequest,
        models.PROTECT,
        null=True,
        related_name="fraud_warning",
        verbose_name=_("refund request"),
    )

    objects = FraudWarningQuerySet.as_manager()

    class Meta:
        verbose_name = _("fraud warning")
        verbose_name_plural = _("fraud warnings")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="fraud_warning_answer_complete",
                condition=Q(answer="", answered_at=None, request=None)
                | Q(answer="refund", answered_at__isnull=False, request__isnull=False)
                | (
                    Q(answered_at__isnull=False, request=None)
                    & Q(answer__in=["not_actionable", "nothing_left"])
                ),
            )
        ]

    def __str__(self) -> str:
        return self.stripe_warning_id
