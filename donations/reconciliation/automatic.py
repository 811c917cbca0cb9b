"""What needs no person: lines of which reference, amount and currency all agree with one thing we know of. One statement a kind."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from ..models import BankAccount

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
    SELECT 'partnerpayment', w.id, position FROM line JOIN donations_partnerpayment w ON w.payment_reference = line.code
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
WITH line AS (
    SELECT * FROM unnest(string_to_array(%(positions)s, chr(31))::integer[], string_to_array(%(things)s, chr(31))::bigint[], string_to_array(%(amounts)s, chr(31))::numeric[], string_to_array(%(days)s, chr(31))::date[])
         AS line (position, pledge_id, amount, booked_on)
), received AS (
    SELECT pledge_id, sum(amount) AS sum FROM donations_donation
    WHERE pledge_id = ANY(string_to_array(%(things)s, chr(31))::bigint[]) AND reversed_at IS NULL GROUP BY pledge_id
), parts AS (
    SELECT position, bool_or(i.amount = line.amount) AS is_part FROM donations_instalment i JOIN line USING (pledge_id)
    WHERE i.pledge_id = ANY(string_to_array(%(things)s, chr(31))::bigint[]) GROUP BY position
), named AS (
    SELECT line.*, p.amount AS announced, p.is_open_ended, p.currency AS announced_in, p.cancelled_at, p.method, p.fund_id,
           p.supporter_id, coalesce(received.sum, 0)
           + sum(line.amount) OVER (PARTITION BY p.id ORDER BY line.booked_on, line.position) - line.amount AS before
    FROM line JOIN donations_pledge p ON p.id = line.pledge_id LEFT JOIN received ON received.pledge_id = p.id
    WHERE line.amount > 0
)
SELECT position, pledge_id, fund_id, supporter_id IS NOT NULL FROM named LEFT JOIN parts USING (position)
WHERE announced_in = %(currency)s AND cancelled_at IS NULL AND method IN ('transfer', 'cash', 'card_later')
  AND (amount = announced OR is_part)
  AND (before = 0 OR (is_part IS NOT NULL AND (is_open_ended OR before < announced)))
"""

# Of two lines that name one payout or payment the first is taken, and the other left to a person.
FIRST = """
SELECT DISTINCT ON (thing_id) position, thing_id, amount
FROM unnest(string_to_array(%(positions)s, chr(31))::integer[], string_to_array(%(things)s, chr(31))::bigint[], string_to_array(%(amounts)s, chr(31))::numeric[]) AS line (position, thing_id, amount)
ORDER BY thing_id, position
"""

PAYOUTS = f"""
SELECT line.position, p.id, NULL, false FROM ({FIRST}) line JOIN donations_payout p ON p.id = line.thing_id
WHERE line.amount = p.amount AND p.currency = %(currency)s AND p.returned_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.payout_id = p.id AND m.undone_at IS NULL)
"""  # noqa: S608  texts of our own

# Payments and refunds: money out of this account that was recorded as paid, and not found never to have left.
PAID = f"""
SELECT line.position, t.id, NULL, false FROM ({FIRST}) line JOIN donations_{{table}} t ON t.id = line.thing_id
WHERE line.amount = -t.amount AND t.currency = %(currency)s AND t.bank_account_id = %(account)s AND t.paid_at IS NOT NULL {{standing}}
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.{{column}}_id = t.id AND m.undone_at IS NULL)
"""  # noqa: S608  texts of our own

AGREE = {
    "pledge": GIFTS,
    "payout": PAYOUTS,
    "disbursement": PAID.format(
        table="disbursement", column="disbursement", standing="AND t.undone_at IS NULL"
    ),
    "partnerpayment": PAID.format(
        table="partnerpayment", column="partner_payment", standing="AND t.undone_at IS NULL"
    ),
    "refundrequest": PAID.format(table="refundrequest", column="refund_request", standing=""),
}


class Line(NamedTuple):
    """What is known of a new line before it is written: `pk` is the key it will have."""

    pk: int
    key: str
    amount: Decimal
    booked_on: date
    codes: Sequence[str]


class Sure(NamedTuple):
    """What a line is beyond doubt: a row of the table `kind`; of a gift its fund, and whether its supporter left an address."""

    kind: str
    thing: int
    fund: int | None
    has_supporter: bool


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
        for position, *sure in _rows(AGREE[kind], asked):
            decided[position] = Sure(kind, *sure)
    return decided


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
