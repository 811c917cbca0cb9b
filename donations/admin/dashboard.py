"""The money on the office's first page: what is there and for what, and how it came and went month by month."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from defensefund.work import Block, offer_block

from .. import reports
from ..currencies import offered
from ..models import Account, Fund
from ..reports.movements import AccountSums
from .charts import chart

MONTHS = 12
# Of a young fund no more than so many are shown before its first.
FEWEST_MONTHS = 6
# Of one currency; the list of accounts has all.
MOST_PURPOSES = 12


@dataclass(frozen=True)
class Balance:
    label: str
    amount: Decimal
    url: str = ""


@dataclass(frozen=True)
class Standing:
    """What is there in one currency: both lists have the same sum, or the books do not balance."""

    currency: str
    places: tuple[Balance, ...]
    purposes: tuple[Balance, ...]
    more: int
    held: Decimal
    is_balanced: bool


def money_block(_user: User) -> dict[str, Any]:
    """Balances by place and by purpose, and a chart of twelve months, each per currency; three queries."""
    today = timezone.now().date()
    standings = _standings(reports.balances(reports.month_of(today)))
    sums = reports.in_and_out(last=today, months=MONTHS)
    quiet = min(
        (next(nth for nth, each in enumerate(of) if each.came_in or each.went_out) for of in sums.values()),
        default=0,
    )  # fmt: skip
    first = min(quiet, MONTHS - FEWEST_MONTHS)
    charts = [chart(code, sums[code][first:]) for code in sorted(sums, key=_rank)]
    return {"standings": standings, "chart": charts[:1], "other_charts": charts[1:]}


def _rank(currency: str) -> tuple[int, str]:
    """The fund's own currency first."""
    codes = offered()
    return (codes.index(currency) if currency in codes else len(codes), currency)


def _standings(accounts: list[AccountSums]) -> list[Standing]:
    funds = {fund.pk: fund.name for fund in Fund.objects.only("name")}
    return [
        _standing(currency, [each for each in accounts if each.currency == currency], funds)
        for currency in sorted({each.currency for each in accounts}, key=_rank)
    ]


def _standing(currency: str, accounts: list[AccountSums], funds: dict[int, str]) -> Standing:
    places: dict[str, Decimal] = {}
    purposes: list[Balance] = []
    set_aside = with_court = Decimal(0)
    for each in accounts:
        if each.kind == Account.Kind.ASSET:
            label = str(Account.Place(each.place).label)
            places[label] = places.get(label, Decimal(0)) + each.now
            if each.place == Account.Place.BAIL:
                with_court += each.now
        elif each.fund_id and each.now:
            url = reverse("admin:donations_fund_change", args=[each.fund_id])
            purposes.append(Balance(funds[each.fund_id], each.now, url))
        else:
            set_aside += each.now
    held = sum(places.values(), Decimal(0))
    total = sum((each.amount for each in purposes), set_aside)
    # Those below zero first: they are the ones to be looked at.
    purposes.sort(key=lambda each: (each.amount > 0, -abs(each.amount), each.label))
    shown = purposes[:MOST_PURPOSES]
    if rest := purposes[MOST_PURPOSES:]:
        shown.append(Balance(_("Other funds"), sum((each.amount for each in rest), Decimal(0))))
    url = reverse("admin:donations_legalcost_changelist")
    # Deposits lie on accounts of costs, too; as the figures of costs say it, they are not set aside any more.
    for label, amount in (
        (_("Set aside for legal costs"), set_aside - with_court),
        (_("With courts, as bail"), with_court),
    ):
        if amount:
            shown.append(Balance(label, amount, url))
    return Standing(
        currency,
        tuple(Balance(label[:1].upper() + label[1:], places[label]) for label in places if places[label]),
        tuple(shown),
        len(rest),
        held,
        held == total,
    )  # fmt: skip


offer_block(Block("donations.view_entry", "admin/donations/_money_today.html", money_block))
