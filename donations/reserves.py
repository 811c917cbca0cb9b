"""READ: what of general funds the policy keeps from costs, and from the partner."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from .currencies import quantize
from .models import Allocation, Fund, PartnerPayment, Policy
from .models.cost_figures import SIGNED


class Reserves:
    """Of the general ones among `funds`, by the policy in force (None: nothing is kept); two queries, or none."""

    def __init__(self, funds: Iterable[Fund], policy: Policy | None) -> None:
        self.percent = policy.reserve_percent if policy else Decimal(0)
        general = [fund.pk for fund in funds if fund.kind == Fund.Kind.GENERAL]
        self.given: dict[tuple[int, str], Decimal] = {}
        self.general = set(general) if self.percent else set()
        if self.general:
            given = (
                Allocation.objects.filter(fund__in=general)
                .order_by()
                .values_list("fund", "cost__currency")
                .annotate(net=Sum(SIGNED))
            )
            passed_on = (
                PartnerPayment.objects.standing()
                .filter(fund__in=general)
                .order_by()
                .values_list("fund", "currency")
                .annotate(sum=Sum("amount"))
            )
            for fund, currency, amount in (*given, *passed_on):
                before = self.given.get((fund, currency), Decimal(0))
                self.given[fund, currency] = before + amount

    def of(self, fund: Fund, free: Decimal, currency: str) -> Decimal:
        """What stays in `fund`, which has `free`: the policy's part of that and of all it ever gave."""
        if fund.pk not in self.general:
            return Decimal(0)
        return (free + self.given.get((fund.pk, currency), Decimal(0))) * self.percent / 100

    def usable(self, fund: Fund, free: Decimal, currency: str) -> Decimal:
        """What of `free` may be set aside, cut to the currency's smallest unit; the rest of it stays in reserve."""
        above = min(free - self.of(fund, free, currency), free)
        return max(quantize(above, currency), Decimal(0))

    def kept(self, fund: Fund, account: Any) -> Decimal:
        """What of an account `with_balance` of `fund` stays in reserve; nothing of a frozen one, of which nothing is set aside."""
        if account.frozen_at:
            return Decimal(0)
        free: Decimal = max(account.balance, Decimal(0))
        return free - self.usable(fund, free, account.currency)
