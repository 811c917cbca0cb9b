"""Enter the exchange rates of a table: all that are new, or none."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext as _

from . import rate_tables
from .currencies import offered
from .estimates import PIVOTS
from .models import Rate
from .rate_tables import RateRow, UnreadableRates

# A rate this many times the one before it, or less than its reciprocal, was perhaps written the other way round.
LEAP = 3


@dataclass(frozen=True)
class RatesRead:
    """What a table holds, compared with what is known; `mended` are those of the new rows that replace another rate.

    `doubts` are sentences to be read before entering them; they stop nothing.
    """

    new: tuple[RateRow, ...]
    mended: tuple[RateRow, ...]
    known: int
    without_rate: int
    left_out: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def days(self) -> int:
        return len({row.rated_on for row in self.new})


def read(text: str, *, base: str, source: str, at: datetime) -> RatesRead:
    """What entering the table would do; the preview. Raises UnreadableRates as entering it does.

    `base` is the currency the rates of a wide table are of; `source` stands for rows that name none themselves.
    """
    wanted = {*offered(), *PIVOTS}
    table = rate_tables.read(text, base=base, wanted=wanted, today=at.date())
    rows = [replace(row, source=row.source or source.strip()) for row in table.rows]
    if nameless := [row for row in rows if not 0 < len(row.source) <= 120]:
        raise UnreadableRates(
            _("Row %(row)d: say who publishes the rate, in at most 120 characters.")
            % {"row": nameless[0].row}
        )
    standing = _standing(rows)
    new = tuple(row for row in rows if standing.get(row.key) != (row.rate, row.source))
    return RatesRead(
        new=new,
        mended=tuple(row for row in new if row.key in standing),
        known=len(rows) - len(new),
        without_rate=table.without_rate,
        left_out=table.left_out,
        doubts=tuple(_doubts(rows)),
    )


@transaction.atomic
def enter(text: str, *, base: str, source: str, by: User | None, at: datetime) -> RatesRead:
    """Enters the rates of the table that are not known; `by` is None when a command does. Raises UnreadableRates."""
    with connection.cursor() as cursor:
        # Two at once would each take the other's rows for new.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('donations.rates'))")
    found = read(text, base=base, source=source, at=at)
    Rate.objects.bulk_create(
        [
            Rate(
                base=row.base,
                quote=row.quote,
                rate=row.rate,
                rated_on=row.rated_on,
                source=row.source,
                entered_by=by,
                entered_at=at,
            )
            for row in found.new
        ],
        batch_size=2000,
    )
    return found


def _standing(rows: Sequence[RateRow]) -> dict[tuple[str, str, object], tuple[Decimal, str]]:
    days = [row.rated_on for row in rows]
    known = Rate.objects.standing().filter(
        base__in={row.base for row in rows},
        quote__in={row.quote for row in rows},
        rated_on__range=(min(days), max(days)),
    )
    return {(rate.base, rate.quote, rate.rated_on): (rate.rate, rate.source) for rate in known}


def _doubts(rows: Sequence[RateRow]) -> list[str]:
    """Rates far from the one before them, in the table or among the known ones."""
    pairs: dict[tuple[str, str], list[RateRow]] = defaultdict(list)
    for row in rows:
        pairs[row.base, row.quote].append(row)
    first_on = min(row.rated_on for row in rows)
    earlier = {(r.base, r.quote): r.rate for r in Rate.objects.latest_of(pairs, on=first_on)}
    doubts = []
    for pair, of_pair in pairs.items():
        before = earlier.get(pair)
        for row in sorted(of_pair, key=lambda row: row.rated_on):
            if before and not before / LEAP <= row.rate <= before * LEAP:
                doubts.append(
                    _(
                        "Row %(row)d: 1 %(base)s = %(rate)s %(quote)s is far from the rate before it, %(before)s. Is it "
                        "the other way round?"
                    )
                    % {
                        "row": row.row,
                        "base": row.base,
                        "quote": row.quote,
                        "rate": f"{row.rate.normalize():f}",
                        "before": f"{before.normalize():f}",
                    }
                )
            before = row.rate
    return doubts
