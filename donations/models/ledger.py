"""Where money is and what it is for (Account), and every movement of it (Entry). Written by donations/ledger.py alone."""

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q, Sum, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from .bank_account import BankAccount
from .fields import CurrencyField, MoneyField
from .fund import Fund
from .legal_cost import LegalCost


class AccountQuerySet(models.QuerySet["Account"]):
    def frozen(self) -> "AccountQuerySet":
        """Taken below zero by facts and not covered since: nothing of it may be decided over."""
        return self.filter(frozen_at__isnull=False)

    def with_balance(self) -> "AccountQuerySet":
        """Annotates `total_debit`, `total_credit` and `balance` from the stored totals: the same cost at any size."""
        zero = Value(Decimal(0), output_field=MoneyField())
        debit = Coalesce(Sum("totals__debit"), zero)
        credit = Coalesce(Sum("totals__credit"), zero)
        return self.annotate(
            total_debit=debit,
            total_credit=credit,
            balance=models.Case(
                models.When(kind=Account.Kind.ASSET, then=debit - credit), default=credit - debit
            ),
        )


class Account(models.Model):
    """A place money is in, a fund it is for, or a legal cost it is set aside for; in one currency.

    Debits raise assets and lower funds and costs; credits the other way. So per currency, always:
    assets = funds + costs.
    """

    class Kind(models.TextChoices):
        ASSET = "asset", _("where money is")
        FUND = "fund", _("what it is for")
        COST = "cost", _("set aside for a cost")

    class Place(models.TextChoices):
        STRIPE = "stripe", _("at Stripe")
        TRANSIT = "transit", _("on its way to the bank")
        BANK = "bank", _("in the bank")
        CASH = "cash", _("in cash")
        BAIL = "bail", _("held as bail")

    code = models.CharField(_("code"), max_length=80, unique=True)
    kind = models.CharField(_("kind"), max_length=5, choices=Kind)
    currency = CurrencyField(_("currency"))
    place = models.CharField(_("place"), max_length=7, choices=Place, blank=True)
    fund = models.ForeignKey(
        Fund, models.PROTECT, null=True, related_name="accounts", verbose_name=_("fund")
    )
    legal_cost = models.ForeignKey(
        LegalCost, models.PROTECT, null=True, related_name="accounts", verbose_name=_("legal cost")
    )
    bank_account = models.ForeignKey(
        BankAccount,
        models.PROTECT,
        null=True,
        related_name="accounts",
        verbose_name=_("bank account"),
    )
    frozen_at = models.DateTimeField(
        _("frozen at"),
        null=True,
        help_text=_(
            "Set by the database when a fact took the account below zero; lifted when two people cover it."
        ),
    )

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="account_kind_names_its_subject",
                condition=(
                    Q(kind="fund", place="", fund__isnull=False, legal_cost=None, bank_account=None)
                    | Q(
                        kind="cost",
                        place="",
                        fund=None,
                        legal_cost__isnull=False,
                        bank_account=None,
                    )
                    | Q(
                        kind="asset",
                        place="bank",
                        fund=None,
                        legal_cost=None,
                        bank_account__isnull=False,
                    )
                    | Q(
                        kind="asset",
                        place="bail",
                        fund=None,
                        legal_cost__isnull=False,
                        bank_account=None,
                    )
                    | Q(
                        kind="asset",
                        place__in=["stripe", "transit", "cash"],
                        fund=None,
                        legal_cost=None,
                        bank_account=None,
                    )
                ),
            ),
            models.CheckConstraint(
                name="account_currency_three_capitals", condition=Q(currency__regex="^[A-Z]{3}$")
            ),
            # The ledger's foreign keys go through this, so that an entry and its accounts share the currency.
            models.UniqueConstraint(fields=["id", "currency"], name="account_id_with_currency"),
            models.UniqueConstraint(
                fields=["fund", "currency"],
                name="account_once_per_fund",
                condition=Q(fund__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["legal_cost", "kind"],
                name="account_once_per_cost",
                condition=Q(legal_cost__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["bank_account"],
                name="account_once_per_bank_account",
                condition=Q(bank_account__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.code


@dataclass(frozen=True)
class AccountKey:
    """Names an account before it exists; donations.ledger makes the row when the first entry needs it."""

    code: str
    kind: Account.Kind
    currency: str
    place: str = ""
    fund_id: int | None = None
    legal_cost_id: int | None = None
    bank_account_id: int | None = None

    @classmethod
    def of(cls, account: Account) -> "AccountKey":
        return cls(
            account.code,
            Account.Kind(account.kind),
            account.currency,
            place=account.place,
            fund_id=account.fund_id,
            legal_cost_id=account.legal_cost_id,
            bank_account_id=account.bank_account_id,
        )

    @classmethod
    def stripe(cls, currency: str) -> "AccountKey":
        return cls(f"stripe:{currency}", Account.Kind.ASSET, currency, place=Account.Place.STRIPE)

    @classmethod
    def transit(cls, currency: str) -> "AccountKey":
        return cls(f"transit:{currency}", Account.Kind.ASSET, currency, place=Account.Place.TRANSIT)

    @classmethod
    def cash(cls, currency: str) -> "AccountKey":
        return cls(f"cash:{currency}", Account.Kind.ASSET, currency, place=Account.Place.CASH)

    @classmethod
    def bank(cls, account: BankAccount) -> "AccountKey":
        return cls(
            f"bank:{account.code}:{account.currency}",
            Account.Kind.ASSET,
            account.currency,
            place=Account.Place.BANK,
            bank_account_id=account.pk,
        )

    @classmethod
    def bail(cls, cost: LegalCost) -> "AccountKey":
        return cls(
            f"bail:{cost.number}:{cost.currency}",
            Account.Kind.ASSET,
            cost.currency,
            place=Account.Place.BAIL,
            legal_cost_id=cost.pk,
        )

    @classmethod
    def fund(cls, fund: Fund, currency: str) -> "AccountKey":
        return cls(f"fund:{fund.code}:{currency}", Account.Kind.FUND, currency, fund_id=fund.pk)

    @classmethod
    def cost(cls, cost: LegalCost) -> "AccountKey":
        return cls(
            f"cost:{cost.number}:{cost.currency}",
            Account.Kind.COST,
            cost.currency,
            legal_cost_id=cost.pk,
        )


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
        DISPUTE = "dispute", _("disputed")
        DISPUTE_FEE = "dispute_fee", _("dispute fee")
        DISPUTE_WON = "dispute_won", _("dispute won")
        BANK_FEE = "bank_fee", _("bank fee")
        INTEREST = "interest", _("interest")
        BAIL_RETURNED = "bail_returned", _("bail returned")
        BAIL_FORFEITED = "bail_forfeited", _("bail forfeited")
        # Our own decisions: refused when the money is not there.
        ALLOCATION = "allocation", _("allocation")
        RELEASE = "release", _("release of an allocation")
        DISBURSEMENT = "disbursement", _("payment of a legal cost")
        BAIL_PAID = "bail_paid", _("bail paid")
        COVER = "cover", _("cover of a fund below zero")
        EXCHANGE = "exchange", _("exchange of currencies")
        SURPLUS = "surplus", _("rest of a fund whose purpose is over")

    DECISIONS = (
        Kind.ALLOCATION,
        Kind.RELEASE,
        Kind.DISBURSEMENT,
        Kind.BAIL_PAID,
        Kind.COVER,
        Kind.EXCHANGE,
        Kind.SURPLUS,
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
                        "dispute",
                        "dispute_fee",
                        "dispute_won",
                        "bank_fee",
                        "interest",
                        "bail_returned",
                        "bail_forfeited",
                        "allocation",
                        "release",
                        "disbursement",
                        "bail_paid",
                        "cover",
                        "exchange",
                        "surplus",
                    ]
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.amount} {self.currency}"


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
