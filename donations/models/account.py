"""Where money is and what it is for: the accounts of the ledger, and their names before they exist."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q, Sum, Value
from django.db.models.functions import Coalesce
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .bank_account import BankAccount
from .fields import CurrencyField, MoneyField
from .fund import Fund
from .legal_cost import LegalCost


class AccountQuerySet(models.QuerySet["Account"]):
    def frozen(self) -> "AccountQuerySet":
        """Taken below zero by facts and not covered since: nothing of it may be decided over."""
        return self.filter(frozen_at__isnull=False)

    def lacking(self) -> "AccountQuerySet":
        """Frozen and below zero: another fund's money can cover it."""
        return self._frozen_with(balance__lt=0)

    def refilled(self) -> "AccountQuerySet":
        """Frozen, though later gifts have brought it to zero or above: two people can lift the freeze."""
        return self._frozen_with(balance__gte=0)

    def _frozen_with(self, **balance: int) -> "AccountQuerySet":
        frozen: Any = self.frozen().with_balance()
        return frozen.filter(**balance)  # type: ignore[no-any-return]

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
            "Set by the database when a fact took the account below zero; lifted by two people's decision."
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

    # The rows that `title` names it after.
    SUBJECTS = ("fund", "bank_account", "legal_cost")

    def __str__(self) -> str:
        return self.code

    @property
    def title(self) -> str:
        """In the words of the day, for people in the office; `code` is what never changes."""
        if self.fund:
            return gettext("Fund: %(code)s") % {"code": self.fund}
        if self.bank_account:
            return gettext("Bank: %(code)s") % {"code": self.bank_account.name}
        if self.legal_cost and self.kind == self.Kind.COST:
            return gettext("Cost: %(cost)s") % {"cost": self.legal_cost}
        if self.legal_cost:
            return gettext("Bail of %(cost)s") % {"cost": self.legal_cost}
        return capfirst(self.get_place_display())


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
