"""The security log: who did what to whose access, and when. Append-only in the database; written by security_log.record."""

from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models
from django.utils.translation import gettext_lazy as _


class SecurityEvent(models.Model):
    class Kind(models.TextChoices):
        LOGGED_IN = "logged in", _("logged in")
        NEW_DEVICE = "new device", _("logged in from a new device")
        SET_UP = "second factor set up", _("second factor set up")
        REMOVED = "second factor removed", _("second factor removed")
        CODES_MADE = "recovery codes made", _("recovery codes made")
        CODE_USED = "recovery code used", _("recovery code used")
        PASSWORD_CHANGED = "password changed", _("password changed")
        RIGHTS_CHANGED = "rights changed", _("account or rights changed")
        LOCKED_OUT = "locked out", _("too many failed logins")

    kind = models.CharField(_("what"), max_length=40, choices=Kind)
    user = models.ForeignKey(
        User,
        models.PROTECT,
        related_name="security_events",
        verbose_name=_("whose access"),
    )
    by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("done by"),
    )
    at = models.DateTimeField(_("when"))
    # Written by the database: the hash of this row and of the one before (migrations/0002_security_log.py).
    chain = models.CharField(max_length=64, editable=False)

    class Meta:
        verbose_name = _("security event")
        verbose_name_plural = _("security log")
        ordering: ClassVar = ["-at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["user", "-at"], name="security_event_user_at"),
            # The office lists by day, of one kind or of all.
            models.Index(fields=["at", "id"], name="security_event_by_day"),
            models.Index(fields=["kind", "at", "id"], name="security_event_kind_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.at:%Y-%m-%d %H:%M}"
