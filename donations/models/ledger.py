"""Every movement of money (Entry), and the totals kept of them. Written by donations/ledger.py alone."""

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from defensefund.templatetags.formats import plain_day

from ..currencies import written
from .account import Account
from .fields import CurrencyField, MoneyField


class Entry(models.Model):
    """One movement of one amount from one account to another: balanced by construction, never changed."""

    class Kind(models.TextChoices):
        # Facts from outside: always booked, even when they take a fund below zero.
        DONATION = "donation", _("donation")
        FEE = "fee", _("processing fee")
        REFUND = "refund", _("refund")
        REFUND_RETURNED = "refund_returned", _("refund came back")
        PAYOUT_LEFT = "payout_left", _("payout left Stripe")
        PAYOUT_ARRIVED = "payout_arrived", _("payout arrived at the bank")
        PAYOUT_RETURNED = "payout_returned", _("payout came back")
        DEPOSIT_LEFT = "deposit_left", _("cash brought to the bank")
        DEPOSIT_ARRIVED = "deposit_arrived", _("cash arrived at the bank")
        TRANSFER_LEFT = "transfer_left", _("left for another account of ours")
        TRANSFER_ARRIVED = "transfer_arrived", _("arrived from another account of ours")
        DISPUTE = "dispute", _("disputed")
        DISPUTE_FEE = "dispute_fee", _("dispute fee")
        DISPUTE_WON = "dispute_won", _("dispute won")
        BANK_FEE = "bank_fee", _("bank fee")
        INTEREST = "interest", _("interest")
        BAIL_RETURNED = "bail_returned", _("bail returned")
        BAIL_FORFEITED = "bail_forfeited", _("bail forfeited")
        # Taken over from before these books began (donations/past); nothing else books them.
        OPENING = "opening", _("what was there before these books began")
        PAST_PAYMENT = "past_payment", _("payment before these books began")
        # Our own decisions: refused when the money is not there.
        ALLOCATION = "allocation", _("allocation")
        RELEASE = "release", _("release of an allocation")
        DISBURSEMENT = "disbursement", _("payment of a legal cost")
        BAIL_PAID = "bail_paid", _("bail paid")
        COVER = "cover", _("cover of a fund below zero")
        EXCHANGE = "exchange", _("exchange of currencies")
        SURPLUS = "surplus", _("rest of a fund whose purpose is over")
        PARTNER_PAYMENT = "partner_payment", _("payment to the partner")

    # What the titles of both accounts are made of.
    SIDES = tuple(f"{side}__{name}" for side in ("debit", "credit") for name in Account.SUBJECTS)
    DECISIONS = (
        Kind.ALLOCATION,
        Kind.RELEASE,
        Kind.DISBURSEMENT,
        Kind.BAIL_PAID,
        Kind.COVER,
        Kind.EXCHANGE,
        Kind.SURPLUS,
        Kind.PARTNER_PAYMENT,
    )

    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    # The database holds account and currency together to the account (entry_currency_of_debit, …_of_credit): a second
    # foreign key of the account alone would be looked up twice for each entry and say less.
    debit = models.ForeignKey(
        Account,
        models.PROTECT,
        db_constraint=False,
        related_name="debits",
        verbose_name=_("debit"),
    )
    credit = models.ForeignKey(
        Account,
        models.PROTECT,
        db_constraint=False,
        related_name="credits",
        verbose_name=_("credit"),
    )
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))
    booked_on = models.DateField(_("booked on"))
    happened_on = models.DateField(
        _("happened on"),
        null=True,
        help_text=_(
            "The fact's own day, when its month was closed already and it was booked on the first open day instead."
        ),
    )
    source = models.CharField(
        _("source"),
        max_length=200,
        unique=True,
        help_text=_("The fact this entry records; a fact is booked once."),
    )
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="reversed_by", verbose_name=_("reverses")
    )
    posted_at = models.DateTimeField(_("posted at"), db_default=models.functions.Now())

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        ordering = ["-pk"]
        permissions = [("export_entry", "Can take the books away as files")]
        indexes = [
            # Entries come roughly in the order of their days: a few pages of this find a month among many years.
            BrinIndex(name="entry_day", fields=["booked_on"], autosummarize=True),
            # The office lists those of one kind.
            models.Index(name="entry_kind", fields=["kind", "id"]),
        ]
        constraints = [
            models.CheckConstraint(name="entry_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="entry_between_two_accounts", condition=~Q(debit=F("credit"))
            ),
            models.CheckConstraint(
                name="entry_booked_after_it_happened",
                condition=Q(happened_on=None) | Q(happened_on__lt=F("booked_on")),
            ),
            models.CheckConstraint(
                name="entry_kind_known",
                condition=Q(
                    kind__in=[
                        "donation",
                        "fee",
                        "refund",
                        "refund_returned",
                        "payout_left",
                        "payout_arrived",
                        "payout_returned",
                        "deposit_left",
                        "deposit_arrived",
                        "transfer_left",
                        "transfer_arrived",
                        "dispute",
                        "dispute_fee",
                        "dispute_won",
                        "bank_fee",
                        "interest",
                        "bail_returned",
                        "bail_forfeited",
                        "opening",
                        "past_payment",
                        "allocation",
                        "release",
                        "disbursement",
                        "bail_paid",
                        "cover",
                        "exchange",
                        "surplus",
                        "partner_payment",
                    ]
                ),
            ),
        ]

    def __str__(self) -> str:
        amount = written(self.amount, self.currency)
        return f"{self.get_kind_display()}, {plain_day(self.booked_on)}, {amount}"


class Total(models.Model):
    """What was debited and credited to an account, by kind; kept by the database as entries are posted.

    Each database connection adds to one of sixteen slots, so that gifts arriving at once do not wait for each other;
    the slots of an account and kind together are its total.
    """

    pk = models.CompositePrimaryKey("account_id", "kind", "slot")
    account = models.ForeignKey(Account, models.PROTECT, related_name="totals")
    kind = models.CharField(max_length=20, choices=Entry.Kind)
    slot = models.SmallIntegerField()
    debit = MoneyField()
    credit = MoneyField()

    class Meta:
        verbose_name = _("total")
        verbose_name_plural = _("totals")

    def __str__(self) -> str:
        return f"{self.account_id} {self.kind}"


class DayTotal(models.Model):
    """What was debited and credited to an account on a day, by kind and slot; kept as `Total` is.

    So the balance at the end of any day costs the days since the first, however many entries each had.
    """

    pk = models.CompositePrimaryKey("account_id", "booked_on", "kind", "slot")
    account = models.ForeignKey(Account, models.PROTECT, related_name="days")
    booked_on = models.DateField()
    kind = models.CharField(max_length=20)
    slot = models.SmallIntegerField()
    debit = MoneyField()
    credit = MoneyField()

    class Meta:
        verbose_name = _("total of a day")
        verbose_name_plural = _("totals of days")

    def __str__(self) -> str:
        return f"{self.account_id} {self.booked_on} {self.kind}"


class Reversal(models.Model):
    """Who reversed an entry and why; kept apart because entries hold no words about people."""

    entry = models.OneToOneField(
        Entry, models.PROTECT, related_name="reversal", verbose_name=_("reversing entry")
    )
    reason = models.TextField(_("reason"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by")
    )
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("reversal")
        verbose_name_plural = _("reversals")

    def __str__(self) -> str:
        return str(self.entry)
