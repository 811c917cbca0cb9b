"""What needs no person: lines of which reference, amount and currency all agree with one thing we know of. One statement a kind."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from .. import ledger
from ..ledger import Posting
from ..models import AccountKey, BankAccount, Entry, Fund, StatementImport

# Everything a new line's codes name, whatever its amount: a line that names two things is for a person to look at.
NAMED = """
WITH line AS (
    SELECT l.id, l.amount, l.currency, l.account_id, l.booked_on, code.code
    FROM donations_statementline l CROSS JOIN LATERAL unnest(l."references") AS code (code)
    WHERE l.statement_id = %(statement)s AND l.explained = 0
)
SELECT min(named.kind) AS kind, min(named.id) AS id, line_id FROM (
    SELECT 'pledge' AS kind, p.id, line.id AS line_id
    FROM line JOIN donations_pledge p ON p.reference = line.code
    UNION ALL
    SELECT 'payout', p.id, line.id FROM line JOIN donations_payout p ON p.stripe_payout_id = line.code
    UNION ALL
    SELECT 'disbursement', d.id, line.id
    FROM line JOIN donations_disbursement d ON d.payment_reference = line.code
    UNION ALL
    SELECT 'refund', r.id, line.id FROM line JOIN donations_refundrequest r ON r.payment_reference = line.code
) named GROUP BY line_id HAVING count(*) = 1
"""

# The thing itself, held so that nobody books it meanwhile; what is read after this is what the others left.
HELD = """
SELECT 1 FROM donations_{table} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""

# A gift is what was announced, or one part of a promise, and nothing of it is there yet but the parts before. The lines of
# one file count one after the other, also those that a person has to look at.
GIFTS = """
WITH named AS (
    SELECT l.id AS line_id, l.amount, l.currency, p.id AS pledge_id, p.amount AS announced, p.is_open_ended,
           p.currency AS announced_in, p.cancelled_at, p.method, d.received,
           sum(l.amount) OVER (PARTITION BY p.id ORDER BY l.booked_on, l.id) - l.amount AS before
    FROM unnest(%(lines)s::bigint[], %(things)s::bigint[]) AS pair (line_id, pledge_id)
    JOIN donations_statementline l ON l.id = pair.line_id
    JOIN donations_pledge p ON p.id = pair.pledge_id
    LEFT JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS received FROM donations_donation
                       WHERE pledge_id = p.id AND reversed_at IS NULL) d ON true
    WHERE l.amount > 0
)
SELECT line_id, pledge_id FROM named n
LEFT JOIN LATERAL (
    SELECT bool_or(i.amount = n.amount) AS is_part FROM donations_instalment i WHERE i.pledge_id = n.pledge_id) parts ON true
WHERE currency = announced_in AND cancelled_at IS NULL AND method IN ('transfer', 'cash', 'card_later')
  AND (amount = announced OR parts.is_part)
  AND (received + before = 0 OR (parts.is_part IS NOT NULL AND (is_open_ended OR received + before < announced)))
ORDER BY line_id
"""

# Of two lines that name one payout or payment the first is taken, and the other left to a person.
PAYOUTS = """
SELECT l.id, p.id FROM (
    SELECT DISTINCT ON (payout_id) line_id, payout_id
    FROM unnest(%(lines)s::bigint[], %(things)s::bigint[]) AS pair (line_id, payout_id) ORDER BY payout_id, line_id) pair
JOIN donations_statementline l ON l.id = pair.line_id
JOIN donations_payout p ON p.id = pair.payout_id
WHERE (l.amount, l.currency::text) = (p.amount, p.currency::text) AND p.returned_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.payout_id = p.id AND m.undone_at IS NULL)
ORDER BY l.id
"""

# The same for payments of costs and for refunds: money out of this account that was recorded as paid.
PAID = """
SELECT l.id, t.id FROM (
    SELECT DISTINCT ON (thing_id) line_id, thing_id
    FROM unnest(%(lines)s::bigint[], %(things)s::bigint[]) AS pair (line_id, thing_id) ORDER BY thing_id, line_id) pair
JOIN donations_statementline l ON l.id = pair.line_id
JOIN donations_{table} t ON t.id = pair.thing_id
WHERE (l.amount, l.currency::text, l.account_id) = (-t.amount, t.currency::text, t.bank_account_id)
  AND t.paid_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.{column} = t.id AND m.undone_at IS NULL)
ORDER BY l.id
"""

FACTS = """
SELECT 'bank:' || %(account)s || ':' || l.key AS source, l.amount, l.booked_on, p.fund_id
FROM unnest(%(lines)s::bigint[], %(things)s::bigint[]) WITH ORDINALITY AS pair (line_id, thing_id, position)
JOIN donations_statementline l ON l.id = pair.line_id
LEFT JOIN donations_pledge p ON p.id = pair.thing_id AND %(are_gifts)s
ORDER BY pair.position
"""

# With its receipt where the supporter left an address, as donations/reconciliation/matches.py does for a single line.
DONATIONS = """
WITH given AS (
    INSERT INTO donations_donation (pledge_id, fund_id, method, amount, currency, fee, received_at, source)
    SELECT p.id, p.fund_id, 'transfer', l.amount, l.currency, 0, l.booked_on::timestamp AT TIME ZONE 'UTC', pair.source
    FROM unnest(%(lines)s::bigint[], %(things)s::bigint[], %(sources)s::text[]) AS pair (line_id, pledge_id, source)
    JOIN donations_statementline l ON l.id = pair.line_id
    JOIN donations_pledge p ON p.id = pair.pledge_id
    RETURNING id, pledge_id, source, amount
), letters AS (
    INSERT INTO donations_letter (kind, pledge_id, donation_id, occasion, created_at, due_at, attempts, error)
    SELECT 'receipt', g.pledge_id, g.id, '', %(at)s, %(at)s, 0, ''
    FROM given g JOIN donations_pledge p ON p.id = g.pledge_id WHERE p.supporter_id IS NOT NULL
)
INSERT INTO donations_statementmatch (line_id, amount, source, donation_id, explanation, confirmed_at)
SELECT pair.line_id, g.amount, g.source, g.id, '', %(at)s
FROM unnest(%(lines)s::bigint[], %(sources)s::text[]) AS pair (line_id, source)
JOIN given g ON g.source = pair.source
"""

MATCHES = """
INSERT INTO donations_statementmatch (line_id, amount, source, {column}, explanation, confirmed_at)
SELECT l.id, l.amount, pair.source, pair.thing_id, '', %(at)s
FROM unnest(%(lines)s::bigint[], %(things)s::bigint[], %(sources)s::text[]) AS pair (line_id, thing_id, source)
JOIN donations_statementline l ON l.id = pair.line_id
"""


@dataclass(frozen=True)
class _Fact:
    source: str
    amount: Decimal
    booked_on: date
    fund_id: int | None


def book(statement: StatementImport, *, at: datetime) -> int:
    """Matches what leaves no doubt among the lines of an import, and books it; returns how many lines that were.

    The matches have nobody's name. Whoever doubts one takes it back like any other.
    """
    named = _by_kind(statement)
    account = statement.account
    return (
        _gifts(account, *named["pledge"], at=at)
        + _payouts(account, *named["payout"], at=at)
        + _paid("disbursement", "disbursement_id", *named["disbursement"], at=at)
        + _paid("refundrequest", "refund_request_id", *named["refund"], at=at)
    )


def _by_kind(statement: StatementImport) -> dict[str, tuple[list[int], list[int]]]:
    """Per kind the lines and what each names."""
    found: dict[str, tuple[list[int], list[int]]] = {
        kind: ([], []) for kind in ("pledge", "payout", "disbursement", "refund")
    }
    for kind, thing, line in _rows(NAMED, {"statement": statement.pk}):
        found[kind][0].append(line)
        found[kind][1].append(thing)
    return found


def _gifts(account: BankAccount, lines: list[int], pledges: list[int], *, at: datetime) -> int:
    lines, pledges = _agreeing("pledge", GIFTS, lines, pledges)
    if not lines:
        return 0
    facts = _facts(account, lines, pledges, are_gifts=True)
    funds = Fund.objects.in_bulk({fact.fund_id for fact in facts})
    keys = {pk: AccountKey.fund(fund, account.currency) for pk, fund in funds.items()}
    bank = AccountKey.bank(account)
    ledger.post_many(
        [
            Posting(
                kind=Entry.Kind.DONATION,
                debit=bank,
                credit=keys[fact.fund_id or 0],
                amount=fact.amount,
                booked_on=fact.booked_on,
                source=fact.source,
            )
            for fact in facts
        ]
    )
    sources = [fact.source for fact in facts]
    _run(DONATIONS, {"lines": lines, "things": pledges, "sources": sources, "at": at})
    return len(lines)


def _payouts(account: BankAccount, lines: list[int], payouts: list[int], *, at: datetime) -> int:
    lines, payouts = _agreeing("payout", PAYOUTS, lines, payouts)
    if not lines:
        return 0
    facts = _facts(account, lines, payouts, are_gifts=False)
    ledger.post_many(
        [
            Posting(
                kind=Entry.Kind.PAYOUT_ARRIVED,
                debit=AccountKey.bank(account),
                credit=AccountKey.transit(account.currency),
                amount=fact.amount,
                booked_on=fact.booked_on,
                source=fact.source,
            )
            for fact in facts
        ]
    )
    sources = [fact.source for fact in facts]
    query = MATCHES.format(column="payout_id")
    _run(query, {"lines": lines, "things": payouts, "sources": sources, "at": at})
    return len(lines)


def _paid(table: str, column: str, lines: list[int], things: list[int], *, at: datetime) -> int:
    """These are in the books since they were paid: the line proves them."""
    lines, things = _agreeing(table, PAID.format(table=table, column=column), lines, things)
    if lines:
        nothing = [None] * len(lines)
        query = MATCHES.format(column=column)
        _run(query, {"lines": lines, "things": things, "sources": nothing, "at": at})
    return len(lines)


def _agreeing(
    table: str, query: str, lines: list[int], things: list[int]
) -> tuple[list[int], list[int]]:
    if not lines:
        return [], []
    _run(HELD.format(table=table), [things])
    pairs = _rows(query, {"lines": lines, "things": things})
    return [line for line, _thing in pairs], [thing for _line, thing in pairs]


def _facts(
    account: BankAccount, lines: list[int], things: list[int], *, are_gifts: bool
) -> list[_Fact]:
    asked = {"account": account.code, "lines": lines, "things": things, "are_gifts": are_gifts}
    return [_Fact(*row) for row in _rows(FACTS, asked)]


def _rows(query: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return list(cursor.fetchall())


def _run(query: str, params: list[Any] | dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
