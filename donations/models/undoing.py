"""What was recorded and never was: one person says so, another takes it back; the row stays."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
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

    @property
    def is_doubted(self) -> bool:
        """Somebody says so, and another person is to decide."""
        return bool(self.undo_requested_at and not self.undone_at)

    def ask(self, *, reason: str, by: User | None, at: datetime | None) -> None:
        """Keeps who says so and why; nobody and nothing where it is to stand."""
        self.undo_reason, self.undo_requested_by, self.undo_requested_at = reason, by, at
        self.save(update_fields=["undo_reason", "undo_requested_by", "undo_requested_at"])
