"""Public keys of treasurers: payees' bank data is sealed to them, and opened on their own computers alone."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class SealingKeyQuerySet(models.QuerySet["SealingKey"]):
    def to_confirm(self) -> "SealingKeyQuerySet":
        return self.filter(confirmed_at=None, withdrawn_at=None)

    def in_use(self) -> "SealingKeyQuerySet":
        """What is sealed now is sealed to these."""
        return self.filter(confirmed_at__isnull=False, withdrawn_at=None, user__is_active=True)


class SealingKey(models.Model):
    """An age public key of a member of staff. Whoever could add one alone could read every account sealed from then on:
    so another person confirms it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="sealing_keys",
        verbose_name=_("whose it is"),
    )
    public_key = models.CharField(_("public key"), max_length=62, unique=True)
    registered_at = models.DateTimeField(_("registered at"))
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("confirmed by"),
    )
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("withdrawn by"),
    )
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)

    objects = SealingKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("sealing key")
        verbose_name_plural = _("sealing keys")
        ordering = ["-pk"]
        permissions = [
            ("register_sealingkey", "Can register an own sealing key"),
            ("confirm_sealingkey", "Can confirm or withdraw another person's sealing key"),
        ]
        constraints = [
            models.CheckConstraint(
                name="sealing_key_confirmed_by_another_person",
                condition=Q(confirmed_by=None) | ~Q(confirmed_by=F("user")),
            ),
            models.CheckConstraint(
                name="sealing_key_confirmation_complete",
                condition=Q(confirmed_by=None, confirmed_at=None)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="sealing_key_withdrawal_complete",
                condition=Q(withdrawn_by=None, withdrawn_at=None)
                | Q(withdrawn_by__isnull=False, withdrawn_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.public_key[:12]}…"

    @property
    def is_in_use(self) -> bool:
        return bool(self.confirmed_at and not self.withdrawn_at and self.user.is_active)
