"""Reads for the spending pages: what funds have, what a cost was given, what happened to a payment."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import money

from ..currencies import quantize
from ..models import Account, Fund, LegalCost, Policy
from ..models.cost_figures import SIGNED
from ..reserves import Reserves


@dataclass(frozen=True)
class FundStanding:
    """A fund that may pay a cost, in the cost's currency."""

    fund: Fund
    free: Decimal
    frozen_at: datetime | None
    given: Decimal
    # What of it may be set aside: free above its reserve, and nothing while it is frozen.
    usable: Decimal
    # What of the cost it could cover, as typed into a form.
    proposed: str

    @property
    def in_reserve(self) -> Decimal:
        """What of `free` may not be set aside; zero where the freeze says so already."""
        return Decimal(0) if self.frozen_at else max(self.free, Decimal(0)) - self.usable

    def told(self, currency: str) -> str:
        words = {"amount": money(self.free, currency), "reserve": money(self.in_reserve, currency)}
        if self.frozen_at:
            return _("frozen at %(amount)s") % words
        if self.in_reserve:
            return _("%(amount)s free, of it %(reserve)s stays in reserve") % words
        return _("%(amount)s free") % words


def policy_today() -> Policy | None:
    return Policy.objects.in_force(on=timezone.now().date())


def serving_funds(cost: Any, policy: Policy | None) -> list[FundStanding]:
    """The funds that may serve `cost` (`with_figures`), in the order of the policy, each with its balance and what it gave."""
    funds = list(Fund.objects.serving(cost.case, cost.defendants(), Policy.fund_kinds(policy)))
    reserves = Reserves(funds, policy)
    accounts: dict[int | None, Any] = {
        account.fund_id: account
        for account in Account.objects.with_balance().filter(fund__in=funds, currency=cost.currency)
    }
    given = dict(_given(cost))
    standing = []
    for fund in funds:
        free = accounts[fund.pk].balance if fund.pk in accounts else Decimal(0)
        frozen_at = accounts[fund.pk].frozen_at if fund.pk in accounts else None
        usable = Decimal(0) if frozen_at else reserves.usable(fund, free, cost.currency)
        standing.append(
            FundStanding(
                fund,
                free,
                frozen_at,
                given.get(fund.pk, Decimal(0)),
                usable,
                f"{quantize(max(min(usable, cost.missing), Decimal(0)), cost.currency):f}",
            )
        )
    return standing


def documents_lacking(cost: LegalCost, policy: Policy | None) -> list[str]:
    """The kinds of document the policy wants before a payment of `cost` is asked for, and that it has not."""
    if policy is None:
        return []
    return policy.lacking(cost.kind, set(cost.documents.values_list("kind", flat=True)))


@dataclass(frozen=True)
class CapStanding:
    """The cap of one cost, and what of it is neither asked for nor paid."""

    most: Decimal
    left: Decimal


def cap_standing(cost: LegalCost, policy: Policy | None) -> CapStanding | None:
    """None where nothing is capped: so of a cost in UMA, whose payments may rise above the cap."""
    if policy is None or cost.uma is not None:
        return None
    most = policy.cap(cost.kind, cost.currency)
    left = None if most is None else policy.cap_left(cost)
    return None if most is None or left is None else CapStanding(most, left)


def giving_funds(cost: LegalCost) -> list[tuple[Fund, Decimal]]:
    """The funds that have money set aside for `cost`, the most first, with how much."""
    given = {pk: net for pk, net in _given(cost) if net > 0}
    funds = Fund.objects.in_bulk(given)
    return sorted(((funds[pk], given[pk]) for pk in given), key=lambda pair: -pair[1])


def _given(cost: LegalCost) -> list[tuple[int, Decimal]]:
    return list(
        cost.allocations.order_by()
        .values("fund")
        .annotate(net=Sum(SIGNED))
        .values_list("fund", "net")
    )


def lacking_accounts(fund: Fund) -> list[Any]:
    """The accounts of `fund` that wait for a cover, with their balance."""
    return list(Account.objects.lacking().filter(fund=fund).order_by("currency"))


def refilled_accounts(fund: Fund) -> list[Any]:
    """The frozen accounts of `fund` that lack nothing any more, with their balance."""
    return list(Account.objects.refilled().filter(fund=fund).order_by("currency"))


def covering_funds(fund: Fund, currencies: list[str]) -> dict[int, str]:
    """Open funds that have money in one of `currencies`, by key, with what they have; general ones first."""
    accounts: Any = (
        Account.objects.with_balance()
        .filter(currency__in=currencies, fund__closed_on=None, fund__isnull=False, frozen_at=None)
        .exclude(fund=fund)
        .select_related("fund")
        .order_by("currency")
    )
    has: dict[Fund, list[str]] = {}
    for account in accounts:
        if account.balance > 0:
            has.setdefault(account.fund, []).append(money(account.balance, account.currency))
    ordered = sorted(has, key=lambda each: (each.kind != Fund.Kind.GENERAL, each.name))
    return {each.pk: f"{each.name}: {', '.join(has[each])}" for each in ordered}
