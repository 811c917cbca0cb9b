"""The money of one defendant and of one case: what is owed, paid, set aside, missing and next due, and which funds may serve."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _

from appeals.models import Case, Defendant, Hearing
from defensefund.office import page, require

from ..cost_shares import Share, shares_of, whole
from ..models import Account, Fund, LegalCost, PastRow, Policy
from ..models.cost_figures import Figures
from ..reserves import Reserves
from .spending_forms import typed


@dataclass
class Standing:
    """Of one currency."""

    currency: str
    figures: Figures = field(default_factory=Figures)
    next_due: date | None = None

    def add(self, share: Share) -> None:
        self.figures += share
        days = [day for day in (self.next_due, share.cost.next_due) if day]
        self.next_due = min(days, default=None)


@dataclass(frozen=True)
class ServingFund:
    """A fund, and what it has free in each currency, as accounts with a `balance`."""

    fund: Fund
    reserves: Reserves
    accounts: list[Any] = field(default_factory=list)

    def usable(self, currency: str) -> Decimal:
        """What is free above its reserve. Zero where it has nothing, is below zero or frozen."""
        found = (a.balance for a in self.accounts if a.currency == currency and not a.frozen_at)
        return self.reserves.usable(self.fund, next(found, Decimal(0)), currency)

    def told(self) -> list[tuple[Any, Decimal]]:
        """Each account, and what of its balance stays in reserve."""
        return [(account, self.reserves.kept(self.fund, account)) for account in self.accounts]


@dataclass(frozen=True)
class Line:
    """A cost as far as it is the page's; and the first fund that has money for it, with how much, as typed into a form."""

    share: Share
    is_shared: bool
    fund: Fund | None
    proposed: str


def columns_of(figures: Iterable[Figures], *, has_bail: bool = False) -> dict[str, Any]:
    """Which columns tables of `figures` have besides those that all have, and how many in all."""
    known = list(figures)
    has_bail = has_bail or any(each.with_court or each.came_back for each in known)
    has_not_needed = any(each.not_needed for each in known)
    return {
        "has_bail": has_bail,
        "has_not_needed": has_not_needed,
        "figure_columns": 4 + 2 * has_bail + has_not_needed,
    }


def defendant_page(
    model_admin: "admin.ModelAdmin[Any]", request: HttpRequest, pk: int
) -> HttpResponse:
    require(request, "donations.view_legalcost")
    defendant = get_object_or_404(Defendant, pk=pk)
    cases = list(defendant.cases.titled())
    costs = _costs(LegalCost.objects.of_defendant(defendant))
    shares = shares_of(costs)
    own = [
        (share, len(shares[cost.pk]) > 1)
        for cost in costs
        for share in shares[cost.pk]
        if share.defendant.pk == defendant.pk
    ]
    return _page(
        model_admin,
        request,
        title=_("Money of %(person)s") % {"person": defendant},
        own=own,
        cases=cases,
        defendants=[defendant],
        past=PastRow.objects.filter(defendant=defendant),
        defendant=defendant,
    )


def case_page(model_admin: "admin.ModelAdmin[Any]", request: HttpRequest, pk: int) -> HttpResponse:
    require(request, "donations.view_legalcost")
    case = get_object_or_404(Case.objects.titled(), pk=pk)
    costs = _costs(LegalCost.objects.filter(case=case))
    own = [(whole(cost), bool(cost.shares.all())) for cost in costs]
    people: dict[int, dict[str, Standing]] = {}
    defendants = list(case.defendants.all())
    for shares in shares_of(costs).values():
        for share in shares:
            currency = share.cost.currency
            of_one = people.setdefault(share.defendant.pk, {})
            of_one.setdefault(currency, Standing(currency)).add(share)
    return _page(
        model_admin,
        request,
        title=_("Money of the case %(case)s") % {"case": case},
        own=own,
        cases=[case],
        defendants=defendants,
        past=PastRow.objects.filter(case=case),
        case=case,
        people=[(person, list(people.get(person.pk, {}).values())) for person in defendants],
    )


def _costs(found: Any) -> list[Any]:
    """Those next due first, then the newest."""
    rows = (
        found.with_figures()
        .select_related("case", "defendant")
        .prefetch_related("shares__defendant")
        .order_by("-pk")
    )
    return sorted(rows, key=lambda row: row.next_due or date.max)


def _page(
    model_admin: "admin.ModelAdmin[Any]",
    request: HttpRequest,
    *,
    own: Sequence[tuple[Share, bool]],
    cases: Sequence[Case],
    defendants: Sequence[Defendant],
    past: QuerySet[PastRow],
    **context: Any,
) -> HttpResponse:
    today = timezone.now().date()
    titles = {case.pk: str(case) for case in cases}
    funds = _funds(cases, defendants, on=today)
    sums: dict[str, Standing] = {}
    for share, _is_shared in own:
        sums.setdefault(share.cost.currency, Standing(share.cost.currency)).add(share)
    return page(
        model_admin,
        request,
        "admin/donations/legalcost/money.html",
        sums=[sums[currency] for currency in sorted(sums)],
        lines=[_line(share, is_shared, funds) for share, is_shared in own],
        **columns_of(share for share, _is_shared in own),
        past=past.filter(kind=PastRow.Kind.PAYMENT)
        .select_related("fund", "defendant")
        .order_by("happened_on", "pk"),
        funds=funds,
        cases=cases,
        today=today,
        hearings=[
            (hearing, titles[hearing.case_id])
            for hearing in Hearing.objects.filter(case__in=cases, held_on__gte=today)
        ],
        may_allocate=request.user.has_perm("donations.allocate_fund"),
        may_add=request.user.has_perm("donations.add_legalcost"),
        **context,
    )


def _funds(
    cases: Sequence[Case], defendants: Iterable[Defendant], *, on: date
) -> list[ServingFund]:
    policy = Policy.objects.in_force(on=on)
    kinds = Policy.fund_kinds(policy)
    funds = list(
        Fund.objects.serving_any(cases, defendants, kinds).select_related("case", "defendant")
    )
    reserves = Reserves(funds, policy)
    accounts: dict[int, list[Any]] = defaultdict(list)
    for account in Account.objects.with_balance().filter(fund__in=funds).order_by("currency"):
        accounts[account.fund_id or 0].append(account)
    return [ServingFund(fund, reserves, accounts[fund.pk]) for fund in funds]


def _line(share: Share, is_shared: bool, funds: Sequence[ServingFund]) -> Line:
    cost = share.cost
    sharers = {row.defendant_id for row in cost.shares.all()} or {cost.defendant_id}
    for each in funds:
        fund = each.fund
        reaches = (
            fund.kind == Fund.Kind.GENERAL
            or fund.case_id == cost.case_id
            or fund.defendant_id in sharers
            or (fund.appeal_id is not None and fund.appeal_id == cost.case.appeal_id)
        )
        usable = each.usable(cost.currency)
        if reaches and usable > 0 and share.missing > 0:
            return Line(share, is_shared, fund, typed(min(usable, share.missing), cost.currency))
    return Line(share, is_shared, None, "")
