"""READ: the public figures, from the ledger's stored totals; no name, no gift, and the same cost at any size."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import override

from appeals.markdown import with_names
from appeals.models import Appeal, Case

from .models import Account, Fund

ZERO = Decimal(0)


@dataclass(frozen=True)
class Figures:
    """Sums in one currency: received − refunded − fees − paid − passed_on + moved + exchanged = held; `promised` and `conditional` stand apart from all.

    `passed_on` is what nobody needed and the partner got whom the policy names. `moved` is what two people had other funds cover, or moved by the surplus rule, and is zero over all funds.
    `exchanged` is what came from other currencies, less what was changed into them. `allocated` is the part of `held` set
    aside for legal costs and not paid yet, deposits with courts included. `held` is read from the accounts' balances,
    not computed from the others, so that the sum above proves something.
    """

    received: Decimal = ZERO
    refunded: Decimal = ZERO
    processing_fees: Decimal = ZERO
    bank_fees: Decimal = ZERO
    dispute_fees: Decimal = ZERO
    paid: Decimal = ZERO
    passed_on: Decimal = ZERO
    moved: Decimal = ZERO
    exchanged: Decimal = ZERO
    held: Decimal = ZERO
    allocated: Decimal = ZERO
    promised: Decimal = ZERO
    # By cards that are charged only if an appeal's target is met; not part of `promised`.
    conditional: Decimal = ZERO

    @property
    def arrived(self) -> Decimal:
        return self.received - self.refunded

    @property
    def fees(self) -> Decimal:
        return self.processing_fees + self.bank_fees + self.dispute_fees

    @property
    def net(self) -> Decimal:
        return self.arrived - self.fees

    @property
    def free(self) -> Decimal:
        return self.held - self.allocated

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class FundFigures:
    """One fund's figures in one currency. `is_frozen`: a fact took it below zero and nobody has covered that yet."""

    code: str
    kind: str
    title: str
    currency: str
    is_frozen: bool
    figures: Figures


@dataclass(frozen=True)
class PlaceBalance:
    """What lies at one place (Account.Place) in one currency."""

    place: str
    currency: str
    balance: Decimal

    @property
    def label(self) -> str:
        return str(Account.Place(self.place).label)


@dataclass(frozen=True)
class CurrencyFigures:
    """All funds together in one currency, and where what is held lies."""

    currency: str
    figures: Figures
    places: tuple[PlaceBalance, ...]


@dataclass(frozen=True)
class Books:
    """All public figures as they were at the instant `at`."""

    at: datetime
    totals: tuple[CurrencyFigures, ...]
    funds: tuple[FundFigures, ...]


# Which figure an entry on a fund's account counts to, and whether credits raise it. Reversals share the kind, so they
# are netted. Allocations and releases are missing: they leave what is held where it is.
COUNTS_TO = {
    "donation": ("received", 1),
    "interest": ("received", 1),
    "opening": ("received", 1),
    "past_payment": ("paid", -1),
    "refund": ("refunded", -1),
    "refund_returned": ("refunded", -1),
    "dispute": ("refunded", -1),
    "dispute_won": ("refunded", -1),
    "fee": ("processing_fees", -1),
    "bank_fee": ("bank_fees", -1),
    "dispute_fee": ("dispute_fees", -1),
    "cover": ("moved", 1),
    "surplus": ("moved", 1),
    "partner_payment": ("passed_on", -1),
    "exchange": ("exchanged", 1),
}

# One statement, so that all figures are of one instant. Each row: what it tells, of which fund or place, how much.
ALL_FIGURES = """
WITH changes AS (
    SELECT a.kind AS account_kind, a.place, a.fund_id, a.legal_cost_id, a.currency, a.frozen_at, t.kind,
           sum(t.credit) - sum(t.debit) AS amount
    FROM donations_account a JOIN donations_total t ON t.account_id = a.id
    GROUP BY a.id, t.kind
), given AS (
    -- What each fund set aside for each cost, less what came back. Found by their sources, which are unique, so that
    -- the cost of it does not grow with the number of gifts.
    SELECT a.cost_id AS legal_cost_id, a.fund_id, e.currency, min(e.id) AS first,
           sum(CASE WHEN a.is_release THEN -e.amount ELSE e.amount END) AS amount
    FROM donations_allocation a
    JOIN donations_entry e ON e.source = 'allocation:' || a.number
    LEFT JOIN donations_entry r ON r.reverses_id = e.id
    WHERE r.id IS NULL GROUP BY a.cost_id, a.fund_id, e.currency
), spent AS (
    -- Whatever left a cost otherwise than back to a fund: paid, or bail the court kept.
    SELECT legal_cost_id, -sum(amount) AS amount FROM changes
    WHERE account_kind = 'cost' AND kind NOT IN ('allocation', 'release') GROUP BY legal_cost_id
), queue AS (
    SELECT g.fund_id, g.currency, g.amount, coalesce(s.amount, 0) - (sum(g.amount) OVER w - g.amount) AS reaching,
           lead(g.fund_id) OVER w IS NULL AS is_last
    FROM given g LEFT JOIN spent s USING (legal_cost_id)
    WINDOW w AS (PARTITION BY g.legal_cost_id ORDER BY g.first)
), paid AS (
    -- A cost of several funds is paid from them in the order they first gave, each to the end of what it gave.
    SELECT fund_id, currency, amount, CASE WHEN is_last THEN greatest(reaching, 0)
                                           ELSE least(amount, greatest(reaching, 0)) END AS paid FROM queue
)
SELECT 'change', fund_id, '', currency, frozen_at IS NOT NULL, kind, amount FROM changes WHERE account_kind = 'fund'
UNION ALL
SELECT 'paid', fund_id, '', currency, false, '', sum(paid) FROM paid GROUP BY fund_id, currency
UNION ALL
SELECT 'allocated', fund_id, '', currency, false, '', sum(amount - paid) FROM paid GROUP BY fund_id, currency
UNION ALL
SELECT 'promised', fund_id, '', currency, false, '', amount FROM donations_promised
UNION ALL
SELECT 'conditional', fund_id, '', currency, false, '', amount FROM donations_conditional
UNION ALL
SELECT 'place', NULL, place, currency, false, '', -sum(amount) FROM changes
WHERE account_kind = 'asset' GROUP BY place, currency
"""


def books(*, language: str, at: datetime) -> Books:
    """The public books; two queries, whatever number of gifts stands behind them.

    `at` is the present, which the caller names; figures of an earlier day are not kept.
    """
    sums: dict[tuple[int, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    frozen: set[tuple[int, str]] = set()
    places: dict[str, list[PlaceBalance]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(ALL_FIGURES)
        for tells, fund_id, place, currency, is_frozen, kind, amount in cursor.fetchall():
            if tells == "place":
                if amount:
                    places[currency].append(PlaceBalance(place, currency, amount))
                continue
            names = sums[fund_id, currency]
            if is_frozen:
                frozen.add((fund_id, currency))
            if tells == "change":
                _count(names, kind, amount)
                # The fund's own account holds what is free.
                names["held"] += amount
            else:
                names[tells] += amount
                if tells == "allocated":
                    names["held"] += amount
    funds = tuple(
        FundFigures(
            code=fund.code,
            kind=fund.kind,
            title=title,
            currency=currency,
            is_frozen=(fund.pk, currency) in frozen,
            figures=Figures(**sums[fund.pk, currency]),
        )
        for fund, title in _titled_funds(language)
        for currency in sorted(currency for pk, currency in sums if pk == fund.pk)
    )
    return Books(at=at, totals=_totals(funds, places), funds=funds)


def _count(names: dict[str, Decimal], kind: str, change: Decimal) -> None:
    if kind in COUNTS_TO:
        name, sign = COUNTS_TO[kind]
        names[name] += sign * change


def _totals(
    funds: Iterable[FundFigures], places: dict[str, list[PlaceBalance]]
) -> tuple[CurrencyFigures, ...]:
    totals: dict[str, Figures] = defaultdict(Figures)
    for fund in funds:
        totals[fund.currency] += fund.figures
    order = [str(place) for place in Account.Place]
    return tuple(
        CurrencyFigures(
            currency,
            totals[currency],
            tuple(sorted(places[currency], key=lambda held: order.index(held.place))),
        )
        for currency in sorted(totals)
    )


def titles_of_funds(ids: Iterable[int], language: str) -> dict[int, str]:
    """What the public reads as the name of each of these funds, by its key."""
    funds = Fund.objects.with_public_title(language).select_related("appeal", "case__appeal")
    with override(language):
        return {fund.pk: _title(fund) for fund in funds.filter(pk__in=list(ids))}


def _titled_funds(language: str) -> list[tuple[Fund, str]]:
    """All funds with what the public reads as their name; an appeal's before its cases'."""
    funds = Fund.objects.with_public_title(language).select_related("appeal", "case__appeal")
    with override(language):
        return [(fund, _title(fund)) for fund in sorted(funds, key=_rank)]


def _rank(fund: Fund) -> tuple[int, int, int]:
    kinds = [Fund.Kind.GENERAL, Fund.Kind.APPEAL, Fund.Kind.CASE, Fund.Kind.DEFENDANT]
    appeal_id = fund.appeal_id or (fund.case.appeal_id if fund.case else None)
    return (appeal_id or 0, kinds.index(Fund.Kind(fund.kind)), fund.pk)


def _title(fund: Fund) -> str:
    """Never a person's name and nothing unpublished; keys of people in a title become "a person"."""
    title = with_names(fund.public_title, {})  # type: ignore[attr-defined]  # annotated above
    match fund.kind:
        case Fund.Kind.GENERAL:
            return _("General fund")
        case Fund.Kind.DEFENDANT:
            return _("A defendant’s fund")
        case Fund.Kind.APPEAL:
            assert fund.appeal is not None  # the database's own rule: fund_kind_names_its_subject
            if not fund.appeal.is_published:
                return _("An appeal that is not public")
            return _("%(appeal)s: where it is needed most") % {"appeal": title}
        case _kind:
            assert fund.case is not None
            is_public = fund.case.is_published and fund.case.appeal.is_published
            return title if is_public else _("A case that is not public")


@dataclass(frozen=True)
class CameIn:
    """What arrived (received less refunded) in one currency, and what was promised on top of it, for sure and on condition."""

    currency: str
    arrived: Decimal
    promised: Decimal
    conditional: Decimal = ZERO


ARRIVED = [kind for kind, (name, _sign) in COUNTS_TO.items() if name in {"received", "refunded"}]


def came_in_for_appeal(appeal: Appeal) -> list[CameIn]:
    """What came in for an appeal and its cases, one row per currency; one query."""
    return _came_in(appeal=appeal.pk)


def came_in_for_case(case: Case) -> list[CameIn]:
    """What came in for a case by name, one row per currency; one query."""
    return _came_in(case=case.pk)


def _came_in(*, appeal: int | None = None, case: int | None = None) -> list[CameIn]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM donations_came_in(%s, %s, %s)", [appeal, case, ARRIVED])
        return [CameIn(*row) for row in cursor.fetchall()]
