"""A monthly gift by card: its standing at Stripe, what its supporter asked to change, and each month's charge."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import ExtractMonth, ExtractYear
from django.utils.translation import gettext_lazy as _

from .donation import Donation
from .fields import CurrencyField, MoneyField
from .pledge import Pledge

# Ours and Stripe's clocks differ by less.
CLOCKS_APART = timedelta(minutes=5)
# How long before a charge the supporter who wants to be reminded is.
REMINDED_BEFORE = timedelta(days=3)


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def live(self) -> "SubscriptionQuerySet":
        """Those that may still be charged, paused ones included."""
        return self.filter(ended_at=None)

    def doubted(self) -> "SubscriptionQuerySet":
        """Those of whose charges a bank took back, questions or suspects one."""
        return self.filter(
            Q(pledge__donations__disputes__isnull=False)
            | Q(pledge__donations__fraud_warnings__isnull=False)
        ).distinct()

    def to_remind(self, at: datetime) -> "SubscriptionQuerySet":
        """Those charged within the next days whose supporter asked to be told before."""
        return self.live().filter(
            is_reminder_wanted=True,
            paused_at=None,
            pledge__supporter__isnull=False,
            next_charge_at__gt=at,
            next_charge_at__lte=at + REMINDED_BEFORE,
        )


class Subscription(models.Model):
    """Stripe's monthly charge for one pledge. Made and moved by what Stripe says, never by a form of ours."""

    # Stripe's list is open; these are the ones we act on. "trialing" is how it waits for a newly chosen day.
    ENDED = frozenset({"canceled", "incomplete_expired"})
    BEHIND = frozenset({"past_due", "unpaid", "incomplete"})

    pledge = models.OneToOneField(
        Pledge, models.PROTECT, related_name="subscription", verbose_name=_("pledge")
    )
    stripe_subscription_id = models.CharField(_("Stripe subscription"), max_length=255, unique=True)
    stripe_customer_id = models.CharField(_("Stripe customer"), max_length=255, blank=True)
    status = models.CharField(
        _("status"), max_length=30, help_text=_("As Stripe names it: active, past_due, canceled …")
    )
    amount = MoneyField(_("amount"), help_text=_("Of each month, as agreed last."))
    fee_cover = MoneyField(_("share of the card fees"), default=Decimal(0))
    currency = CurrencyField(_("currency"))
    next_charge_at = models.DateTimeField(_("next charge"), null=True)
    paused_at = models.DateTimeField(_("paused at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    is_reminder_wanted = models.BooleanField(_("reminded before each charge"), default=False)
    created_at = models.DateTimeField(_("created at"))
    read_at = models.DateTimeField(
        _("as of"), help_text=_("When Stripe was last asked: what it said before counts no more.")
    )

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("monthly gift")
        verbose_name_plural = _("monthly gifts")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(name="subscription_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="subscription_fee_cover_not_negative", condition=Q(fee_cover__gte=0)
            ),
            models.CheckConstraint(
                name="subscription_ended_is_not_charged",
                condition=Q(ended_at=None) | Q(next_charge_at=None),
            ),
        ]
        indexes = [
            models.Index(
                name="subscription_next_charge",
                fields=["next_charge_at"],
                condition=Q(ended_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.stripe_subscription_id

    @property
    def total(self) -> Decimal:
        """What is charged each month, share of the fees included."""
        return self.amount + self.fee_cover

    @property
    def is_live(self) -> bool:
        return self.ended_at is None

    @property
    def is_behind(self) -> bool:
        """Whether Stripe waits for a charge that did not go through."""
        return self.is_live and self.status in self.BEHIND

    def take(self, facts: dict[str, Any], *, read_at: datetime) -> bool:
        """Takes over what Stripe says (stripe_facts of a subscription), read at an instant; saves nothing.

        False, and nothing changes, when something newer was read before, or it had ended: that is final at Stripe.
        """
        if not self.is_live or (self.pk and read_at < self.read_at):
            return False
        self.read_at = read_at
        self.status = facts["status"]
        self.stripe_customer_id = facts.get("customer") or self.stripe_customer_id
        if self.status in self.ENDED:
            ended = facts.get("ended_at") or facts.get("canceled_at")
            self.ended_at = datetime.fromtimestamp(ended, UTC) if ended else read_at
            self.next_charge_at = self.paused_at = None
            return True
        next_charge = facts.get("next_charge")
        self.next_charge_at = datetime.fromtimestamp(next_charge, UTC) if next_charge else None
        if not facts.get("paused"):
            self.paused_at = None
        elif self.paused_at is None:
            self.paused_at = read_at
        return True

    def settle(self, change: "SubscriptionChange", *, at: datetime) -> None:
        """Notes that Stripe carried out what the supporter asked for; saves neither."""
        change.done_at = at
        if change.kind == SubscriptionChange.Kind.AMOUNT:
            assert change.amount is not None and change.fee_cover is not None
            self.amount, self.fee_cover = change.amount, change.fee_cover

    def may_be_charged(
        self, amount: Decimal, *, at: datetime, changes: "list[SubscriptionChange]"
    ) -> bool:
        """Whether `amount` may stand on a charge Stripe made up at the instant `at`, given all `changes` ever asked for.

        The one in force then; and one asked for before that Stripe may or may not have carried out yet.
        """
        asked = sorted(
            (c for c in changes if c.kind == SubscriptionChange.Kind.AMOUNT), key=lambda c: c.pk
        )
        possible = {self.pledge.amount + self.pledge.fee_cover}
        for change in asked:
            if change.asked_at > at + CLOCKS_APART:
                break
            if change.done_at and change.done_at < at - CLOCKS_APART:
                possible = set()
            possible.add(change.total)
        return amount in possible


# What may be written of a subscription after Stripe was asked.
TAKEN = ("status", "stripe_customer_id", "next_charge_at", "paused_at", "ended_at", "read_at")


class SubscriptionChangeQuerySet(models.QuerySet["SubscriptionChange"]):
    def open(self) -> "SubscriptionChangeQuerySet":
        """Asked for, and Stripe has not answered."""
        return self.filter(done_at=None, dropped_at=None)


class SubscriptionChange(models.Model):
    """What a supporter asked for; committed, with its idempotency key, before Stripe is asked."""

    class Kind(models.TextChoices):
        AMOUNT = "amount", _("another amount")
        DAY = "day", _("another day")
        PAUSE = "pause", _("pause")
        RESUME = "resume", _("go on after a pause")
        STOP = "stop", _("stop")

    subscription = models.ForeignKey(
        Subscription, models.PROTECT, related_name="changes", verbose_name=_("monthly gift")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    amount = MoneyField(_("amount"), null=True)
    fee_cover = MoneyField(_("share of the card fees"), null=True)
    next_charge_at = models.DateTimeField(_("next charge"), null=True)
    idempotency_key = models.CharField(_("idempotency key"), max_length=100, unique=True)
    asked_at = models.DateTimeField(_("asked at"))
    done_at = models.DateTimeField(_("done at"), null=True)
    dropped_at = models.DateTimeField(
        _("dropped at"),
        null=True,
        help_text=_("Stripe refused it, or another wish took its place before Stripe answered."),
    )

    objects = SubscriptionChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("change of a monthly gift")
        verbose_name_plural = _("changes of monthly gifts")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="subscription_change_says_what",
                condition=Q(
                    kind="amount",
                    # What is unknown would pass the two comparisons.
                    amount__isnull=False,
                    fee_cover__isnull=False,
                    amount__gt=0,
                    fee_cover__gte=0,
                    next_charge_at__isnull=True,
                )
                | Q(
                    kind="day",
                    amount__isnull=True,
                    fee_cover__isnull=True,
                    next_charge_at__isnull=False,
                )
                | Q(
                    kind__in=["pause", "resume", "stop"],
                    amount__isnull=True,
                    fee_cover__isnull=True,
                    next_charge_at__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="subscription_change_done_or_dropped",
                condition=Q(done_at=None) | Q(dropped_at=None),
            ),
            models.UniqueConstraint(
                fields=["subscription"],
                name="subscription_one_open_change",
                condition=Q(done_at=None, dropped_at=None),
            ),
        ]

    def __str__(self) -> str:
        return self.idempotency_key

    @property
    def is_open(self) -> bool:
        return self.done_at is None and self.dropped_at is None

    def is_shown_by(self, facts: dict[str, Any]) -> bool:
        """Whether what Stripe says of the subscription (stripe_facts) is what this change asked for."""
        match self.kind:
            case self.Kind.AMOUNT:
                return Decimal(facts["amount"]) == self.total
            case self.Kind.DAY:
                assert self.next_charge_at is not None
                return bool(facts.get("next_charge") == int(self.next_charge_at.timestamp()))
            case self.Kind.PAUSE:
                return bool(facts.get("paused"))
            case self.Kind.RESUME:
                return not facts.get("paused")
        return facts["status"] in Subscription.ENDED

    @property
    def total(self) -> Decimal:
        """The new sum of a month; only of a change of the amount."""
        assert self.amount is not None and self.fee_cover is not None
        return self.amount + self.fee_cover


class MonthlyCharge(models.Model):
    """One month of a monthly gift, as Stripe's invoice for it tells."""

    class State(models.TextChoices):
        PAID = "paid", _("paid")
        FAILED = "failed", _("not gone through")
        ACTION = "action", _("to be confirmed by the supporter")
        VOID = "void", _("not asked for")

    # The supporter may still pay these.
    UNPAID = (State.FAILED, State.ACTION)

    subscription = models.ForeignKey(
        Subscription, models.PROTECT, related_name="charges", verbose_name=_("monthly gift")
    )
    stripe_invoice_id = models.CharField(_("Stripe invoice"), max_length=255, unique=True)
    due_on = models.DateField(_("due on"))
    amount = MoneyField(_("amount"))
    state = models.CharField(_("state"), max_length=10, choices=State)
    donation = models.OneToOneField(
        Donation,
        models.PROTECT,
        null=True,
        related_name="monthly_charge",
        verbose_name=_("donation"),
    )
    told_at = models.DateTimeField(_("told at"))
    next_try_at = models.DateTimeField(
        _("next try"), null=True, help_text=_("When Stripe tries the card again by itself.")
    )

    class Meta:
        verbose_name = _("monthly charge")
        verbose_name_plural = _("monthly charges")
        ordering = ["-due_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="monthly_charge_amount_positive", condition=Q(amount__gt=0)
            ),
            models.CheckConstraint(
                name="monthly_charge_paid_is_a_donation",
                condition=Q(state="paid", donation__isnull=False)
                | (~Q(state="paid") & Q(donation__isnull=True)),
            ),
            # A newly chosen day is never before the one planned (donations/monthly.py): two charges of one gift
            # are in two calendar months.
            models.UniqueConstraint(
                F("subscription"),
                ExtractYear("due_on"),
                ExtractMonth("due_on"),
                name="monthly_charge_paid_once_a_month",
                condition=Q(state="paid"),
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_invoice_id
