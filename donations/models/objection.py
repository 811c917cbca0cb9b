"""What somebody of the office says against a payment that was made with one approval in an emergency."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .disbursement import Disbursement


class ObjectionQuerySet(models.QuerySet["Objection"]):
    def open(self) -> "ObjectionQuerySet":
        return self.filter(answered_at=None)


class Objection(models.Model):
    """It moves no money: it stays in sight until another person has answered it, and both words stay."""

    disbursement = models.ForeignKey(
        Disbursement, models.PROTECT, related_name="objections", verbose_name=_("disbursement")
    )
    reason = models.TextField(_("objection"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by")
    )
    at = models.DateTimeField(_("at"))
    answer = models.TextField(_("answer"), blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("answered by"),
    )
    answered_at = models.DateTimeField(_("answered at"), null=True)

    objects = ObjectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("objection")
        verbose_name_plural = _("objections")
        ordering = ["pk"]
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(name="objection_has_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="objection_answered_by_another_person",
                condition=Q(answered_by=None) | ~Q(answered_by=F("by")),
            ),
            models.CheckConstraint(
                name="objection_answer_complete",
                condition=Q(answered_by=None, answered_at=None, answer="")
                | (Q(answered_by__isnull=False, answered_at__isnull=False) & ~Q(answer="")),
            ),
            models.UniqueConstraint(
                name="objection_once_until_answered",
                fields=["disbursement", "by"],
                condition=Q(answered_at=None),
            ),
        ]

    def __str__(self) -> str:
        return str(self.disbursement)
