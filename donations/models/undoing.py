"""What was recorded and never was: one person says so, another takes it back; the row stays."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# No condition.
ANY = Q()


class Undoing(models.Model):
    undo_reason = models.TextField(gettext_lazy("why it is taken back"), blank=True, db_default="")
    undo_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("taking back asked for by"),
    )
    undo_requested_at = models.DateTimeField(gettext_lazy("taking back asked for at"), null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("taken back by"),
    )
    undone_at = models.DateTimeField(gettext_lazy("taken back at"), null=True)

    class Meta:
        abstract = True

    @property
    def is_doubted(self) -> bool:
        """Somebody says so, and another person is to decide."""
        return bool(self.undo_requested_at and not self.undone_at)

    @property
    def why_not_asked(self) -> str:
        """Why nobody can ask for it, as far as was asked before; "" where they can. So the next two, of who decides."""
        return _("This is asked for, or taken back, already.") if self.undo_requested_at else ""

    @property
    def why_not_decided(self) -> str:
        if self.is_doubted:
            return ""
        return _("Nobody asked to take this back, or it is done already.")

    def why_not_by(self, user: User) -> str:
        if self.undo_requested_by_id == user.pk:
            return _("You asked for this yourself: another person must approve it.")
        return ""

    def ask(self, *, reason: str, by: User | None, at: datetime | None) -> None:
        """Keeps who says so and why; nobody and nothing where it is to stand."""
        self.undo_reason, self.undo_requested_by, self.undo_requested_at = reason, by, at
        self.save(update_fields=["undo_reason", "undo_requested_by", "undo_requested_at"])


def undone_by_another(
    name: str, *, asked_of: Q = ANY, undone_of: Q = ANY, by_one: Q | None = None
) -> list[models.BaseConstraint]:
    """The rules of the table of what can be taken back, named after it.

    `asked_of` must hold of what somebody asks to take back, `undone_of` of what is taken back, `by_one` of rows that one person
    took back when that was enough.
    """
    undone = Q(undone_by__isnull=False, undone_at__isnull=False) & undone_of
    whole = Q(undone_by=None, undone_at=None) | undone & Q(undo_requested_by__isnull=False) & ~Q(
        undone_by=F("undo_requested_by")
    )
    if by_one is not None:
        whole |= undone & Q(undo_requested_by=None) & by_one
    return [
        models.CheckConstraint(
            name=f"{name}_undo_asked_whole",
            condition=Q(undo_requested_by=None, undo_requested_at=None, undo_reason="")
            | (
                asked_of
                & Q(undo_requested_by__isnull=False, undo_requested_at__isnull=False)
                & ~Q(undo_reason="")
            ),
        ),
        models.CheckConstraint(name=f"{name}_undone_by_another_person", condition=whole),
    ]
