"""A month's statement in the one form that is compared byte for byte, and the months side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db import connection

from ..month_days import first_day, months_later, next_month
from .tables import Span

# By month and kind, what raised and what lowered purposes; of kinds that only move among purposes, or among places,
# nothing came in or went out. From the totals of days: the cost is that of the days asked for, and of what was taken back.
# An entry that was reversed, and what reversed it, tell of no money that came or went: both are left out, each in its own
# month. What reverses a reversal lets the entry stand again.
IN_AND_OUT = """
WITH RECURSIVE reversals (entry_id, id, turn) AS (
    SELECT e.id, r.id, 1 FROM donations_entry r JOIN donations_entry e ON e.id = r.reverses_id
    WHERE r.reverses_id IS NOT NULL AND e.reverses_id IS NULL
    UNION ALL
    SELECT s.entry_id, r.id, s.turn + 1 FROM reversals s JOIN donations_entry r ON r.reverses_id = s.id
), taken_back AS (
    SELECT id FROM reversals
    UNION ALL
    SELECT entry_id FROM reversals GROUP BY entry_id HAVING max(turn) %% 2 = 1
)
SELECT currency, month, coalesce(sum(credit), 0), coalesce(sum(debit), 0) FROM (
    SELECT a.currency, date_trunc('month', t.booked_on)::date AS month,
           sum(t.credit) FILTER (WHERE a.kind <> 'asset') AS credit,
           sum(t.debit) FILTER (WHERE a.kind <> 'asset') AS debit
    FROM donations_daytotal t JOIN donations_account a ON a.id = t.account_id
    WHERE t.booked_on BETWEEN %(first)s AND %(last)s
    GROUP BY a.currency, month, t.kind
    HAVING bool_or(a.kind = 'asset') AND bool_or(a.kind <> 'asset')
    UNION ALL
    SELECT e.currency, date_trunc('month', e.booked_on)::date,
           -sum(e.amount) FILTER (WHERE c.kind <> 'asset'), -sum(e.amount) FILTER (WHERE d.kind <> 'asset')
    FROM taken_back t JOIN donations_entry e ON e.id = t.id
    JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
    WHERE e.booked_on BETWEEN %(first)s AND %(last)s AND (d.kind = 'asset') <> (c.kind = 'asset')
    GROUP BY e.currency, date_trunc('month', e.booked_on)) kinds
GROUP BY currency, month ORDER BY currency, month
"""


@dataclass(frozen=True)
class MonthSums:
    """What came in and went out in the month that begins on `first_on`, without what was taken back since."""

    first_on: date
    came_in: Decimal
    went_out: Decimal


def month_of(day: date) -> Span:
    """The whole month `day` lies in."""
    return Span(first_day(day), next_month(day) - timedelta(days=1))


def canonical(month: date) -> Iterator[str]:
    """The statement of the month `month` lies in, line by line: the text whose SHA-256 is kept when the month is closed.

    It follows from the entries booked up to the month's end alone, which no closed month takes any more: not from the
    present, a language, or names that are edited later (migrations/0003_periods.py: donations_period_lines).
    """
    with connection.chunked_cursor() as cursor:
        cursor.execute("SELECT * FROM donations_period_lines(%s)", [first_day(month)])
        while rows := cursor.fetchmany(5_000):
            yield from (f"{line}\n" for (line,) in rows)


def in_and_out(*, last: date, months: int) -> dict[str, list[MonthSums]]:
    """By currency that moved: each of so many months up to that of `last`, also those in which nothing did."""
    first = months_later(first_day(last), 1 - months)
    found: dict[tuple[str, date], tuple[Decimal, Decimal]] = {}
    with connection.cursor() as cursor:
        cursor.execute(IN_AND_OUT, {"first": first, "last": month_of(last).last_on})
        for currency, month, came_in, went_out in cursor.fetchall():
            found[currency, month] = (came_in, went_out)
    nothing = (Decimal(0), Decimal(0))
    return {
        currency: [
            MonthSums(month, *found.get((currency, month), nothing))
            for month in (months_later(first, nth) for nth in range(months))
        ]
        for currency in sorted({currency for currency, _month in found})
    }
