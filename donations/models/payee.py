"""Who may be paid: lawyers, courts, experts; their bank data is sealed, and counts once a second person confirmed it."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from defensefund.privacy import EncryptedTextField, keyed_hash

from .bank_account import Scheme
from .numbers import new_number
from .sealing_key import SealingKey


def new_payee_number() -> str:
    return new_number("P")


def hash_payee(name: str, account: str) -> str:
    """Equal for equal payees, so that an approval is bound to one without naming it."""
    return keyed_hash(f"{name}\n{account}", purpose="payee")


def hash_account(account: str) -> str:
    """Equal for equal account numbers, however they are spaced; for comparing what nobody here can read."""
    return keyed_hash("".join(account.split()), purpose="account")


def masked(account: str) -> str:
    """The last characters of an account, for people to recognize it by."""
    compact = "".join(account.split())
    return "…" + compact[-4 if len(compact) >= 10 else -2 :]


class PayeeQuerySet(models.QuerySet["Payee"]):
    def with_account(self) -> "PayeeQuerySet":
        return self.select_related("account")

    def active(self) -> "PayeeQuerySet":
        return self.filter(retired_at=None, account__isnull=False)

    def to_confirm(self) -> "PayeeQuerySet":
        """Their account waits for a second person."""
        return self.active().filter(account__isnull=False, account__confirmed_at=None)

    def payable(self) -> "PayeeQuerySet":
        return (
            self.active().filter(account__confirmed_at__isnull=False).exclude(account__sealed=b"")
        )


class Payee(models.Model):
    """Who may be paid. Name and account stand in `account`; a change of either is another account."""

    class Kind(models.TextChoices):
        LAWYER = "lawyer", _("lawyer")
        COURT = "court", _("court or authority")
        EXPERT = "expert", _("expert or translator")
        OTHER = "other", _("another provider")

    NOBODY_YET = _("Name and account are not recorded yet: record them first.")

    number = models.CharField(
        _("number"), max_length=20, unique=True, default=new_payee_number, editable=False
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    account = models.OneToOneField(
        "PayeeAccount", models.PROTECT, null=True, related_name="+", verbose_name=_("account")
    )
    is_sample = models.BooleanField(_("sample data"), default=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )
    recorded_at = models.DateTimeField(_("recorded at"))
    retired_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("retired by"),
    )
    retired_at = models.DateTimeField(_("retired at"), null=True)

    objects = PayeeQuerySet.as_manager()

    class Meta:
        verbose_name = _("payee")
        verbose_name_plural = _("payees")
        ordering = ["-pk"]
        permissions = [
            ("record_payee", "Can record a payee and change its account"),
            ("confirm_payee", "Can confirm a payee's account"),
            ("unseal_payee", "Can download a payee's sealed account, and seal it anew"),
        ]
        constraints = [
            models.CheckConstraint(
                name="payee_kind_known",
                condition=Q(kind__in=["lawyer", "court", "expert", "other"]),
            ),
            models.CheckConstraint(
                name="payee_retirement_complete",
                condition=Q(retired_by=None, retired_at=None)
                | Q(retired_by__isnull=False, retired_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account.name} ({self.account.tail})" if self.account else self.number

    @property
    def is_payable(self) -> bool:
        return bool(
            self.account
            and self.account.confirmed_at
            and self.account.sealed
            and not self.retired_at
        )


class PayeeAccountQuerySet(models.QuerySet["PayeeAccount"]):
    def current(self) -> "PayeeAccountQuerySet":
        return self.filter(payee__account=F("pk"))

    def waiting(self) -> "PayeeAccountQuerySet":
        """From before there were keys: encrypted until there is one to seal to."""
        return self.filter(sealed=b"")

    def sealed_otherwise(self, keys: "models.QuerySet[SealingKey]") -> "PayeeAccountQuerySet":
        """Current ones whose sealed file is not for exactly these keys: a treasurer came or went."""
        to = PayeeAccount.sealed_to.through.objects
        mine = to.filter(payeeaccount=models.OuterRef(models.OuterRef("pk")))
        missing: Any = keys.exclude(pk__in=mine.values("sealingkey"))
        surplus = to.filter(payeeaccount=models.OuterRef("pk")).exclude(
            sealingkey__in=keys.values("pk")
        )
        return (
            self.current()
            .filter(payee__retired_at=None)
            .exclude(sealed=b"")
            .filter(Q(models.Exists(missing)) | Q(models.Exists(surplus)))
        )


class PayeeAccount(models.Model):
    """Name and account of a payee as recorded at one time. Never changed: another one takes its place.

    Here are only the sealed file, a keyed hash for equality, the last characters, and the code of what was sealed
    (sealed_accounts.py); that two people gave the same account shows by the hash.
    """

    payee = models.ForeignKey(
        Payee, models.PROTECT, related_name="accounts", verbose_name=_("payee")
    )
    name = EncryptedTextField(_("account holder"))
    scheme = models.CharField(_("kind of number"), max_length=10, choices=Scheme)
    tail = models.CharField(_("ends with"), max_length=10)
    account_hash = models.CharField(_("account, keyed hash"), max_length=64, db_index=True)
    payee_hash = models.CharField(_("payee, keyed hash"), max_length=64)
    code = models.CharField(_("code of the sealed file"), max_length=64, blank=True)
    sealed = models.BinaryField(_("sealed file"), default=bytes)
    sealed_to = models.ManyToManyField(
        SealingKey, related_name="accounts", verbose_name=_("sealed to")
    )
    # Only of what was recorded before there were keys; empty as soon as it is sealed.
    waiting = EncryptedTextField(_("account, not sealed yet"), blank=True)
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("given by")
    )
    given_at = models.DateTimeField(_("given at"))
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("confirmed by"),
    )
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)

    objects = PayeeAccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("payee's account")
        verbose_name_plural = _("payees' accounts")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="payee_account_scheme_known", condition=Q(scheme__in=Scheme.values)
            ),
            models.CheckConstraint(
                name="payee_account_confirmed_by_another_person",
                condition=Q(confirmed_by=None) | ~Q(confirmed_by=F("given_by")),
            ),
            models.CheckConstraint(
                name="payee_account_confirmation_complete",
                condition=Q(confirmed_by=None, confirmed_at=None)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="payee_account_sealed_or_waiting",
                condition=Q(sealed=b"", code="") & ~Q(waiting="")
                | Q(waiting="") & ~Q(sealed=b"") & ~Q(code=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.tail})"

    def twins(self) -> PayeeAccountQuerySet:
        """The same account, where it is another payee's present one."""
        present = PayeeAccount.objects.current()
        return present.filter(account_hash=self.account_hash).exclude(payee=self.payee_id)
