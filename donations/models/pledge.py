"""A promise to give, the parts it is kept in, and each attempt to keep it by card."""

import uuid
from datetime import date, datetime
from decimal import Decimal

from django.db import models
from django.db.models import F, Q, Sum, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from appeals.models import Appeal
from defensefund.privacy import EncryptedTextField

from .fields import CurrencyField, MoneyField
from .fund import Fund
from .supporter import Supporter


class PledgeQuerySet(models.QuerySet["Pledge"]):
    def with_received(self) -> "PledgeQuerySet":
        """Annotates `received`: what arrived for the pledge, before refunds."""
        return self.annotate(
            received=Coalesce(
                Sum("donations__amount", filter=Q(donations__reversed_at=None)),
                Value(Decimal(0)),
                output_field=MoneyField(),
            )
        )

    def promised(self) -> "PledgeQuerySet":
        """Promises still wholly or partly to arrive, with `received`; whatever way was named, a transfer may keep them.

        A card payment in progress is not a promise: it is paid within half an hour or gone. A promise without end is
        never kept wholly.
        """
        return (
            self.filter(method__in=Pledge.PROMISED_METHODS, cancelled_at=None)
            .with_received()
            .filter(Q(received__lt=F("amount")) | Q(is_open_ended=True))
        )

    def reminded(self) -> "PledgeQuerySet":
        """Promises whose supporter wants to be reminded of them, and can be."""
        return self.filter(
            method__in=Pledge.PROMISED_METHODS,
            supporter__isnull=False,
            cancelled_at=None,
            paused_at=None,
            reminders_stopped_at=None,
        )

    def with_due(self, by: date) -> "PledgeQuerySet":
        """Annotates `due`: the sum of the parts that fall due up to the day `by`, paid or not."""
        parts = Instalment.objects.filter(pledge=models.OuterRef("pk"), due_on__lte=by)
        total = parts.order_by().values("pledge").annotate(sum=Sum("amount")).values("sum")
        return self.annotate(
            due=Coalesce(models.Subquery(total), Value(Decimal(0)), output_field=MoneyField())
        )


class Pledge(models.Model):
    """What a supporter set out to give. Its state is computed from what arrived, never stored."""

    class Method(models.TextChoices):
        CARD = "card", _("card")
        TRANSFER = "transfer", _("bank transfer")
        CASH = "cash", _("cash")
        CARD_LATER = "card_later", _("card, later")
        KEPT_CARD = "kept_card", _("card kept until the target is met")

    # Ways to keep a promise later on. Each has a reference, for whoever then pays by transfer after all.
    PROMISED_METHODS = (Method.TRANSFER, Method.CASH, Method.CARD_LATER)

    class Frequency(models.TextChoices):
        ONCE = "once", _("once")
        WEEKLY = "weekly", _("weekly")
        MONTHLY = "monthly", _("monthly")
        DATES = "dates", _("on chosen days")

    class Visibility(models.TextChoices):
        SECRET = "secret", _("nothing")
        AMOUNT = "amount", _("the amount")
        NAME = "name", _("the amount and a name")

    uuid = models.UUIDField(_("identifier"), unique=True, default=uuid.uuid4, editable=False)
    appeal = models.ForeignKey(
        Appeal, models.PROTECT, related_name="pledges", verbose_name=_("appeal")
    )
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="pledges", verbose_name=_("fund"))
    supporter = models.ForeignKey(
        Supporter,
        models.PROTECT,
        null=True,
        related_name="pledges",
        verbose_name=_("supporter"),
    )
    method = models.CharField(_("method"), max_length=10, choices=Method)
    frequency = models.CharField(_("frequency"), max_length=10, choices=Frequency)
    amount = MoneyField(
        _("amount"),
        help_text=_("In all; of a monthly gift or promise without end, each month."),
    )
    fee_cover = MoneyField(
        _("share of the card fees"),
        default=Decimal(0),
        help_text=_("What the supporter adds so that the amount arrives whole."),
    )
    is_open_ended = models.BooleanField(
        _("without end"), default=False, help_text=_("Promised each month until called off.")
    )
    currency = CurrencyField(_("currency"))
    condition = models.ForeignKey(
        "Condition",
        models.PROTECT,
        null=True,
        related_name="pledges",
        verbose_name=_("condition"),
        help_text=_("Given only if its target is met."),
    )
    policy = models.ForeignKey(
        "Policy",
        models.PROTECT,
        null=True,
        related_name="+",
        # Nobody asks for all gifts of a version; an index would only slow gifts down.
        db_index=False,
        editable=False,
        verbose_name=_("given under"),
        help_text=_("The policy in force that day; the database notes it."),
    )
    language = models.CharField(_("language"), max_length=5)
    reference = models.CharField(
        _("transfer reference"),
        max_length=25,
        unique=True,
        null=True,
        blank=True,
        help_text=_("ISO 11649; the supporter writes it on the transfer."),
    )
    created_at = models.DateTimeField(_("created at"))
    paused_at = models.DateTimeField(
        _("paused at"), null=True, help_text=_("Meanwhile nothing is due and nobody is reminded.")
    )
    reminders_stopped_at = models.DateTimeField(_("reminders stopped at"), null=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True)
    visibility = models.CharField(
        _("others see"), max_length=6, choices=Visibility, default=Visibility.SECRET
    )
    public_name = EncryptedTextField(
        _("public name"), blank=True, help_text=_("Only where the supporter chose to show one.")
    )
    receipt_names_fund = models.BooleanField(
        _("receipts name the purpose"),
        default=False,
        help_text=_("Otherwise they call the gift a donation, and no more."),
    )
    receipt_name = EncryptedTextField(_("name on receipts"), blank=True)
    country = models.CharField(
        _("country"), max_length=2, blank=True, help_text=_("For the tax sentence on receipts.")
    )
    link_version = models.PositiveSmallIntegerField(
        _("version of the private link"),
        default=1,
        help_text=_("Raised when letters go to another address: links made before open nothing."),
    )
    erased_at = models.DateTimeField(
        _("erased at"), null=True, help_text=_("When who gave it asked to be forgotten.")
    )

    objects = PledgeQuerySet.as_manager()

    class Meta:
        verbose_name = _("pledge")
        verbose_name_plural = _("pledges")
        permissions = [
            ("readdress_pledge", "Can have a gift's letters sent to another address"),
            ("hide_name_pledge", "Can take a name off the public pages"),
        ]
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(name="pledge_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="pledge_reference_when_promised",
                condition=Q(method__in=["transfer", "cash", "card_later"], reference__isnull=False)
                | Q(method__in=["card", "kept_card"], reference__isnull=True),
            ),
            models.CheckConstraint(
                name="pledge_kept_card_has_its_condition",
                condition=Q(method="kept_card", condition__isnull=False)
                & (Q(supporter__isnull=False) | Q(erased_at__isnull=False))
                | Q(condition=None) & ~Q(method="kept_card"),
            ),
            models.CheckConstraint(
                name="pledge_without_end_is_monthly",
                condition=Q(is_open_ended=False)
                | Q(frequency="monthly", method__in=["transfer", "cash", "card_later"]),
            ),
            models.CheckConstraint(
                name="pledge_fee_cover_not_negative", condition=Q(fee_cover__gte=0)
            ),
            models.CheckConstraint(
                name="pledge_fee_cover_by_card_only", condition=Q(fee_cover=0) | Q(method="card")
            ),
            models.CheckConstraint(
                name="pledge_public_name_only_where_chosen",
                condition=(Q(visibility="name") & ~Q(public_name=""))
                | (Q(visibility__in=["secret", "amount"], public_name="")),
            ),
            models.CheckConstraint(
                name="pledge_erased_names_nobody",
                condition=Q(erased_at=None)
                | Q(
                    supporter=None, visibility="secret", public_name="", receipt_name="", country=""
                ),
            ),
        ]
        indexes = [
            # The public figure "promised" reads only these.
            models.Index(
                name="pledge_open_promises",
                fields=["fund", "currency"],
                condition=Q(
                    method__in=["transfer", "cash", "card_later"], cancelled_at=None, paused_at=None
                ),
            ),
            # The office lists by day: all, those of one kind, and those that are paused or called off.
            models.Index(name="pledge_by_day", fields=["created_at", "id"]),
            models.Index(name="pledge_method_by_day", fields=["method", "created_at", "id"]),
            models.Index(name="pledge_frequency_by_day", fields=["frequency", "created_at", "id"]),
            models.Index(
                name="pledge_paused_by_day",
                fields=["created_at", "id"],
                condition=Q(paused_at__isnull=False),
            ),
            models.Index(
                name="pledge_cancelled_by_day",
                fields=["created_at", "id"],
                condition=Q(cancelled_at__isnull=False),
            ),
            # A bank line without a reference is set against those of its amount, the newest first.
            models.Index(
                name="pledge_awaited_amounts",
                fields=["currency", "amount", "created_at"],
                condition=Q(method__in=["transfer", "cash", "card_later"], cancelled_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{_('pledge')} {self.pk}"

    @property
    def total(self) -> Decimal:
        """What the supporter is asked for: the gift and, when chosen, the share of the card fees."""
        return self.amount + self.fee_cover

    @property
    def is_announced_transfer(self) -> bool:
        """One transfer of the whole, announced by the form for gifts: no promise kept in parts."""
        return self.method == self.Method.TRANSFER and not self.instalments.exists()

    @property
    def is_monthly_by_card(self) -> bool:
        return self.method == self.Method.CARD and self.frequency == self.Frequency.MONTHLY


class CheckoutQuerySet(models.QuerySet["Checkout"]):
    def untold(self) -> "CheckoutQuerySet":
        """Those of which nobody has said how they ended, whether their time is over or not."""
        return self.filter(completed_at=None, failed_at=None, expired_at=None)


class Instalment(models.Model):
    """One part of a promise and the day it is due. Whether it is paid is computed (donations/schedule.py)."""

    pledge = models.ForeignKey(
        Pledge, models.PROTECT, related_name="instalments", verbose_name=_("pledge")
    )
    due_on = models.DateField(_("due on"))
    amount = MoneyField(_("amount"))

    class Meta:
        verbose_name = _("instalment")
        verbose_name_plural = _("instalments")
        ordering = ["due_on"]
        constraints = [
            models.CheckConstraint(name="instalment_amount_positive", condition=Q(amount__gt=0)),
            models.UniqueConstraint(fields=["pledge", "due_on"], name="instalment_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.due_on} {self.amount}"


class Checkout(models.Model):
    """One visit to Stripe's payment page for a pledge; committed, with its idempotency key, before Stripe is asked."""

    # Who mistyped tries two or three times; who tests cards goes on.
    MOST_DECLINES = 5

    pledge = models.ForeignKey(
        Pledge, models.PROTECT, related_name="checkouts", verbose_name=_("pledge")
    )
    amount = MoneyField(
        _("amount"), help_text=_("What the page asks for in all, in the pledge's currency.")
    )
    keeps_card = models.BooleanField(
        _("only keeps the card"), default=False, help_text=_("Nothing is charged on this page.")
    )
    idempotency_key = models.CharField(_("idempotency key"), max_length=100, unique=True)
    stripe_session_id = models.CharField(
        _("Stripe session"),
        max_length=255,
        unique=True,
        null=True,
        blank=True,
    )
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    completed_at = models.DateTimeField(_("completed at"), null=True)
    failed_at = models.DateTimeField(_("failed at"), null=True)
    expired_at = models.DateTimeField(_("expired at"), null=True)
    look_up_at = models.DateTimeField(
        _("asked about next at"),
        null=True,
        help_text=_("When Stripe is asked again how it ended, as long as it has not told."),
    )

    objects = CheckoutQuerySet.as_manager()

    class Meta:
        verbose_name = _("checkout")
        verbose_name_plural = _("checkouts")
        constraints = [
            models.CheckConstraint(name="checkout_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="checkout_ends_one_way",
                condition=Q(failed_at=None) | Q(expired_at=None),
            ),
        ]
        indexes = [
            # The sweep reads only these.
            models.Index(
                name="checkout_untold",
                fields=["expires_at"],
                condition=Q(completed_at=None, failed_at=None, expired_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.idempotency_key

    @property
    def is_over(self) -> bool:
        """Whether somebody has said how it ended. Its time may be over before: then Stripe is asked."""
        return any((self.completed_at, self.failed_at, self.expired_at))

    def expire(self, *, at: datetime) -> None:
        """Notes that nobody paid here, unless something else was told meanwhile."""
        here = Checkout.objects.untold().filter(pk=self.pk)
        if here.update(expired_at=at):
            self.expired_at = at
