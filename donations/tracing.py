"""READ: where the money of a gift went, and of how many gifts a cost was paid.

A fund spends its money in the order in which it came into the books. A gift's own fee, refund and dispute are taken of
what is left of it, and of the oldest money only beyond that. A cost of several funds is paid by them in the order in
which they first gave. What is released, returned or taken back goes where it came from. Through an exchange a gift keeps
its worth in its own currency. The database follows the entries by these rules (migrations: donations_follow) and keeps
for each gift its few lots; so a gift costs the same to read at any size, and no unit of money is told of two gifts.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import connection
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from appeals.models import CaseText, PublicParty

from .models import Donation, Entry, Exchange, LegalCost
from .transparency import titles_of_funds

ZERO = Decimal(0)
# Followed at once by who looks at a gift; more than that is left to the worker.
AT_ONCE = 200
# So far the gifts of a cost are counted where somebody looks at one gift; "more than a hundred" says enough there.
COUNTED = 101

# What leaves a fund for no cost, in words.
OTHER_KINDS = {
    Entry.Kind.FEE: _("Fees of the payments"),
    Entry.Kind.REFUND: _("Sent back to supporters"),
    Entry.Kind.DISPUTE: _("Payments that other cards' owners took back"),
    Entry.Kind.DISPUTE_FEE: _("Payments that other cards' owners took back"),
    Entry.Kind.BANK_FEE: _("Bank fees"),
    Entry.Kind.INTEREST: _("Bank fees"),
    Entry.Kind.DONATION: _("Payments that turned out to be no gift"),
    Entry.Kind.PAST_PAYMENT: _("Costs paid before these books began"),
}
OTHERWISE = _("Costs paid before the money was booked")

LOTS = """
SELECT coalesce(a.kind, ''), l.kind, a.fund_id, a.legal_cost_id, coalesce(a.currency, ''),
       sum(l."left"), sum(l.left_worth), sum(l.spent), sum(l.spent_worth)
FROM donations_lot l LEFT JOIN donations_account a ON a.id = l.account_id
WHERE l.donation_id = ANY (%s)
GROUP BY coalesce(a.kind, ''), l.kind, a.fund_id, a.legal_cost_id, coalesce(a.currency, '')
"""

# Of how many gifts each cost was paid so far.
GIFTS = """
SELECT a.legal_cost_id, n.gifts FROM donations_account a CROSS JOIN LATERAL (
    SELECT count(DISTINCT donation_id) AS gifts FROM (
        SELECT donation_id FROM donations_lot l
        WHERE l.account_id = a.id AND l.spent > 0 AND l.donation_id IS NOT NULL LIMIT %s) counted) n
WHERE a.kind = 'cost' AND a.legal_cost_id = ANY (%s)
"""

BAIL_HELD = """
SELECT legal_cost_id FROM donations_account
WHERE place = 'bail' AND legal_cost_id = ANY (%s) AND donations_balance(id) > 0
"""

# What payments of costs were made of, by the exchange that brought it (or none): the payments of a cost stand one
# after the other in the order of its lots, as donations_lots_spend spends them.
PARTS = """
WITH paid AS (
    SELECT e.id, e.amount, e.debit_id, sum(e.amount) OVER (PARTITION BY e.debit_id ORDER BY e.id) AS reached, e.source
    FROM donations_entry e JOIN donations_account a ON a.id = e.debit_id AND a.kind = 'cost' AND a.legal_cost_id = ANY (%s)
    WHERE e.kind IN ('disbursement', 'bail_forfeited') AND e.reverses_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM donations_entry r WHERE r.reverses_id = e.id)
), queue AS (
    SELECT l.account_id, l.exchange_id, l.spent, sum(l.spent) OVER (PARTITION BY l.account_id ORDER BY l.first, l.id) AS reached
    FROM (SELECT l.*, min(l.id) OVER (PARTITION BY l.account_id, p.account_id) AS first
          FROM donations_lot l JOIN donations_lot p ON p.id = l.parent_id
          WHERE l.account_id IN (SELECT debit_id FROM paid)) l
)
SELECT p.source, q.exchange_id,
       sum(least(q.reached, p.reached) - greatest(q.reached - q.spent, p.reached - p.amount))
FROM queue q JOIN paid p
  ON p.debit_id = q.account_id AND q.reached > p.reached - p.amount AND q.reached - q.spent < p.reached
WHERE p.source = ANY (%s) AND q.exchange_id IS NOT NULL GROUP BY p.source, q.exchange_id ORDER BY p.source, q.exchange_id
"""


@dataclass(frozen=True)
class Use:
    """An amount of a gift, in its own currency, and what it went to. Case and person only as public pages show them.

    `gifts` is the number of gifts that the same costs were paid of, this one included, counted up to COUNTED; 0 where
    nothing is paid yet.
    """

    label: str
    amount: Decimal
    case: CaseText | None = None
    person: str = ""
    names: dict[str, str] = field(default_factory=dict)
    gifts: int = 0

    @property
    def others(self) -> int:
        return max(self.gifts - 1, 0)

    @property
    def has_more(self) -> bool:
        return self.gifts >= COUNTED


@dataclass(frozen=True)
class Place:
    """An amount of a gift that lies in another fund than it was given to: by the surplus rule, or a cover of two people."""

    title: str
    amount: Decimal


@dataclass(frozen=True)
class Trace:
    """The uses, what is set aside, what lies in other funds and what is still in the fund add up to the gift, exactly.

    `exchanged` is what of `kept`, `elsewhere` and `set_aside` lies there in other currencies: (amount, currency) each.
    """

    currency: str
    uses: tuple[Use, ...]
    set_aside: tuple[Use, ...]
    elsewhere: tuple[Place, ...]
    kept: Decimal
    exchanged: tuple[tuple[Decimal, str], ...] = ()

    @property
    def held(self) -> Decimal:
        """All that is not spent yet."""
        waiting = sum((use.amount for use in self.set_aside), ZERO)
        return self.kept + waiting + sum((place.amount for place in self.elsewhere), ZERO)


def follow(most: int) -> int:
    """Follows up to `most` entries that are not followed yet; how many, or -1 while another does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT donations_follow(%s)", [most])
        return int(cursor.fetchone()[0])


def trace_all(donations: Sequence[Donation]) -> list[Trace]:
    """The traces of one gift's donations, one for each fund and currency, with what went to the same thing summed up."""
    if donations:
        follow(AT_ONCE)
    traces = []
    for fund_id, currency in dict.fromkeys((d.fund_id, d.currency) for d in donations):
        mine = [d for d in donations if (d.fund_id, d.currency) == (fund_id, currency)]
        traces.append(_trace(fund_id, currency, mine))
    return traces


def _trace(fund_id: int, currency: str, donations: Sequence[Donation]) -> Trace:
    with connection.cursor() as cursor:
        cursor.execute(LOTS, [[donation.pk for donation in donations]])
        lots = cursor.fetchall()
    if not lots:
        # Not followed yet: nothing of it can be spent.
        return Trace(currency, (), (), (), sum((_net(donation) for donation in donations), ZERO))
    spent: dict[tuple[int | None, str], Decimal] = defaultdict(Decimal)
    waiting: dict[tuple[int | None, str], Decimal] = defaultdict(Decimal)
    funds: dict[int, Decimal] = defaultdict(Decimal)
    exchanged: dict[str, Decimal] = defaultdict(Decimal)
    for place, kind, in_fund, cost_id, place_currency, left, left_worth, _s, spent_worth in lots:
        if place == "fund":
            funds[in_fund] += left_worth
        elif place == "cost":
            spent[cost_id, ""] += spent_worth
            waiting[cost_id, ""] += left_worth
        else:
            spent[None, kind] += spent_worth
        if left and place_currency != currency:
            exchanged[place_currency] += left
    costs = _costs({cost for cost, _kind in (*spent, *waiting) if cost})
    kept = funds.pop(fund_id, ZERO)
    elsewhere = {pk: amount for pk, amount in funds.items() if amount}
    return Trace(
        currency=currency,
        uses=tuple(_uses(spent, costs, is_paid=True)),
        set_aside=tuple(_uses(waiting, costs, is_paid=False)),
        elsewhere=tuple(
            Place(titles[pk], elsewhere[pk])
            for titles in [titles_of_funds(elsewhere, get_language() or "en") if elsewhere else {}]
            for pk in elsewhere
        ),
        kept=kept,
        exchanged=tuple((amount, code) for code, amount in sorted(exchanged.items())),
    )


def _net(donation: Donation) -> Decimal:
    refunded = sum((refund.amount for refund in donation.sent_back), ZERO)
    return max(donation.amount - (donation.fee or ZERO) - refunded, ZERO)


def _costs(ids: Iterable[int]) -> dict[int, LegalCost]:
    costs = LegalCost.objects.select_related("case__appeal", "defendant").in_bulk(list(ids))
    return dict(costs)


def gifts_of(costs: Iterable[int], *, up_to: int | None = None) -> dict[int, int]:
    """Of how many gifts each cost was paid so far, by its key; the same cost at any size with `up_to`."""
    with connection.cursor() as cursor:
        cursor.execute(GIFTS, [up_to, list(costs)])
        return dict(cursor.fetchall())


def parts_of_payments(
    costs: Iterable[int], sources: Iterable[str]
) -> dict[str, list[tuple[Exchange, Decimal]]]:
    """What of the payments of `costs` booked under `sources` was bought by which exchange, by source: (exchange, amount in
    its currency received). Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(PARTS, [list(costs), list(sources)])
        rows = cursor.fetchall()
    exchanges = Exchange.objects.in_bulk({pk for _source, pk, _amount in rows}) if rows else {}
    parts: dict[str, list[tuple[Exchange, Decimal]]] = defaultdict(list)
    for source, pk, amount in rows:
        parts[source].append((exchanges[pk], amount))
    return parts


def _held_by_courts(costs: Iterable[int]) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(BAIL_HELD, [list(costs)])
        return {pk for (pk,) in cursor.fetchall()}


def _uses(
    sums: dict[tuple[int | None, str], Decimal], costs: dict[int, LegalCost], *, is_paid: bool
) -> Iterable[Use]:
    sums = {key: amount for key, amount in sums.items() if amount}
    mine = {pk: costs[pk] for pk, _kind in sums if pk is not None}
    cases = {cost.case_id for cost in mine.values()}
    titled: dict[int, CaseText] = {}
    people: dict[tuple[int, int], str] = {}
    names: dict[int, dict[str, str]] = {}
    if cases:
        texts = CaseText.objects.published().best(get_language() or "en").filter(case__in=cases)
        titled = {text.case_id: text for text in texts.select_related("case__appeal")}
        for party in PublicParty.objects.filter(case__in=cases):
            people[party.case_id, party.defendant_id] = party.display_name
            names.setdefault(party.case_id, {})[party.key] = party.display_name
    gifts = gifts_of(mine, up_to=COUNTED) if mine and is_paid else {}
    at_court = set() if is_paid or not mine else _held_by_courts(mine)
    merged: dict[tuple[str, int | None, str], Decimal] = defaultdict(Decimal)
    counts: dict[tuple[str, int | None, str], int] = defaultdict(int)
    for (cost_id, kind), amount in sums.items():
        key: tuple[str, int | None, str]
        if cost_id is None:
            key = (str(OTHER_KINDS.get(Entry.Kind(kind), OTHERWISE)), None, "")
        else:
            cost = mine[cost_id]
            label = str(
                _("Bail, held by the court") if cost_id in at_court else cost.get_kind_display()
            )
            key = (label, cost.case_id, people.get((cost.case_id, cost.defendant_id), ""))
            counts[key] = max(counts[key], gifts.get(cost_id, 0))
        merged[key] += amount
    for (label, case_id, person), amount in merged.items():
        text = titled.get(case_id) if case_id else None
        known = names.get(case_id, {}) if case_id else {}
        count = counts[label, case_id, person]
        yield Use(label[:1].upper() + label[1:], amount, text, person, known, count)
