"""READ: what a gift paid for. A fund spends its money in the order in which it arrived; so each gift has a place in it.

Of a gift counts what is left after its own fee and refunds. The place begins where everything ends that the fund got
before, and what the fund spent, in the order of days, covers places from the first on. A cost that several funds pay is
paid by them in the order in which they set money aside; a deposit that a court gave back was not spent.
Sums over all gifts are exact: no unit of money is told of two gifts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import F, Q, Sum
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from appeals.models import CaseText, PublicParty

from .models import Account, Allocation, Donation, Entry, Fund, LegalCost
from .models.legal_cost import SIGNED

ZERO = Decimal(0)
# One reading of the fund's gifts for all of a supporter's, who may have given for years.
ARRIVED_BEFORE = """
SELECT id, before FROM (
    SELECT d.id, sum(d.amount - coalesce(d.fee, 0) - coalesce(r.amount, 0)) OVER (ORDER BY d.received_at, d.id)
                 - (d.amount - coalesce(d.fee, 0) - coalesce(r.amount, 0)) AS before
    FROM donations_donation d
    LEFT JOIN (SELECT donation_id, sum(amount) AS amount FROM donations_refund
               WHERE status IN ('pending', 'succeeded') GROUP BY donation_id) r
        ON r.donation_id = d.id
    WHERE d.fund_id = %s AND d.currency = %s AND d.reversed_at IS NULL) running
WHERE id = ANY(%s)
"""
# What leaves a fund for no cost, in words; the same kinds may come back to it.
OTHER_KINDS = {
    Entry.Kind.BANK_FEE: _("Bank fees"),
    Entry.Kind.INTEREST: _("Bank fees"),
    Entry.Kind.DISPUTE: _("Payments that other cards' owners took back"),
    Entry.Kind.DISPUTE_WON: _("Payments that other cards' owners took back"),
    Entry.Kind.DISPUTE_FEE: _("Payments that other cards' owners took back"),
    Entry.Kind.COVER: _("Another fund, below zero, by decision of two people"),
}


@dataclass(frozen=True)
class Use:
    """An amount of a gift and what it went to. Case and person only as public pages show them; else None and ""."""

    label: str
    amount: Decimal
    case: CaseText | None = None
    person: str = ""
    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trace:
    """`held` and the uses add up to what the gift brought the fund."""

    currency: str
    uses: tuple[Use, ...]
    held: Decimal


@dataclass(frozen=True)
class _Spent:
    """What a fund spent: on a cost, or on something else of a kind."""

    on: date
    order: str
    amount: Decimal
    cost: LegalCost | None = None
    kind: str = ""


def trace_all(donations: Sequence[Donation]) -> list[Trace]:
    """The traces of one gift's donations, one for each fund and currency, with what went to the same thing summed up."""
    traces = []
    for fund_id, currency in dict.fromkeys((d.fund_id, d.currency) for d in donations):
        mine = [d for d in donations if (d.fund_id, d.currency) == (fund_id, currency)]
        traces.append(_trace(mine[0].fund, currency, mine))
    return traces


def _trace(fund: Fund, currency: str, donations: Iterable[Donation]) -> Trace:
    spent = _spendings(fund, currency)
    came_back = _came_back(fund, currency)
    sums: dict[tuple[int | None, str], Decimal] = {}
    costs = {each.cost.pk: each.cost for each in spent if each.cost}
    held = ZERO
    donations = list(donations)
    before = _arrived_before(fund, currency, donations)
    for donation in donations:
        start = before[donation.pk] + sum(
            (amount for on, amount in came_back if on < donation.received_at.date()), ZERO
        )
        end = start + _net(donation)
        gone = ZERO
        position = ZERO
        for each in spent:
            part = min(end, position + each.amount) - max(start, position)
            position += each.amount
            if part > 0:
                gone += part
                key = (each.cost.pk if each.cost else None, each.kind)
                sums[key] = sums.get(key, ZERO) + part
        held += end - start - gone
    return Trace(currency, tuple(_uses(sums, costs)), held)


def _net(donation: Donation) -> Decimal:
    refunded = sum((refund.amount for refund in donation.sent_back), ZERO)
    return max(donation.amount - (donation.fee or ZERO) - refunded, ZERO)


def _arrived_before(fund: Fund, currency: str, donations: Iterable[Donation]) -> dict[int, Decimal]:
    """What the fund got by gifts before each of these, less fees and refunds; by the donation's key."""
    keys = [donation.pk for donation in donations]
    with connection.cursor() as cursor:
        cursor.execute(ARRIVED_BEFORE, [fund.pk, currency, keys])
        return dict(cursor.fetchall())


def _of_fund(fund: Fund, currency: str) -> Q:
    return Q(fund=fund, currency=currency)


def _came_back(fund: Fund, currency: str) -> list[tuple[date, Decimal]]:
    """What the fund got otherwise than by gifts: interest, disputes won, covers, and reversals of what it had lost."""
    account = Account.objects.filter(_of_fund(fund, currency))
    entries = Entry.objects.filter(credit__in=account, kind__in=list(OTHER_KINDS))
    return list(entries.values_list("booked_on", "amount"))


def _spendings(fund: Fund, currency: str) -> list[_Spent]:
    """Everything the fund spent, in the order of days."""
    account = Account.objects.filter(_of_fund(fund, currency))
    others = Entry.objects.filter(debit__in=account, kind__in=list(OTHER_KINDS))
    spent = [_Spent(e.booked_on, e.source, e.amount, kind=e.kind) for e in others]
    costs = LegalCost.objects.filter(allocations__fund=fund, currency=currency).distinct()
    shares = _shares(costs)
    for cost_id, payments in _payments(costs).items():
        spent += _part_of(fund, shares[cost_id], payments)
    return sorted(spent, key=lambda each: (each.on, each.order))


def _shares(costs: Any) -> dict[int, list[tuple[int, Decimal]]]:
    """By cost: each fund with what it set aside and did not take back, in the order in which they began to."""
    first: dict[int, dict[int, Decimal]] = {}
    rows = Allocation.objects.filter(cost__in=costs).order_by("at", "pk").annotate(net=SIGNED)
    for cost_id, fund_id, net in rows.values_list("cost", "fund", "net"):
        funds = first.setdefault(cost_id, {})
        funds[fund_id] = funds.get(fund_id, ZERO) + net
    return {cost_id: list(funds.items()) for cost_id, funds in first.items()}


def _payments(costs: Any) -> dict[int, list[_Spent]]:
    """By cost: what was paid, less what was reversed or what a court gave back, from the last payment on."""
    kinds = [Entry.Kind.DISBURSEMENT, Entry.Kind.BAIL_PAID]
    paid = (
        Entry.objects.filter(
            kind__in=kinds, reverses=None, reversed_by=None, debit__legal_cost__in=costs
        )
        .select_related("debit__legal_cost__case__appeal", "debit__legal_cost__defendant")
        .order_by("booked_on", "source")
    )
    payments: dict[int, list[_Spent]] = {}
    for entry in paid:
        cost = entry.debit.legal_cost
        assert cost is not None
        payments.setdefault(cost.pk, []).append(
            _Spent(entry.booked_on, entry.source, entry.amount, cost=cost)
        )
    returned = (
        Entry.objects.filter(
            kind=Entry.Kind.BAIL_RETURNED,
            reverses=None,
            reversed_by=None,
            credit__legal_cost__in=costs,
        )
        .order_by()
        .values(cost=F("credit__legal_cost"))
        .annotate(sum=Sum("amount"))
        .values_list("cost", "sum")
    )
    for cost_id, amount in returned:
        known = payments.get(cost_id, [])
        payments[cost_id] = _first(known, sum((p.amount for p in known), ZERO) - amount)
    return payments


def _first(payments: list[_Spent], total: Decimal) -> list[_Spent]:
    """As many of the first payments as add up to `total`, the last of them in part."""
    kept = []
    for each in payments:
        part = min(each.amount, total)
        if part > 0:
            kept.append(_Spent(each.on, each.order, part, cost=each.cost))
        total -= part
    return kept


def _part_of(fund: Fund, shares: list[tuple[int, Decimal]], payments: list[_Spent]) -> list[_Spent]:
    """What `fund` bore of the payments, when the funds pay one after the other."""
    start = ZERO
    for fund_id, share in shares:
        if fund_id == fund.pk:
            end = start + share
            break
        start += share
    else:
        return []
    borne, position = [], ZERO
    for each in payments:
        part = min(end, position + each.amount) - max(start, position)
        position += each.amount
        if part > 0:
            borne.append(_Spent(each.on, each.order, part, cost=each.cost))
    return borne


def _uses(
    sums: dict[tuple[int | None, str], Decimal], costs: dict[int, LegalCost]
) -> Iterable[Use]:
    cases = {cost.case_id for cost in costs.values()}
    texts = CaseText.objects.published().best(get_language() or "en").filter(case__in=cases)
    titled = {text.case_id: text for text in texts.select_related("case__appeal")}
    people: dict[tuple[int, int], str] = {}
    names: dict[int, dict[str, str]] = {}
    for party in PublicParty.objects.filter(case__in=cases):
        people[party.case_id, party.defendant_id] = party.display_name
        names.setdefault(party.case_id, {})[party.key] = party.display_name
    merged: dict[tuple[str, int | None, str], Decimal] = {}
    for (cost_id, kind), amount in sums.items():
        key: tuple[str, int | None, str]
        if cost_id is None:
            key = (str(OTHER_KINDS[Entry.Kind(kind)]), None, "")
        else:
            cost = costs[cost_id]
            person = people.get((cost.case_id, cost.defendant_id), "")
            key = (str(cost.get_kind_display()), cost.case_id, person)
        merged[key] = merged.get(key, ZERO) + amount
    for (label, case_id, person), amount in merged.items():
        text = titled.get(case_id) if case_id else None
        known = names.get(case_id, {}) if case_id else {}
        yield Use(label[:1].upper() + label[1:], amount, text, person, known)
