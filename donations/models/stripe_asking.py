"""That somebody asked Stripe again for all since a day, and what came of it."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.models import ProcrastinateJob


class StripeAskingQuerySet(models.QuerySet["StripeAsking"]):
    def unfinished(self) -> "StripeAskingQuerySet":
        return self.filter(outcome="")

    def with_job(self) -> "StripeAskingQuerySet":
        """Annotated with whether the worker has its job, to do or in hand (`has_job`)."""
        jobs = ProcrastinateJob.objects.filter(pk=OuterRef("job_id"), status__in=["todo", "doing"])
        return self.annotate(has_job=Exists(jobs))


class StripeAsking(models.Model):
    """Kept for good. One is unfinished at a time; `told` events were new, and `booked` entries, when it was done."""

    class Outcome(models.TextChoices):
        DONE = "done", _("done")
        AWAY = "away", _("Stripe did not answer")
        REFUSED = "refused", _("Stripe refused to answer")
        CUT_OFF = "cut_off", _("cut off")

    since = models.DateField(_("since"))
    asked_at = models.DateTimeField(_("asked at"))
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("asked by")
    )
    job_id = models.BigIntegerField(null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    told = models.PositiveIntegerField(_("new events"), default=0)
    booked = models.PositiveIntegerField(_("new entries"), default=0)

    objects = StripeAskingQuerySet.as_manager()

    class Meta:
        verbose_name = _("question to Stripe")
        verbose_name_plural = _("questions to Stripe")
        ordering = ["-pk"]
        default_permissions = ()
        permissions = [("ask_stripe", "Can ask Stripe again for what is not here")]
        constraints = [
            models.UniqueConstraint(
                name="stripe_asking_one_at_a_time", fields=["outcome"], condition=Q(outcome="")
            ),
            models.CheckConstraint(
                name="stripe_asking_finished_with_outcome",
                condition=Q(outcome="", finished_at=None)
                | (~Q(outcome="") & Q(finished_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="stripe_asking_found_when_done",
                condition=Q(outcome="done") | Q(told=0, booked=0),
            ),
            models.CheckConstraint(
                name="stripe_asking_of_the_past", condition=Q(since__lte=F("asked_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.since}"

    @property
    def is_running(self) -> bool:
        """The worker has it still; of rows `with_job()`."""
        row: Any = self
        return not self.outcome and bool(row.has_job)
