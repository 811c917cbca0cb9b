"""Of costs what was owed, paid, set aside and missing at the end of a span of days, share by share."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext as _

from appeals.models import Defendant

from ..cost_shares import Share, spread
from ..models import Account, AccountKey, Entry, LegalCost, OwedChange, PastRow
from ..models.cost_figures import Figures
from ..spreadsheets import Cell
from .movements import balances, by_day
from .subjects import case_code, defendant_code, fund_code
from .tables import Column, Span, Table, sums

ZERO = Decimal(0)
# What of a cost's account is money set aside, not spent: all else that moved on it was paid for the cost.
SETTING_ASIDE = (Entry.Kind.ALLOCATION, Entry.Kind.RELEASE)
# Columns that most statements have nothing in.
RARE = {"share", "bail", "came_back", "not_needed"}


@dataclass(frozen=True)
class _Cost:
    """A cost as a statement tells it: who shared it, and whether it had ended, as it was known then."""

    row: LegalCost
    case_id: int
    kind: str
    currency: str
    ended_on: date | None
    defendant: Defendant
    shares: tuple[Any, ...]

    @classmethod
    def of(cls, row: LegalCost, parts: Sequence[Any]) -> "_Cost":
        """`parts` are the cost's, as ShareState has them."""
        first = parts[0]
        is_shared = first.parts is not None or first.amount is not None
        return cls(
            row, first.case_id, first.kind, first.currency, first.ended_on, first.defendant,
            tuple(parts) if is_shared else (),
        )  # fmt: skip


def cost_tables(parts: QuerySet[Any], span: Span, *, of: Defendant | None = None) -> Iterable[Table]:  # fmt: skip
    """A table for each currency, a row for each share: all shares, or those `of` one defendant.

    `parts` are those of some costs, whole ones, as shares_known(span.last_on) has them. By what was booked up to the last
    day. A cost recorded later than that is not in it yet.
    """
    shares = [
        share
        for each in _shares(parts, span)
        for share in each
        if of is None or share.defendant == of
    ]
    for currency in dict.fromkeys(share.cost.currency for share in shares):
        rows = tuple(_row(share) for share in shares if share.cost.currency == currency)
        table = Table("costs", _("Costs"), currency, _columns(), rows, sums(rows))
        yield table.without_empty(RARE)


def past_tables(rows: QuerySet[PastRow], span: Span) -> Iterable[Table]:
    """Of payments taken over from before these books began, those booked in the span: they were no cost here, so no sum
    above has them. One that came to light after its month was closed was booked later, and keeps its own day."""
    booked = Entry.objects.filter(
        source=Concat(Value("past:"), OuterRef("key")),
        booked_on__range=(span.first_on, span.last_on),
    )
    known = rows.filter(Exists(booked), kind=PastRow.Kind.PAYMENT).select_related("fund")
    listed = list(known.order_by("currency", "happened_on", "key"))
    for currency in dict.fromkeys(row.currency for row in listed):
        of_one = tuple(
            (
                row.happened_on,
                str(row.get_cost_kind_display()),
                case_code(row.case_id) if row.case_id else "",
                defendant_code(row.defendant_id) if row.defendant_id else "",
                fund_code(row.fund) if row.fund else "",
                row.amount,
            )
            for row in listed
            if row.currency == currency
        )
        columns = (
            Column("day", _("Day")),
            Column("kind", _("Kind")),
            Column("case", _("Case")),
            Column("defendant", _("Defendant")),
            Column("fund", _("Fund")),
            Column("paid", _("Paid"), is_number=True),
        )
        title = _("Paid before these books began")
        yield Table("past", title, currency, columns, of_one, sums(of_one))


def _columns() -> tuple[Column, ...]:
    return (
        Column("cost", _("Cost")),
        Column("case", _("Case")),
        Column("defendant", _("Defendant")),
        Column("share", _("Share")),
        Column("kind", _("Kind")),
        Column("owed", _("Owed"), is_number=True),
        Column("paid", _("Paid"), is_number=True),
        Column("bail", _("With a court"), is_number=True),
        Column("came_back", _("Came back"), is_number=True),
        Column("set_aside", _("Set aside"), is_number=True),
        Column("missing", _("Missing"), is_number=True),
        Column("not_needed", _("Not needed"), is_number=True),
    )


def _row(share: Share) -> tuple[Cell, ...]:
    cost: _Cost = share.cost
    return (
        cost.row.number,
        case_code(cost.case_id),
        defendant_code(share.defendant.pk),
        _share_label(share),
        str(LegalCost.Kind(cost.kind).label),
        share.owed,
        share.paid,
        share.with_court,
        share.came_back,
        share.set_aside,
        share.missing,
        share.not_needed,
    )


def _share_label(share: Share) -> str:
    shares = share.cost.shares
    if not shares:
        return ""
    if share.parts is None:
        return _("an amount")
    return _("%(parts)d of %(all)d parts") % {
        "parts": share.parts,
        "all": sum(each.parts for each in shares),
    }


def _known(parts: QuerySet[Any], owed: dict[int, Decimal]) -> list[_Cost]:
    """Those of which something was owed, by currency and number."""
    rows = parts.filter(cost__in=owed).select_related("cost", "defendant")
    of_one = groupby(rows.order_by("currency", "cost__number", "pk"), key=lambda each: each.cost)
    return [_Cost.of(cost, list(each)) for cost, each in of_one]


def _shares(parts: QuerySet[Any], span: Span) -> Iterable[Sequence[Share]]:
    after = datetime.combine(span.last_on + timedelta(days=1), time.min, UTC)
    owed = OwedChange.objects.filter(cost__in=parts.values("cost")).owed_at(after)
    known = _known(parts, owed)
    own = {AccountKey.cost(cost.row).code: cost.row.pk for cost in known}
    bail = {AccountKey.bail(cost.row).code: cost.row.pk for cost in known}
    since_ever = Span(span.first_on.min, span.last_on)
    closing = {each.code: each.closing for each in balances(since_ever, [*own, *bail])}
    given = _given(own, since_ever)
    came_back: dict[int, Decimal] = defaultdict(Decimal)
    for each in by_day(since_ever, bail):
        if each.kind == Entry.Kind.BAIL_RETURNED:
            came_back[bail[each.code]] += each.lowered - each.raised
    for cost in known:
        by_fund = given[cost.row.pk]
        all_given = sum(by_fund.values(), ZERO)
        figures = Figures.of(
            owed=owed[cost.row.pk],
            given=all_given,
            paid=all_given - closing.get(AccountKey.cost(cost.row).code, ZERO),
            with_court=closing.get(AccountKey.bail(cost.row).code, ZERO),
            came_back=came_back[cost.row.pk],
            has_ended=cost.ended_on is not None and cost.ended_on <= span.last_on,
        )
        own_funds = {key: net for key, net in by_fund.items() if key is not None}
        yield spread(cost, figures, own_funds, shares=cost.shares)


def _given(own: dict[str, int], span: Span) -> dict[int, dict[int | None, Decimal]]:
    """What was set aside for each cost, less what was released, by the defendant whose own fund gave it; None is all
    other funds."""
    given: dict[int, dict[int | None, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    moved = [each for each in by_day(span, own) if each.kind in SETTING_ASIDE]
    whose = dict(
        Account.objects.filter(
            code__in={each.other for each in moved}, fund__defendant__isnull=False
        ).values_list("code", "fund__defendant")
    )
    for each in moved:
        given[own[each.code]][whose.get(each.other)] += each.raised - each.lowered
    return given
