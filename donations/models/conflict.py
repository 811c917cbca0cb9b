"""Who must keep out of a payment: staff who are, or are close to, a payee or a defendant, and staff's own accounts."""

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from appeals.models import Defendant

from .payee import Payee


class ConflictQuerySet(models.QuerySet["Conflict"]):
    def standing(self) -> "ConflictQuerySet":
        return self.filter(ended_at=None)


class StaffAccountQuerySet(models.QuerySet["StaffAccount"]):
    def standing(self) -> "StaffAccountQuerySet":
        return self.filter(ended_at=None)

    def said_by(self, user: User) -> "StaffAccountQuerySet":
        """What `user` says of their accounts, also that there is none; empty as long as they said nothing."""
        return self.standing().filter(user=user)


class Conflict(models.Model):
    """A member of staff who neither asks for, approves nor makes a payment to this payee, or for this defendant."""

    class Relation(models.TextChoices):
        SELF = "self", _("is the person")
        RELATIVE = "relative", _("is a relative or partner")
        BUSINESS = "business", _("works with or for them")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="conflicts",
        verbose_name=_("member of staff"),
    )
    payee = models.ForeignKey(
        Payee, models.PROTECT, null=True, related_name="conflicts", verbose_name=_("payee")
    )
    defendant = models.ForeignKey(
        Defendant, models.PROTECT, null=True, related_name="+", verbose_name=_("defendant")
    )
    relation = models.CharField(_("relation"), max_length=10, choices=Relation)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )
    recorded_at = models.DateTimeField(_("recorded at"))
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("ended by"),
    )
    ended_at = models.DateTimeField(_("ended at"), null=True)

    objects = ConflictQuerySet.as_manager()

    class Meta:
        verbose_name = _("conflict of interest")
        verbose_name_plural = _("conflicts of interest")
        ordering = ["-pk"]
        permissions = [
            ("record_conflict", "Can record a conflict of interest"),
            ("end_conflict", "Can end another person's conflict of interest"),
        ]
        constraints = [
            models.CheckConstraint(
                name="conflict_with_a_payee_or_a_defendant",
                condition=Q(payee=None, defendant__isnull=False)
                | Q(payee__isnull=False, defendant=None),
            ),
            models.CheckConstraint(
                name="conflict_ended_by_another_person",
                condition=Q(ended_by=None, ended_at=None)
                | (Q(ended_by__isnull=False, ended_at__isnull=False) & ~Q(ended_by=F("user"))),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.payee or self.defendant}"


class StaffAccount(models.Model):
    """The keyed hash of an account of a member of staff: nothing is paid there. The account itself is not kept.

    Without a hash it is their word that they have none. Who has said neither asks for no payment and approves none.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="staff_accounts",
        verbose_name=_("whose it is"),
    )
    account_hash = models.CharField(
        _("account, keyed hash"),
        max_length=64,
        db_index=True,
        blank=True,
        help_text=_("Empty: they say that they have none."),
    )
    declared_at = models.DateTimeField(_("declared at"))
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("ended by"),
    )
    ended_at = models.DateTimeField(_("ended at"), null=True)

    objects = StaffAccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("account of staff")
        verbose_name_plural = _("accounts of staff")
        ordering = ["-pk"]
        permissions = [
            ("declare_staffaccount", "Can declare an own account"),
            ("end_staffaccount", "Can end another person's declared account"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "account_hash"],
                name="staff_account_once",
                condition=Q(ended_at=None),
            ),
            models.CheckConstraint(
                # That they have none ends with their first account.
                name="staff_account_ended_by_another_person",
                condition=Q(ended_by=None, ended_at=None)
                | (
                    Q(ended_by__isnull=False, ended_at__isnull=False)
                    & (~Q(ended_by=F("user")) | Q(account_hash=""))
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.account_hash[:8] or gettext('none')}"
