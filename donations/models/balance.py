"""What moved on Stripe's balance, as Stripe says: the books are held against it, to the cent (proofs.py)."""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .donation import Donation
from .fields import CurrencyField, MoneyField
from .payout import Payout


class BalanceTransactionQuerySet(models.QuerySet["BalanceTransaction"]):
    def of_payments(self) -> "BalanceTransactionQuerySet":
        """Payments and what went back of them: their fees together are a donation's fee."""
        return self.filter(type__in=BalanceTransaction.OF_PAYMENTS)


class BalanceTransaction(models.Model):
    """One movement on Stripe's balance: `amount` − `fee` = `net`, below zero when money leaves. Never changed but for its payout."""

    PAYMENTS = ("charge", "payment")
    REFUNDS = ("refund", "payment_refund")
    RETURNS = ("refund_failure",)
    OF_PAYMENTS = (*PAYMENTS, *REFUNDS, *RETURNS)
    PAYOUTS = ("payout", "payout_failure", "payout_cancel")

    stripe_id = models.CharField(_("Stripe balance transaction"), max_length=255, unique=True)
    type = models.CharField(_("type"), max_length=60)
    category = models.CharField(_("category"), max_length=60, blank=True)
    amount = MoneyField(_("amount"))
    fee = MoneyField(_("fee"))
    currency = CurrencyField(_("currency"))
    created_at = models.DateTimeField(_("created at"))
    source_id = models.CharField(
        _("moved by"),
        max_length=255,
        blank=True,
        help_text=_("A charge, refund, dispute, payout …"),
    )
    stripe_payment_intent_id = models.CharField(_("Stripe payment"), max_length=255, blank=True)
    is_dispute = models.BooleanField(_("for a dispute"))
    payout = models.ForeignKey(
        Payout,
        models.PROTECT,
        null=True,
        related_name="movements",
        verbose_name=_("payout"),
        help_text=_("That brought it to the bank; empty until Stripe says which."),
    )

    objects = BalanceTransactionQuerySet.as_manager()

    class Meta:
        verbose_name = _("balance transaction")
        verbose_name_plural = _("balance transactions")
        ordering = ["-created_at", "-pk"]
        indexes = [
            # The office lists by day, of one type, of one currency or of all.
            models.Index(name="balance_by_day", fields=["created_at", "id"]),
            models.Index(name="balance_type_by_day", fields=["type", "created_at", "id"]),
            models.Index(name="balance_currency_by_day", fields=["currency", "created_at", "id"]),
            models.Index(
                name="balance_transaction_source", fields=["source_id"], condition=~Q(source_id="")
            ),
            models.Index(
                name="balance_transaction_payment",
                fields=["stripe_payment_intent_id"],
                condition=~Q(stripe_payment_intent_id=""),
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_id

    @property
    def net(self) -> Decimal:
        return self.amount - self.fee

    @property
    def is_collected(self) -> bool:
        """A payout below zero: Stripe took from the bank what it lacked."""
        return self.type == "payout" and self.amount > 0

    @property
    def is_payment(self) -> bool:
        """Money that somebody paid, and that can be found again by Stripe's name of the payment."""
        return (
            self.type in self.PAYMENTS and self.amount > 0 and bool(self.stripe_payment_intent_id)
        )

    def is_ours(self) -> bool:
        """What this program books by itself: payouts, and what moved of a gift of ours."""
        if self.is_dispute or self.type in self.OF_PAYMENTS:
            payment = self.stripe_payment_intent_id
            return bool(payment) and Donation.objects.filter(stripe_payment_intent_id=payment).exists()  # fmt: skip
        return not self.is_collected and self.type in self.PAYOUTS

    @property
    def sources(self) -> list[str]:
        """Of the entries it may be booked by: itself, and what Stripe kept of it."""
        return [f"stripe:{self.stripe_id}", f"stripe:{self.stripe_id}:fee"]

    @property
    def is_charge(self) -> bool:
        """Some of it, or all, is what Stripe takes."""
        return self.amount < 0 or self.fee > 0

    def is_unexplained(self) -> bool:
        """Two people have to say what it is, and nobody has asked for that yet."""
        waiting = self.explanations.filter(refused_at=None, undone_at=None)
        return not self.is_ours() and not waiting.exists()


class StripeBalance(models.Model):
    """What lies at Stripe in a currency by Stripe's own word, and what its movements that we know of come to.

    Read in one go, so that the two are of one moment: where they differ, a movement is missing here.
    """

    currency = CurrencyField(_("currency"), unique=True)
    amount = MoneyField(_("at Stripe"))
    moved = MoneyField(_("by its movements"))
    read_at = models.DateTimeField(_("read at"))

    class Meta:
        verbose_name = _("balance at Stripe")
        verbose_name_plural = _("balances at Stripe")
        ordering = ["currency"]

    def __str__(self) -> str:
        return self.currency
