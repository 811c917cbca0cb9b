"""A month of the books: open, its totals verified, reconciled with bank and Stripe, closed by two people."""

from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from defensefund.templatetags.formats import page_locale

from ..month_days import first_day, next_month
from .account import Account
from .fields import MoneyField
from .statement import StatementImport


class PeriodQuerySet(models.QuerySet["Period"]):
    def open(self) -> "PeriodQuerySet":
        return self.filter(closed_at=None)

    def over(self, at: datetime) -> "PeriodQuerySet":
        """Open, with its last day behind us: it may be closed."""
        return self.open().filter(month__lt=first_day(at.date()))

    def closed(self) -> "PeriodQuerySet":
        return self.filter(closed_at__isnull=False)

    def settling(self, day: date) -> "Period | None":
        """The month whose closing settled what the books say up to `day`; None while that may change."""
        return self.closed().filter(month__gte=first_day(day)).order_by("month").first()

    def requested(self) -> "PeriodQuerySet":
        """Waiting for a second person."""
        return self.filter(closed_at=None, requested_at__isnull=False)


def _by(name: Any) -> Any:
    """Who took a step; nobody yet while it is not taken."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=name
    )


class Period(models.Model):
    """One month. Once closed nothing is booked in it, and nothing of this row changes; the database refuses both.

    `sha256` is of the month's statement (reports.canonical) as it was when closing was asked for, and it is what is closed.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        VERIFIED = "verified", _("totals verified")
        RECONCILED = "reconciled", _("reconciled")
        REQUESTED = "requested", _("to be closed by another person")
        CLOSED = "closed", _("closed")

    month = models.DateField(_("month"), unique=True, help_text=_("Its first day."))
    verified_at = models.DateTimeField(_("totals verified at"), null=True)
    verified_by = _by(_("totals verified by"))
    reconciled_at = models.DateTimeField(_("reconciled at"), null=True)
    reconciled_by = _by(_("reconciled by"))
    requested_at = models.DateTimeField(_("closing requested at"), null=True)
    requested_by = _by(_("closing requested by"))
    closed_at = models.DateTimeField(_("closed at"), null=True)
    closed_by = _by(_("closed by"))
    sha256 = models.CharField(_("SHA-256 of the month's statement"), max_length=64, blank=True)
    entries = models.PositiveIntegerField(_("entries"), null=True)

    objects = PeriodQuerySet.as_manager()

    class Meta:
        verbose_name = _("month of the books")
        verbose_name_plural = _("months of the books")
        ordering = ["-month"]
        permissions = [
            ("verify_period", "Can verify and reconcile a month, and ask to close it"),
            ("close_period", "Can close a month that another person asked to close"),
        ]
        constraints = [
            models.CheckConstraint(name="period_begins_on_the_first", condition=Q(month__day=1)),
            *(
                models.CheckConstraint(
                    name=f"period_{step}_by_somebody",
                    condition=Q(**{f"{step}_at": None, f"{step}_by": None})
                    | Q(**{f"{step}_at__isnull": False, f"{step}_by__isnull": False}),
                )
                for step in ("verified", "reconciled", "requested", "closed")
            ),
            models.CheckConstraint(
                name="period_steps_in_turn",
                condition=(Q(reconciled_at=None) | Q(verified_at__isnull=False))
                & (Q(requested_at=None) | Q(reconciled_at__isnull=False))
                & (Q(closed_at=None) | Q(requested_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="period_request_names_its_statement",
                condition=Q(requested_at=None, sha256="", entries=None)
                | Q(requested_at__isnull=False, sha256__regex="^[0-9a-f]{64}$", entries__gte=0),
            ),
            models.CheckConstraint(
                name="period_closed_by_another_person",
                condition=Q(closed_by=None) | ~Q(closed_by=F("requested_by")),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def last_day(self) -> date:
        return next_month(self.month) - timedelta(days=1)

    @property
    def name(self) -> str:
        """ "November 2026", in the page's language."""
        months = page_locale().months["stand-alone"]["wide"]
        return f"{months[self.month.month]} {self.month.year}"

    @property
    def state(self) -> "Period.State":
        if self.closed_at:
            return self.State.CLOSED
        if self.requested_at:
            return self.State.REQUESTED
        if self.reconciled_at:
            return self.State.RECONCILED
        return self.State.VERIFIED if self.verified_at else self.State.OPEN


class Assertion(models.Model):
    """What lay on an account at the end of a month by somebody else's word: stated = booked + explained, or it fails.

    `items` lists what explains the difference: [{"what", "name", "amount"}], amounts exact text; `explained` is their
    sum, whatever the bank saw in another month than we.
    """

    class Basis(models.TextChoices):
        STATEMENT = "statement", _("bank statement")
        STRIPE = "stripe", _("Stripe's balance")
        TYPED = "typed", _("read by a person")

    period = models.ForeignKey(
        Period, models.PROTECT, related_name="assertions", verbose_name=_("month")
    )
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="assertions", verbose_name=_("account")
    )
    basis = models.CharField(_("by"), max_length=9, choices=Basis)
    statement = models.ForeignKey(
        StatementImport,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("statement import"),
    )
    stated = MoneyField(_("stated"))
    booked = MoneyField(_("in the books"))
    explained = MoneyField(_("explained"))
    items = models.JSONField(_("what explains it"), default=list)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by")
    )
    made_at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("balance assertion")
        verbose_name_plural = _("balance assertions")
        ordering = ["account__code"]
        constraints = [
            models.UniqueConstraint(
                fields=["period", "account"], name="assertion_once_per_account"
            ),
            models.CheckConstraint(
                name="assertion_names_its_statement",
                condition=Q(basis="statement", statement__isnull=False)
                | (~Q(basis="statement") & Q(statement=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.period} {self.account}"

    @property
    def holds(self) -> bool:
        return self.stated == self.booked + self.explained
