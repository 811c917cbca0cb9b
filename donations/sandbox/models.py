"""What the stand-in remembers: Stripe's objects as JSON, answers given under an idempotency key, webhooks to deliver."""

from datetime import datetime

from django.db import models
from django.db.models import Q


class SandboxObjectQuerySet(models.QuerySet["SandboxObject"]):
    def newest_first(self) -> "SandboxObjectQuerySet":
        """As Stripe lists; identifiers grow with time, so they settle what happened at the same instant."""
        return self.order_by("-created_at", "-id")

    def sessions(self) -> "SandboxObjectQuerySet":
        return self.filter(kind="checkout.session")

    def events(self) -> "SandboxObjectQuerySet":
        return self.filter(kind="event")

    def not_paid_out(self) -> "SandboxObjectQuerySet":
        """Movements on the balance that have not left with a payout."""
        return self.filter(kind="balance_transaction").exclude(notes__has_key="payout")


class SandboxObject(models.Model):
    """One object as Stripe's API shows it, by Stripe's kind of name ("checkout.session", "balance_transaction" …)."""

    id = models.CharField(primary_key=True, max_length=255)
    kind = models.CharField(max_length=40)
    data = models.JSONField()
    created_at = models.DateTimeField()
    # What Stripe knows and does not show in the object itself: the payout of a movement, the lines of a session.
    notes = models.JSONField(default=dict)

    objects = SandboxObjectQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(name="sandbox_newest_of_kind", fields=["kind", "-created_at", "-id"])
        ]

    def __str__(self) -> str:
        return self.id


class SandboxRequest(models.Model):
    """The answer given under an idempotency key, to be given again for a day."""

    key = models.CharField(primary_key=True, max_length=255)
    # SHA-256 of address and parameters.
    fingerprint = models.CharField(max_length=64)
    answer = models.JSONField()
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key


class SandboxDeliveryQuerySet(models.QuerySet["SandboxDelivery"]):
    def waiting(self) -> "SandboxDeliveryQuerySet":
        return self.filter(delivered_at=None, given_up_at=None)

    def due(self, at: datetime) -> "SandboxDeliveryQuerySet":
        return self.waiting().filter(due_at__lte=at)


class SandboxDelivery(models.Model):
    """A webhook on its way to our own door."""

    event = models.ForeignKey(SandboxObject, models.CASCADE, related_name="deliveries")
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    # The HTTP status of the last try, or why there was none.
    last_answer = models.CharField(max_length=80, blank=True)
    delivered_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    objects = SandboxDeliveryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="sandbox_delivery_ends_once",
                condition=Q(delivered_at=None) | Q(given_up_at=None),
            ),
        ]
        indexes = [
            models.Index(
                name="sandbox_delivery_due",
                fields=["due_at"],
                condition=Q(delivered_at=None, given_up_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.event_id} {self.last_answer}"
