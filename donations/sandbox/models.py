"""What the stand-in remembers: Stripe's objects as JSON, answers given under an idempotency key, webhooks to deliver."""

from datetime import datetime

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q, Sum
from django.db.models.fields.json import KT, KeyTransform
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

# By what else than their age objects are looked up: where it stands in them, and in which kinds.
LINKS = {
    "charge": (
        KeyTransform("charge", "data"),
        ["refund", "dispute", "radar.early_fraud_warning"],
    ),
    "customer": (
        KeyTransform("customer", "data"),
        ["subscription", "invoice", "payment_method", "payment_intent", "charge"],
    ),
    "invoice": (KeyTransform("invoice", "data"), ["invoice_payment"]),
    "paid_by": (
        KeyTransform("payment_intent", KeyTransform("payment", "data")),
        ["invoice_payment"],
    ),
    "payment_intent": (
        KeyTransform("payment_intent", "data"),
        ["checkout.session", "charge", "refund", "dispute", "radar.early_fraud_warning"],
    ),
    "payout": (KeyTransform("payout", "notes"), ["balance_transaction"]),
    "source": (KeyTransform("source", "data"), ["balance_transaction"]),
    "subscription": (
        KeyTransform(
            "subscription", KeyTransform("subscription_details", KeyTransform("parent", "data"))
        ),
        ["invoice"],
    ),
}


class SandboxObjectQuerySet(models.QuerySet["SandboxObject"]):
    def newest_first(self) -> "SandboxObjectQuerySet":
        """As Stripe lists; identifiers grow with time, so they settle what happened at the same instant."""
        return self.order_by("-created_at", "-id")

    def sessions(self) -> "SandboxObjectQuerySet":
        return self.filter(kind="checkout.session")

    def events(self) -> "SandboxObjectQuerySet":
        return self.filter(kind="event")

    def of_kind(self, kind: str) -> "SandboxObjectQuerySet":
        return self.filter(kind=kind)

    def due(self, at: datetime) -> "SandboxObjectQuerySet":
        """What the clock is to act on, the longest due first."""
        return self.filter(due_at__lte=at).order_by("due_at", "id")

    def not_paid_out(self) -> "SandboxObjectQuerySet":
        """Movements on the balance that have not left with a payout."""
        return self.filter(kind="balance_transaction").exclude(notes__has_key="payout")

    def balances(self) -> list[tuple[str, str, int]]:
        """(currency, "available" or "pending", sum of what moved, in smallest units) of the movements among these."""
        rows = (
            self.filter(kind="balance_transaction")
            .values_list("data__currency", "data__status")
            .annotate(net=Sum(Cast(KT("data__net"), models.BigIntegerField())))
        )
        return sorted(rows)


class SandboxObject(models.Model):
    """One object as Stripe's API shows it, by Stripe's kind of name ("checkout.session", "balance_transaction" …)."""

    id = models.CharField(primary_key=True, max_length=255)
    kind = models.CharField(max_length=40)
    data = models.JSONField()
    created_at = models.DateTimeField()
    # What Stripe knows and does not show in the object itself: the payout of a movement, the lines of a session.
    notes = models.JSONField(default=dict)
    # When the clock is to do something with it: close a page, bill a period, try a card again.
    due_at = models.DateTimeField(null=True)

    objects = SandboxObjectQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(name="sandbox_newest_of_kind", fields=["kind", "-created_at", "-id"]),
            models.Index(name="sandbox_object_due", fields=["due_at"], condition=~Q(due_at=None)),
            *(
                models.Index(path, name=f"sandbox_by_{name}", condition=Q(kind__in=kinds))
                for name, (path, kinds) in LINKS.items()
            ),
            models.Index(
                name="sandbox_not_paid_out",
                fields=["id"],
                condition=Q(kind="balance_transaction") & ~Q(notes__has_key="payout"),
            ),
        ]

    def __str__(self) -> str:
        return self.id


class SandboxRequest(models.Model):
    """The answer given under an idempotency key, to be given again for a day."""

    key = models.CharField(primary_key=True, max_length=255)
    # SHA-256 of address and parameters.
    fingerprint = models.CharField(max_length=64)
    answer = models.JSONField()
    status = models.PositiveSmallIntegerField(default=200)
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


class SandboxFaults(models.Model):
    """What goes wrong on purpose, as whoever tries the fund out has set it: one row, or none."""

    ONLY = 1

    class Api(models.TextChoices):
        ERROR = "error", _("answers 500, with nothing done")
        TIMES_OUT = "times_out", _("does not answer in time, with nothing done")
        DONE_THEN_ERROR = "done_then_error", _("does what was asked, then answers 500")

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    is_twice = models.BooleanField(default=False)
    late_seconds = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(86_400)])
    is_out_of_order = models.BooleanField(default=False)
    drop_percent = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(100)])
    api_fault = models.CharField(max_length=20, choices=Api, blank=True)
    # How many more requests fail so.
    api_requests = models.PositiveSmallIntegerField(default=0)
    fails_reads = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="sandbox_faults_one_row", condition=Q(id=1)),
            models.CheckConstraint(
                name="sandbox_faults_percent", condition=Q(drop_percent__lte=100)
            ),
            models.CheckConstraint(
                name="sandbox_faults_late_a_day", condition=Q(late_seconds__lte=86_400)
            ),
            models.CheckConstraint(
                name="sandbox_faults_api_counted",
                condition=Q(api_fault="", api_requests=0)
                | Q(api_fault__in=["error", "times_out", "done_then_error"], api_requests__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.api_fault} {self.api_requests}"

    def goes_wrong(self) -> bool:
        """Whether anything goes wrong on purpose."""
        return bool(
            self.is_twice
            or self.late_seconds
            or self.is_out_of_order
            or self.drop_percent
            or self.api_fault
        )
