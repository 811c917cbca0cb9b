"""What Stripe said, when we acted on it, or why not."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

# What these tell of is on Stripe's balance.
BALANCE_TYPES = (
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "payout.failed",
    "payout.paid",
    "payout.reconciliation_completed",
    "refund.created",
    "refund.failed",
    "refund.updated",
)


class StripeEventQuerySet(models.QuerySet["StripeEvent"]):
    def pending(self, at: datetime) -> "StripeEventQuerySet":
        """Neither acted on nor refused, and due for a (further) try at the instant `at`."""
        return self.filter(processed_at=None, refused_at=None, due_at__lte=at)

    def failing(self) -> "StripeEventQuerySet":
        """Tried in vain, to be tried again."""
        return self.filter(processed_at=None, refused_at=None, attempts__gt=0)

    def refused(self) -> "StripeEventQuerySet":
        return self.filter(refused_at__isnull=False)


class StripeEvent(models.Model):
    """One signed message from Stripe, reduced to the fields we act on: nothing in it names a person."""

    event_id = models.CharField(_("event"), max_length=255, unique=True)
    type = models.CharField(_("type"), max_length=100)
    object_id = models.CharField(_("object"), max_length=255, blank=True)
    livemode = models.BooleanField(_("live"))
    account = models.CharField(_("account"), max_length=255, blank=True)
    api_version = models.CharField(_("API version"), max_length=40, blank=True)
    created_at = models.DateTimeField(_("created at"))
    facts = models.JSONField(_("facts"))
    read_at = models.DateTimeField(
        _("Stripe asked at"),
        null=True,
        help_text=_("When Stripe was asked what the event itself does not say."),
    )
    received_at = models.DateTimeField(_("received at"))
    due_at = models.DateTimeField(_("next try at"))
    attempts = models.PositiveSmallIntegerField(_("failed tries"), default=0)
    error = models.TextField(_("error"), blank=True)
    processed_at = models.DateTimeField(_("processed at"), null=True)
    refused_at = models.DateTimeField(
        _("refused at"),
        null=True,
        help_text=_(
            "It contradicts our own rows or settings: nothing was booked, nothing is retried."
        ),
    )

    objects = StripeEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("Stripe event")
        verbose_name_plural = _("Stripe events")
        ordering = ["-pk"]
        permissions = [("retry_stripeevent", "Can have a failed Stripe event tried again")]
        constraints = [
            models.CheckConstraint(
                name="stripe_event_processed_or_refused",
                condition=Q(processed_at=None) | Q(refused_at=None),
            ),
            models.CheckConstraint(
                name="stripe_event_refused_with_reason",
                condition=Q(refused_at=None) | ~Q(error=""),
            ),
        ]
        indexes = [
            models.Index(
                name="stripe_event_pending",
                fields=["due_at"],
                condition=Q(processed_at=None, refused_at=None),
            ),
            # The office lists by day, all and those that contradict our rows,
            models.Index(name="stripe_event_by_day", fields=["created_at", "id"]),
            models.Index(
                name="stripe_event_refused_by_day",
                fields=["created_at", "id"],
                condition=Q(refused_at__isnull=False),
            ),
            # and asks what was said of one thing.
            models.Index(name="stripe_event_object", fields=["object_id"]),
            # After each batch it is looked whether the balance is to be listed.
            models.Index(
                name="stripe_event_of_balance",
                fields=["processed_at"],
                condition=Q(type__in=BALANCE_TYPES),
            ),
        ]

    def __str__(self) -> str:
        return self.event_id
