"""READ: where the money of a gift went, and of how many gifts a cost was paid.

A fund spends its money in the order in which it came into the books. A gift's own fee, refund and dispute are taken of
what is left of it, and of the oldest money only beyond that. A cost of several funds is paid by them in the order in
which they first gave. What is released, returned or taken back goes where it came from. Through an exchange a gift keeps
its worth in its own currency. The database follows the entries by these rules (migrations: donations_follow) and keeps
for each gift its few lots; so a gift costs the same to read at any size, and no unit of money is told of two gifts.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from appeals.models import PublicParty

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
    Entry.Kind.DISPUTE: _("Card payments that were taken back through the bank"),
    Entry.Kind.DISPUTE_FEE: _("Card payments that were taken back through the bank"),
    Entry.Kind.BANK_FEE: _("Bank fees"),
    Entry.Kind.INTEREST: _("Bank fees"),
    Entry.Kind.DONATION: _("Payments that turned out to be no gift"),
    Entry.Kind.PAST_PAYMENT: _("Costs paid before these books began"),
}
# Of a payment to the partner it says whom, by the name that the policy had.
PARTNER = _("Passed on to %(partner)s, the partner whom the rules name")
OTHERWISE = _("Costs paid before the money was booked")

# Where the money of a gift's donations lies or went, with what there is to say of the costs among these places: whether
# a court holds their bail, and of how many gifts they were paid so far.
LOTS = """
WITH lots AS (
    SELECT l.kind, a.id AS account_id, a.fund_id, a.legal_cost_id, coalesce(a.currency, '') AS currency,
           sum(l."left") AS "left", sum(l.left_worth) AS left_worth, sum(l.spent_worth) AS spent_worth
    FROM donations_lot l LEFT JOIN donations_account a ON a.id = l.account_id
    WHERE l.donation_id = ANY (%(donations)s) GROUP BY l.kind, a.id
)
SELECT lots.kind, lots.fund_id, lots.currency, lots."left", lots.left_worth, lots.spent_worth,
       c.id, c.kind, c.case_id, c.defendant_id,
       EXISTS (SELECT FROM donations_account b
               WHERE b.legal_cost_id = c.id AND b.place = 'bail' AND donations_balance(b.id) > 0),
       CASE WHEN c.id IS NOT NULL AND lots.spent_worth > 0 THEN (
           SELECT count(DISTINCT donation_id) FROM (
               SELECT donation_id FROM donations_lot l
               WHERE l.account_id = lots.account_id AND l.spent > 0 AND l.donation_id IS NOT NULL LIMIT %(most)s) counted
       ) ELSE 0 END
FROM lots LEFT JOIN donations_legalcost c ON c.id = lots.legal_cost_id
"""

# To whom money of these gifts went that nobody needed.
PARTNERS = """
SELECT DISTINCT w.partner
FROM donations_lot l JOIN donations_lot p ON p.id = l.parent_id JOIN donations_account a ON a.id = p.account_id
JOIN donations_partnerpayment w ON w.fund_id = a.fund_id AND w.currency = a.currency
                               AND w.paid_at IS NOT NULL AND w.came_back_on IS NULL
WHERE l.donation_id = ANY (%s) AND l.kind = 'partner_payment' AND l.spent > 0 ORDER BY w.partner
"""

# Of how many gifts each cost was paid so far.
GIFTS = """
SELECT a.legal_cost_id, count(DISTINCT l.donation_id)
FROM donations_account a JOIN donations_lot l ON l.account_id = a.id AND l.spent > 0
WHERE a.kind = 'cost' AND a.legal_cost_id = ANY (%s) GROUP BY a.legal_cost_id
"""

# What payments of costs were made of, by the exchange that brought it (or none): the payments of a cost stand one
# after the other in the order of its lots, as donations_lots_spend spends them. One that came back and yet did not (the
# match that said so was taken back) stands where it was booked again, under its own name.
PARTS = """
WITH paid AS (
    SELECT e.id, e.amount, e.debit_id, sum(e.amount) OVER (PARTITION BY e.debit_id ORDER BY e.id) AS reached,
           regexp_replace(e.source, '^(reversal:)+', '') AS source
    FROM donations_entry e JOIN donations_account a ON a.id = e.debit_id AND a.kind = 'cost' AND a.legal_cost_id = ANY (%s)
    WHERE e.kind IN ('disbursement', 'bail_forfeited')
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

# What public pages show of cases: the text in the reader's language, else in the appeal's, else in any, and the people by
# the view that keeps to their consent. OFFSET 0 has the view planned by itself: among the other tables it takes longer to
# plan than to read.
SHOWN = """
SELECT k.id, t.title, t.language, k.slug, a.slug, p.defendant_id, p.key, p.alias, p.name
FROM appeals_case k JOIN appeals_appeal a ON a.id = k.appeal_id
LEFT JOIN LATERAL (
    SELECT title, language FROM appeals_casetext WHERE case_id = k.id
    ORDER BY array_position(ARRAY[%(language)s, a.default_language], language), language LIMIT 1) t ON true
LEFT JOIN LATERAL (
    SELECT defendant_id, key, alias, name FROM appeals_public_party WHERE case_id = k.id OFFSET 0) p ON true
WHERE k.id = ANY (%(cases)s) AND k.published_at IS NOT NULL AND a.published_at IS NOT NULL
"""
NAME = PublicParty._meta.get_field("name")


class ShownCase(NamedTuple):
    """A public case: its title in `language`, and the addresses of its page's two parts."""

    title: str
    language: str
    slug: str
    appeal: str


@dataclass(frozen=True)
class Use:
    """An amount of a gift, in its own currency, and what it went to. Case and person only as public pages show them.

    `gifts` is the number of gifts that the same costs were paid of, this one included, counted up to COUNTED; 0 where
    nothing is paid yet.
    """

    label: str
    amount: Decimal
    case: ShownCase | None = None
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
        cursor.execute(
            LOTS, {"donations": [donation.pk for donation in donations], "most": COUNTED}
        )
        lots = [_Lot(*row) for row in cursor.fetchall()]
    if not lots:
        # Not followed yet: nothing of it can be spent.
        return Trace(currency, (), (), (), sum((_net(donation) for donation in donations), ZERO))
    funds: dict[int, Decimal] = defaultdict(Decimal)
    exchanged: dict[str, Decimal] = defaultdict(Decimal)
    for lot in lots:
        if lot.fund_id is not None:
            funds[lot.fund_id] += lot.left_worth
        if lot.left and lot.currency != currency:
            exchanged[lot.currency] += lot.left
    kept = funds.pop(fund_id, ZERO)
    partners = _partners(donations) if any(map(_went_to_partner, lots)) else ""
    elsewhere = {pk: amount for pk, amount in funds.items() if amount}
    titles = titles_of_funds(elsewhere, _language()) if elsewhere else {}
    shown = _Shown.of({lot.case_id for lot in lots if lot.case_id is not None})
    return Trace(
        currency=currency,
        uses=_uses(lots, shown, is_paid=True, partners=partners),
        set_aside=_uses(lots, shown, is_paid=False),
        elsewhere=tuple(Place(titles[pk], amount) for pk, amount in elsewhere.items()),
        kept=kept,
        exchanged=tuple((amount, code) for code, amount in sorted(exchanged.items())),
    )


def _went_to_partner(lot: "_Lot") -> bool:
    return lot.kind == Entry.Kind.PARTNER_PAYMENT and bool(lot.spent_worth)


def _partners(donations: Sequence[Donation]) -> str:
    with connection.cursor() as cursor:
        cursor.execute(PARTNERS, [[donation.pk for donation in donations]])
        return ", ".join(name for (name,) in cursor.fetchall())


def _net(donation: Donation) -> Decimal:
    refunded = sum((refund.amount for refund in donation.sent_back), ZERO)
    return max(donation.amount - (donation.fee or ZERO) - refunded, ZERO)


def _language() -> str:
    return get_language() or "en"


def gifts_of(costs: Iterable[int]) -> dict[int, int]:
    """Of how many gifts each cost was paid so far, by its key; a cost of which nothing is paid is missing."""
    with connection.cursor() as cursor:
        cursor.execute(GIFTS, [list(costs)])
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


class _Lot(NamedTuple):
    """A row of LOTS: in a fund, in a cost, or gone from a fund for what `kind` says."""

    kind: str
    fund_id: int | None
    currency: str
    left: Decimal
    left_worth: Decimal
    spent_worth: Decimal
    cost_id: int | None
    cost_kind: str | None
    case_id: int | None
    defendant_id: int | None
    is_at_court: bool
    gifts: int


@dataclass(frozen=True)
class _Shown:
    """The cases, the people by (case, defendant), and for each case what they are called by key."""

    cases: dict[int, ShownCase]
    people: dict[tuple[int, int], str]
    names: dict[int, dict[str, str]]

    @classmethod
    def of(cls, cases: Collection[int]) -> "_Shown":
        shown = cls({}, {}, defaultdict(dict))
        if not cases:
            return shown
        with connection.cursor() as cursor:
            cursor.execute(SHOWN, {"cases": list(cases), "language": _language()})
            rows = cursor.fetchall()
        for case_id, title, language, slug, appeal, defendant_id, key, alias, name in rows:
            if title:
                shown.cases[case_id] = ShownCase(title, language, slug, appeal)
            if key:
                called = NAME.from_db_value(name, None, connection) or alias
                shown.people[case_id, defendant_id] = shown.names[case_id][key] = called
        return shown


def _spent_on(lot: _Lot, partners: str = "") -> str:
    if _went_to_partner(lot):
        return PARTNER % {"partner": partners}
    if lot.cost_kind is None:
        return str(OTHER_KINDS.get(Entry.Kind(lot.kind), OTHERWISE))
    return str(LegalCost.Kind(lot.cost_kind).label)


def _waiting_for(lot: _Lot) -> str:
    return str(_("Bail, held by the court")) if lot.is_at_court else _spent_on(lot)


def _uses(
    lots: Iterable[_Lot], shown: _Shown, *, is_paid: bool, partners: str = ""
) -> tuple[Use, ...]:
    """What left the funds, paid or waiting to be: amounts with the same words, case and person are one."""
    merged: dict[tuple[str, int | None, str], Decimal] = defaultdict(Decimal)
    gifts: dict[tuple[str, int | None, str], int] = defaultdict(int)
    for lot in lots:
        amount = lot.spent_worth if is_paid else lot.left_worth
        if lot.fund_id is not None or not amount:
            continue
        label = _spent_on(lot, partners) if is_paid else _waiting_for(lot)
        person = ""
        if lot.case_id is not None and lot.defendant_id is not None:
            person = shown.people.get((lot.case_id, lot.defendant_id), "")
        key = (label, lot.case_id, person)
        merged[key] += amount
        if is_paid:
            gifts[key] = max(gifts[key], lot.gifts)
    return tuple(
        Use(
            label[:1].upper() + label[1:],
            amount,
            shown.cases.get(case_id) if case_id else None,
            person,
            shown.names[case_id] if case_id else {},
            gifts[label, case_id, person],
        )
        for (label, case_id, person), amount in merged.items()
    )
