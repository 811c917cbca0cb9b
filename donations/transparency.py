"""READ: the public figures, from the ledger's stored totals; no name, no gift, and the same cost at any size."""

from collections import defaultdict
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.db.models import F, Sum

from appeals.models import Appeal

from .models import Account, Fund

ZERO = Decimal(0)


@dataclass
class Figures:
    """Sums in one currency. `received` − `refunded` − `fees` − `paid` + `moved` = `held`; `promised` stands apart.

    `allocated` is the part of `held` that is set aside for legal costs and not paid yet; the rest is `free`.
    `bail` is the part of `held` that lies with courts as deposits.
    """

    received: Decimal = ZERO
    refunded: Decimal = ZERO
    fees: Decimal = ZERO
    paid: Decimal = ZERO
    moved: Decimal = ZERO
    held: Decimal = ZERO
    allocated: Decimal = ZERO
    promised: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        return self.received - self.refunded - self.fees

    @property
    def free(self) -> Decimal:
        return self.held - self.allocated

    def add(self, other: "Figures") -> None:
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))


@dataclass
class FundFigures:
    """One fund's figures in one currency. `title` is what the public reads; `is_frozen`: it is or was below zero."""

    code: str
    kind: str
    title: str
    currency: str
    is_frozen: bool
    figures: Figures = field(default_factory=Figures)


@dataclass
class Books:
    """All public figures at the instant `at`."""

    at: datetime
    totals: dict[str, Figures]
    funds: list[FundFigures]
    places: dict[str, dict[str, Decimal]]


# Which figure each kind of entry on a fund's account counts to, as credit less debit; reversals share the kind.
FUND_FIGURES = {
    "donation": ("received", 1),
    "interest": ("received", 1),
    "refund": ("refunded", -1),
    "dispute": ("refunded", -1),
    "dispute_won": ("refunded", -1),
    "fee": ("fees", -1),
    "dispute_fee": ("fees", -1),
    "bank_fee": ("fees", -1),
    "cover": ("moved", 1),
}

TOTALS = """
SELECT a.fund_id, a.currency, a.frozen_at IS NOT NULL, t.kind, sum(t.credit) - sum(t.debit)
FROM donations_account a JOIN donations_total t ON t.account_id = a.id
WHERE a.kind = 'fund' GROUP BY a.fund_id, a.currency, a.frozen_at, t.kind
"""

# A cost fed by several funds is paid from them in the order they first gave, each to the end of what it gave.
PAID = """
WITH given AS (
    SELECT cost_id, fund_id, min(id) AS first, sum(CASE WHEN is_release THEN -amount ELSE amount END) AS amount
    FROM donations_allocation GROUP BY cost_id, fund_id
), spent AS (
    SELECT a.legal_cost_id AS cost_id, a.currency, sum(t.debit) - sum(t.credit) AS amount
    FROM donations_account a JOIN donations_total t ON t.account_id = a.id
    WHERE a.kind = 'cost' AND t.kind IN ('disbursement', 'bail_forfeited')
    GROUP BY a.legal_cost_id, a.currency
), queue AS (
    SELECT g.fund_id, g.amount, c.currency, coalesce(s.amount, 0) AS spent,
           sum(g.amount) OVER (PARTITION BY g.cost_id ORDER BY g.first) AS up_to
    FROM given g JOIN donations_legalcost c ON c.id = g.cost_id LEFT JOIN spent s ON s.cost_id = g.cost_id
), paid AS (
    SELECT fund_id, currency, amount, least(amount, greatest(spent - (up_to - amount), 0)) AS paid FROM queue
)
SELECT fund_id, currency, sum(paid), sum(amount - paid) FROM paid GROUP BY fund_id, currency
"""

# A transfer announced and not, or not wholly, arrived. A card payment in progress is no promise.
PROMISED = """
SELECT p.fund_id, p.currency, sum(p.amount - coalesce(d.received, 0))
FROM donations_pledge p
LEFT JOIN LATERAL (SELECT sum(amount) AS received FROM donations_donation WHERE pledge_id = p.id) d ON true
WHERE p.method = 'transfer' AND p.cancelled_at IS NULL AND p.amount > coalesce(d.received, 0)
GROUP BY p.fund_id, p.currency
"""


def books(*, language: str, at: datetime) -> Books:
    """The public books; five queries, whatever number of gifts stands behind them."""
    table: dict[tuple[int, str], FundFigures] = {}
    funds = {
        fund.pk: fund
        for fund in Fund.objects.with_public_title(language).order_by(F("appeal_id").asc(), "pk")
    }

    def row(fund_id: int, currency: str) -> FundFigures:
        fund = funds[fund_id]
        return table.setdefault(
            (fund_id, currency),
            FundFigures(
                code=fund.code,
                kind=fund.kind,
                title=fund.public_title,  # type: ignore[attr-defined]  # annotated above
                currency=currency,
                is_frozen=False,
            ),
        )

    with connection.cursor() as cursor:
        cursor.execute(TOTALS)
        for fund_id, currency, is_frozen, kind, change in cursor.fetchall():
            entry = row(fund_id, currency)
            entry.is_frozen = entry.is_frozen or is_frozen
            entry.figures.held += change
            if kind in FUND_FIGURES:
                name, sign = FUND_FIGURES[kind]
                setattr(entry.figures, name, getattr(entry.figures, name) + sign * change)
        cursor.execute(PAID)
        for fund_id, currency, paid, set_aside in cursor.fetchall():
            figures = row(fund_id, currency).figures
            figures.paid, figures.allocated = paid, set_aside
            # The fund's own account is what is free; what is set aside and unpaid is held for it too.
            figures.held += set_aside
        cursor.execute(PROMISED)
        for fund_id, currency, promised in cursor.fetchall():
            row(fund_id, currency).figures.promised = promised

    ordered = sorted(table.items(), key=lambda item: (list(funds).index(item[0][0]), item[0][1]))
    totals: dict[str, Figures] = defaultdict(Figures)
    for _key, entry in ordered:
        totals[entry.currency].add(entry.figures)
    return Books(
        at=at,
        totals=dict(sorted(totals.items())),
        funds=[entry for _key, entry in ordered],
        places=_places(),
    )


def _places() -> dict[str, dict[str, Decimal]]:
    """Where the money is: place → currency → balance."""
    places: dict[str, dict[str, Decimal]] = defaultdict(dict)
    rows = (
        Account.objects.filter(kind=Account.Kind.ASSET)
        .values_list("place", "currency")
        .annotate(balance=Sum(F("totals__debit") - F("totals__credit")))
        .order_by("place", "currency")
    )
    for place, currency, balance in rows:
        if balance:
            places[place][currency] = balance
    return dict(places)


def appeal_totals(appeal: Appeal) -> dict[str, Figures]:
    """What an appeal and its cases received, per currency; two queries, for the appeal's own page."""
    funds = Fund.objects.filter(appeal=appeal) | Fund.objects.filter(case__appeal=appeal)
    totals: dict[str, Figures] = defaultdict(Figures)
    rows = (
        Account.objects.filter(fund__in=funds)
        .values_list("currency", "totals__kind")
        .annotate(change=Sum(F("totals__credit") - F("totals__debit")))
    )
    for currency, kind, change in rows:
        if kind in FUND_FIGURES and change:
            name, sign = FUND_FIGURES[kind]
            setattr(totals[currency], name, getattr(totals[currency], name) + sign * change)
    return dict(sorted(totals.items()))
