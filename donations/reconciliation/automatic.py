"""What needs no person: lines of which reference, amount and currency all agree with one thing we know of. One statement a kind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from .. import ledger
from ..ledger import Posting
from ..models import AccountKey, BankAccount, Entry, Fund
from .parts import source_of

# Everything a line's codes name, whatever its amount: a line that names two things is for a person to look at.
NAMED = """
WITH line AS (SELECT * FROM unnest(string_to_array(%(positions)s, chr(31))::integer[], string_to_array(%(codes)s, chr(31))::text[]) AS line (position, code))
SELECT min(named.kind), min(named.id), position FROM (
    SELECT 'pledge' AS kind, p.id, position FROM line JOIN donations_pledge p ON p.reference = line.code
    UNION ALL
    SELECT 'payout', p.id, position FROM line JOIN donations_payout p ON p.stripe_payout_id = line.code
    UNION ALL
    SELECT 'disbursement', d.id, position FROM line JOIN donations_disbursement d ON d.payment_reference = line.code
    UNION ALL
    SELECT 'refundrequest', r.id, position FROM line JOIN donations_refundrequest r ON r.payment_reference = line.code
) named GROUP BY position HAVING count(*) = 1
"""

# The thing itself, held so that nobody books it meanwhile; what is read after this is what the others left.
HELD = """
SELECT 1 FROM donations_{table} WHERE id = ANY(string_to_array(%s, chr(31))::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""

# A gift is what was announced, or one part of a promise, and nothing of it is there yet but the parts before. The lines of
# one file count one after the other, also those that a person has to look at.
GIFTS = """
WITH named AS (
    SELECT line.*, p.amount AS announced, p.is_open_ended, p.currency AS announced_in, p.cancelled_at, p.method, p.fund_id,
           d.received, sum(line.amount) OVER (PARTITION BY p.id ORDER BY line.booked_on, line.position) - line.amount AS before
    FROM unnest(string_to_array(%(positions)s, chr(31))::integer[], string_to_array(%(things)s, chr(31))::bigint[], string_to_array(%(amounts)s, chr(31))::numeric[], string_to_array(%(days)s, chr(31))::date[])
         AS line (position, pledge_id, amount, booked_on)
    JOIN donations_pledge p ON p.id = line.pledge_id
    LEFT JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS received FROM donations_donation
                       WHERE pledge_id = p.id AND reversed_at IS NULL) d ON true
    WHERE line.amount > 0
)
SELECT position, pledge_id, fund_id FROM named n
LEFT JOIN LATERAL (
    SELECT bool_or(i.amount = n.amount) AS is_part FROM donations_instalment i WHERE i.pledge_id = n.pledge_id) parts ON true
WHERE announced_in = %(currency)s AND cancelled_at IS NULL AND method IN ('transfer', 'cash', 'card_later')
  AND (amount = announced OR parts.is_part)
  AND (received + before = 0 OR (parts.is_part IS NOT NULL AND (is_open_ended OR received + before < announced)))
"""

# Of two lines that name one payout or payment the first is taken, and the other left to a person.
FIRST = """
SELECT DISTINCT ON (thing_id) position, thing_id, amount
FROM unnest(string_to_array(%(positions)s, chr(31))::integer[], string_to_array(%(things)s, chr(31))::bigint[], string_to_array(%(amounts)s, chr(31))::numeric[]) AS line (position, thing_id, amount)
ORDER BY thing_id, position
"""

PAYOUTS = f"""
SELECT line.position, p.id, NULL FROM ({FIRST}) line JOIN donations_payout p ON p.id = line.thing_id
WHERE line.amount = p.amount AND p.currency = %(currency)s AND p.returned_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.payout_id = p.id AND m.undone_at IS NULL)
"""  # noqa: S608  texts of our own

# Payments of costs and refunds: money out of this account that was recorded as paid.
PAID = f"""
SELECT line.position, t.id, NULL FROM ({FIRST}) line JOIN donations_{{table}} t ON t.id = line.thing_id
WHERE line.amount = -t.amount AND t.currency = %(currency)s AND t.bank_account_id = %(account)s AND t.paid_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.{{column}}_id = t.id AND m.undone_at IS NULL)
"""  # noqa: S608  texts of our own

# With its receipt where the supporter left an address, as donations/reconciliation/facts.py does for a single line.
DONATIONS = """
WITH given AS (
    INSERT INTO donations_donation (pledge_id, fund_id, method, amount, currency, fee, received_at, source)
    SELECT p.id, p.fund_id, 'transfer', l.amount, l.currency, 0, l.booked_on::timestamp AT TIME ZONE 'UTC', line.source
    FROM unnest(string_to_array(%(keys)s, chr(31))::text[], string_to_array(%(things)s, chr(31))::bigint[], string_to_array(%(sources)s, chr(31))::text[]) AS line (key, pledge_id, source)
    JOIN donations_statementline l ON l.account_id = %(account)s AND l.key = line.key
    JOIN donations_pledge p ON p.id = line.pledge_id
    RETURNING id, pledge_id, source, amount
), letters AS (
    INSERT INTO donations_letter (kind, pledge_id, donation_id, occasion, created_at, due_at, attempts, error)
    SELECT 'receipt', g.pledge_id, g.id, '', %(at)s, %(at)s, 0, ''
    FROM given g JOIN donations_pledge p ON p.id = g.pledge_id WHERE p.supporter_id IS NOT NULL
)
INSERT INTO donations_statementmatch (line_id, amount, source, donation_id, explanation, confirmed_at)
SELECT l.id, g.amount, g.source, g.id, '', %(at)s
FROM unnest(string_to_array(%(keys)s, chr(31))::text[], string_to_array(%(sources)s, chr(31))::text[]) AS line (key, source)
JOIN donations_statementline l ON l.account_id = %(account)s AND l.key = line.key
JOIN given g ON g.source = line.source
"""

MATCHES = """
INSERT INTO donations_statementmatch (line_id, amount, source, {column}_id, explanation, confirmed_at)
SELECT l.id, l.amount, line.source, line.thing_id, '', %(at)s
FROM unnest(string_to_array(%(keys)s, chr(31))::text[], string_to_array(%(things)s, chr(31))::bigint[], string_to_array(%(sources)s, chr(31))::text[]) AS line (key, thing_id, source)
JOIN donations_statementline l ON l.account_id = %(account)s AND l.key = line.key
"""

# By table; what the match calls it where that differs.
COLUMN = {"refundrequest": "refund_request"}
AGREE = {
    "pledge": GIFTS,
    "payout": PAYOUTS,
    "disbursement": PAID.format(table="disbursement", column="disbursement"),
    "refundrequest": PAID.format(table="refundrequest", column="refund_request"),
}


@dataclass(frozen=True)
class Line:
    """What is known of a new line before it is written."""

    key: str
    amount: Decimal
    booked_on: date
    codes: Sequence[str]


@dataclass(frozen=True)
class Sure:
    """What a line is beyond doubt: a row of the table `kind`, and the fund where it is a gift."""

    kind: str
    thing: int
    fund: int | None


def decide(account: BankAccount, lines: Sequence[Line]) -> dict[int, Sure]:
    """By its position which line is what, as far as nobody has to be asked. What they are is held from now on."""
    pairs = [(position, code) for position, line in enumerate(lines) for code in line.codes]
    if not pairs:
        return {}
    named: dict[str, dict[int, int]] = {kind: {} for kind in AGREE}
    codes = {
        "positions": _joined(position for position, _code in pairs),
        "codes": _joined(code for _position, code in pairs),
    }
    for kind, thing, position in _rows(NAMED, codes):
        named[kind][position] = thing
    decided = {}
    for kind, things in named.items():
        if not things:
            continue
        _run(HELD.format(table=kind), [_joined(things.values())])
        asked = {
            "account": account.pk,
            "currency": account.currency,
            "positions": _joined(things),
            "things": _joined(things.values()),
            "amounts": _joined(lines[position].amount for position in things),
            "days": _joined(lines[position].booked_on for position in things),
        }
        for position, thing, fund in _rows(AGREE[kind], asked):
            decided[position] = Sure(kind, thing, fund)
    return decided


def book(account: BankAccount, decided: Sequence[tuple[Line, Sure]], *, at: datetime) -> None:
    """Books lines that were decided and are written by now.

    The matches have nobody's name. Whoever doubts one takes it back like any other. Payments and refunds are in the books
    since they were paid: the line proves them.
    """
    funds = Fund.objects.in_bulk({sure.fund for _line, sure in decided if sure.fund})
    purposes = {pk: AccountKey.fund(fund, account.currency) for pk, fund in funds.items()}
    bank, transit = AccountKey.bank(account), AccountKey.transit(account.currency)
    for kind in AGREE:
        ours = [(line, sure) for line, sure in decided if sure.kind == kind]
        if not ours:
            continue
        sources = None
        if kind in {"pledge", "payout"}:
            postings = [
                Posting(
                    kind=Entry.Kind.DONATION if sure.fund else Entry.Kind.PAYOUT_ARRIVED,
                    debit=bank,
                    credit=purposes[sure.fund] if sure.fund else transit,
                    amount=line.amount,
                    booked_on=line.booked_on,
                    source=source_of(account, line.key),
                )
                for line, sure in ours
            ]
            ledger.post_many(postings)
            sources = _joined(posting.source for posting in postings)
        query = DONATIONS if kind == "pledge" else MATCHES.format(column=COLUMN.get(kind, kind))
        facts = {
            "account": account.pk,
            "keys": _joined(line.key for line, _sure in ours),
            "things": _joined(sure.thing for _line, sure in ours),
            "sources": sources,
            "at": at,
        }
        _run(query, facts)


def _joined(values: Iterable[object]) -> str:
    """As one text: a list the driver would write value by value (see donations/ledger.py)."""
    return "\x1f".join(map(str, values))


def _rows(query: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return list(cursor.fetchall())


def _run(query: str, params: list[Any] | dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
