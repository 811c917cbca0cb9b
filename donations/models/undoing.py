"""What was recorded and never was: one person says so, another takes it back; the row stays."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Undoing(models.Model):
    undo_reason = models.TextField(_("why it is taken back"), blank=True, db_default="")
    undo_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("taking back asked for by"),
    )
    undo_requested_at = models.DateTimeField(_("taking back asked for at"), null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("taken back by"),
    )
    undone_at = models.DateTimeField(_("taken back at"), null=True)

    class Meta:
        abstract = True
