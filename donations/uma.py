"""Enter values of the UMA: all of a table that are new, or none. The database then revalues what is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from . import uma_tables
from .models import LegalCost, UmaValue
from .uma_tables import UmaRow

# A value this many times the one before it, or less than its reciprocal, was perhaps mistyped.
LEAP = 3


@dataclass(frozen=True)
class UmaRead:
    """What a table holds, compared with what is known; `mended` are those of the new rows that replace another value.

    `doubts` are sentences to be read before entering them; they stop nothing. `open_costs` is how many costs are owed
    in UMA and not paid in full, which the newest value is for.
    """

    new: tuple[UmaRow, ...]
    mended: tuple[UmaRow, ...]
    known: int
    doubts: tuple[str, ...]
    open_costs: int


def read(text: str, *, at: datetime) -> UmaRead:
    """What entering the table would do; the preview. Raises UnreadableUma as entering it does."""
    return _compared(uma_tables.read(text, today=at.date()))


@transaction.atomic
def enter(text: str, *, by: User | None, at: datetime) -> UmaRead:
    """Enters the values of the table that are not known. Raises UnreadableUma."""
    _one_at_a_time()
    found = read(text, at=at)
    _keep(found.new, by=by, at=at)
    return found


@transaction.atomic
def enter_one(
    *,
    value: Decimal,
    effective_from: date,
    published_on: date,
    ruling: str,
    source: str,
    by: User,
    at: datetime,
) -> UmaRead:
    """As `enter`, for one value typed into a form that checked it; nothing is entered where it is known."""
    _one_at_a_time()
    found = _compared([UmaRow(1, value, effective_from, published_on, ruling, source)])
    _keep(found.new, by=by, at=at)
    return found


def _one_at_a_time() -> None:
    """Two at once would each take the other's values for new."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('donations.uma'))")


def _keep(rows: Sequence[UmaRow], *, by: User | None, at: datetime) -> None:
    UmaValue.objects.bulk_create(
        UmaValue(
            value=row.value,
            effective_from=row.effective_from,
            published_on=row.published_on,
            ruling=row.ruling,
            source=row.source,
            entered_by=by,
            entered_at=at,
        )
        for row in rows
    )


def _compared(rows: Sequence[UmaRow]) -> UmaRead:
    standing = {each.effective_from: each for each in UmaValue.objects.standing()}

    def is_known(row: UmaRow) -> bool:
        there = standing.get(row.effective_from)
        return there is not None and (there.value, there.published_on, there.ruling) == (
            row.value, row.published_on, row.ruling,
        )  # fmt: skip

    new = tuple(row for row in rows if not is_known(row))
    return UmaRead(
        new=new,
        mended=tuple(row for row in new if row.effective_from in standing),
        known=len(rows) - len(new),
        doubts=tuple(_doubts(rows, list(standing.values()))),
        open_costs=LegalCost.objects.owed_in_uma().count(),
    )


def _doubts(rows: Sequence[UmaRow], standing: Sequence[UmaValue]) -> list[str]:
    """Values far from the one before them, in the table or among the known ones."""
    known = {each.effective_from: each.value for each in standing}
    values = known | {row.effective_from: row.value for row in rows}
    doubts = []
    for row in rows:
        before = max((day for day in values if day < row.effective_from), default=None)
        if before and not values[before] / LEAP <= row.value <= values[before] * LEAP:
            doubts.append(
                _("%(value)s pesos from %(day)s on are far from the value before, %(before)s.")
                % {
                    "day": plain_day(row.effective_from),
                    "value": f"{row.value.normalize():f}",
                    "before": f"{values[before].normalize():f}",
                }
            )
    return doubts
