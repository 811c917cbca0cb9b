"""How often something happened in a span of time: one row a key and span, counted by one statement an attempt.

What follows from a number is decided by whoever asks. When PostgreSQL cannot count, this process counts for itself and
says so: limits then neither vanish nor shut everybody out.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.utils import timezone
from procrastinate.contrib.django import app

from defensefund.models import Tally
from defensefund.privacy import keyed_hash

logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Limit:
    """`most` times in a span: spans follow each other since 1970, or there is a single one since an instant."""

    name: str
    span: timedelta
    most: int
    since: datetime | None = None

    def ends_at(self, at: datetime) -> datetime:
        """The end of the span that the instant `at` is in."""
        return (self.since or at - (at - EPOCH) % self.span) + self.span

    def hashed(self, at: datetime) -> str:
        # With the span in it nobody can follow one network from hour to hour.
        return keyed_hash(f"{self.name} {self.ends_at(at).timestamp():.0f}", purpose="limit")


@dataclass(frozen=True)
class Counts:
    """How often, by limit, this time included; and the limit that is exceeded, the last that was counted."""

    times: dict[Limit, int]
    exceeded: Limit | None
    # PostgreSQL did not answer: these are the numbers of one process alone.
    is_makeshift: bool = False


@dataclass
class _Makeshift:
    """What this process counts while the table cannot be reached; forgets what is over, and holds a bounded number."""

    room: int = 10_000
    _counts: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def count(self, limits: Sequence[Limit], *, at: datetime) -> list[int]:
        with self._lock:
            if len(self._counts) + len(limits) > self.room:
                self._counts = {key: kept for key, kept in self._counts.items() if kept[1] > at}
            if len(self._counts) + len(limits) > self.room:
                # As if it had happened too often already.
                return [limits[0].most + 1]
            found = []
            for limit in limits:
                key = limit.hashed(at)
                times = self._counts.get(key, (0, at))[0] + 1
                self._counts[key] = (times, limit.ends_at(at))
                found.append(times)
                if times > limit.most:
                    break
            return found

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()


makeshift = _Makeshift()


def count(*limits: Limit, at: datetime) -> Counts:
    """Counts one more for each of `limits`, up to the first that is exceeded: name the narrower ones first.

    So what one network has too much of is not counted as everybody's. One statement, which waits for nobody longer
    than 0.4 seconds. To be called outside of a transaction: when the table cannot be reached, a transaction around it
    would be lost with it.
    """
    hashes = [limit.hashed(at) for limit in limits]
    mosts = [limit.most for limit in limits]
    ends = [limit.ends_at(at) for limit in limits]
    is_makeshift = False
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT defensefund_count(%s, %s, %s)", [hashes, mosts, ends])
            found: list[int] = cursor.fetchone()[0]
    except DatabaseError as error:
        logger.error(
            "Attempts cannot be counted (%s): each process counts for itself", type(error).__name__
        )
        is_makeshift = True
        found = makeshift.count(limits, at=at)
    times = dict(zip(limits, found, strict=False))
    last = limits[len(found) - 1]
    return Counts(times, last if times[last] > last.most else None, is_makeshift)


def tallies(*limits: Limit, at: datetime) -> QuerySet[Tally]:
    """How often each was counted in the span that `at` is in; a row's key is the limit's `hashed(at)`. Counts nothing."""
    return Tally.objects.filter(key__in=[limit.hashed(at) for limit in limits])


@app.periodic(cron="*/10 * * * *")
@app.task(name="forget_tallies", queueing_lock="forget_tallies")
def forget(timestamp: int) -> None:
    """Every ten minutes: what counts no more is deleted."""
    Tally.objects.over(timezone.now()).delete()
