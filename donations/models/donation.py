"""Money that arrived."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import connection, models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .amounts import AmountQuerySet
from .fields import CurrencyField, MoneyField
from .fund import Fund
from .pledge import Pledge

if TYPE_CHECKING:
    from .dispute import Dispute
    from .refund import Refund


class DonationQuerySet(AmountQuerySet["Donation"]):
    def standing(self) -> "DonationQuerySet":
        """Without those whose bank line turned out to be something else."""
        return self.filter(reversed_at=None)


class Donation(models.Model):
    """Money that arrived for a fund. Made by the webhook, a bank line or a treasurer with cash; never by a form of ours."""

    class Method(models.TextChoices):
        CARD = "card", _("card")
        TRANSFER = "transfer", _("bank transfer")
        CASH = "cash", _("cash")
        CHEQUE = "cheque", _("cheque")

    pledge = models.ForeignKey(
        Pledge,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="donations",
        verbose_name=_("pledge"),
        help_text=_("Empty when nobody announced the gift."),
    )
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="donations", verbose_name=_("fund"))
    method = models.CharField(_("method"), max_length=10, choices=Method)
    amount = MoneyField(_("amount"), help_text=_("Gross: what the supporter paid."))
    currency = CurrencyField(_("currency"))
    fee = MoneyField(
        _("fee"), null=True, help_text=_("What the processor kept; empty until it says so.")
    )
    received_at = models.DateTimeField(_("received at"))
    source = models.CharField(
        _("source"),
        max_length=200,
        help_text=_("The fact behind it, the same as its ledger entry's source."),
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
        help_text=_(
            "The policy the promise was made under, else the one in force that day; the database notes it."
        ),
    )
    stripe_payment_intent_id = models.CharField(  # noqa: DJ001  unique where there is one
        _("Stripe payment"),
        max_length=255,
        null=True,
        blank=True,
    )

    reversed_at = models.DateTimeField(
        _("reversed at"),
        null=True,
        editable=False,
        help_text=_("When the bank line it was made from was found to be something else."),
    )

    objects = DonationQuerySet.as_manager()

    class Meta:
        verbose_name = _("donation")
        verbose_name_plural = _("donations")
        ordering = ["-pk"]
        constraints = [
            # Here and not with the fields, whose indexes would be doubled for searches by the first characters.
            models.UniqueConstraint(name="donation_source_once", fields=["source"]),
            models.UniqueConstraint(
                name="donation_payment_once",
                fields=["stripe_payment_intent_id"],
                condition=Q(stripe_payment_intent_id__isnull=False),
            ),
            models.CheckConstraint(name="donation_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="donation_fee_not_negative",
                condition=Q(fee=None) | Q(fee__gte=0),
            ),
            models.CheckConstraint(
                name="donation_by_card_is_refunded_not_reversed",
                condition=Q(reversed_at=None) | ~Q(method="card"),
            ),
        ]
        indexes = [
            # The office lists by day, of one method or of all.
            models.Index(name="donation_by_day", fields=["received_at", "id"]),
            models.Index(name="donation_method_by_day", fields=["method", "received_at", "id"]),
            # Those of late are awaited on Stripe's balance.
            models.Index(
                name="donation_without_fee",
                fields=["received_at"],
                condition=Q(method="card", fee=None),
            ),
            # What arrived lately is set against what was declined lately.
            models.Index(
                name="donation_recent_cards",
                fields=["currency", "received_at"],
                condition=Q(method="card"),
            ),
        ]

    def __str__(self) -> str:
        return self.receipt_number or f"{_('donation')} {self.pk}"

    @property
    def is_known_by_day(self) -> bool:
        """A bank and a cash box tell the day alone; then `received_at` is its first moment."""
        return self.method != self.Method.CARD

    @property
    def receipt_number(self) -> str:
        """Of its receipt; empty as long as none was issued. Select "receipt" along where several are shown."""
        return self.receipt.number if hasattr(self, "receipt") else ""

    @property
    def sent_back(self) -> "list[Refund]":
        """Its refunds that stand, in their order; reads "refunds", prefetched where several donations are shown."""
        refunds = (refund for refund in self.refunds.all() if refund.is_standing)
        return sorted(refunds, key=lambda refund: refund.pk)

    @property
    def taken_back(self) -> "list[Dispute]":
        """Its disputes whose amount is at the supporter's bank, for now or for good, in their order; reads "disputes"."""
        disputes = (dispute for dispute in self.disputes.all() if dispute.is_taking)
        return sorted(disputes, key=lambda dispute: dispute.pk)

    def refundable(self) -> Decimal:
        """What is neither sent back nor asked back nor at the supporter's bank in a dispute; below zero when a bank
        took more than was left."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT donations_refundable(%s)", [self.pk])
            return Decimal(cursor.fetchone()[0])
