"""What the stand-in remembers: Stripe's objects as JSON, answers given under an idempotency key, webhooks to deliver."""

from datetime import datetime

from django.db import models


class SandboxObject(models.Model):
    """One object as Stripe's API shows it, by Stripe's kind of name ("checkout.session", "balance_transaction" …)."""

    id = models.CharField(primary_key=True, max_length=255)
    kind = models.CharField(max_length=40)
    data = models.JSONField()
    created_at = models.DateTimeField()
    # What only the stand-in needs to know, such as the metadata meant for a payment not made yet.
    notes = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(name="sandbox_newest_of_kind", fields=["kind", "-created_at"])]

    def __str__(self) -> str:
        return self.id


class SandboxRequest(models.Model):
    """The answer given under an idempotency key, to be given again."""

    key = models.CharField(primary_key=True, max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key


class SandboxDeliveryQuerySet(models.QuerySet["SandboxDelivery"]):
    def due(self, at: datetime) -> "SandboxDeliveryQuerySet":
        return self.filter(delivered_at=None, given_up_at=None, due_at__lte=at)


class SandboxDelivery(models.Model):
    """A webhook on its way to our own door."""

    event = models.ForeignKey(SandboxObject, models.CASCADE, related_name="deliveries")
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    last_answer = models.CharField(max_length=80, blank=True)
    delivered_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    objects = SandboxDeliveryQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                name="sandbox_delivery_due",
                fields=["due_at"],
                condition=models.Q(delivered_at=None, given_up_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.event_id} {self.last_answer}"
