"""READ: a promise's days and amounts, and which of them payments have covered; computed, never stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from django.conf import settings

from .models import Donation, Pledge
from .month_days import months_later

ZERO = Decimal(0)
# How far ahead a promise without end is written down, and how far ahead the public figures count any promise.
HORIZON_MONTHS = 12

# The day a part is due, and how much it is.
type Part = tuple[date, Decimal]


class State(StrEnum):
    PAID = "paid"
    LATE = "late"  # its day is behind, and something of it is missing
    DUE = "due"  # today
    COMING = "coming"


# Of these something is missing although their day has come.
OWED = frozenset({State.LATE, State.DUE})


@dataclass(frozen=True)
class Covered:
    """One part, and how much of it has arrived."""

    due_on: date
    amount: Decimal
    paid: Decimal
    state: State

    @property
    def open(self) -> Decimal:
        return self.amount - self.paid


@dataclass(frozen=True)
class Schedule:
    """A promise's parts in the order of their days, with `received` spread over them, the oldest first."""

    parts: tuple[Covered, ...]
    received: Decimal
    today: date

    @property
    def promised(self) -> Decimal:
        return sum((part.amount for part in self.parts), ZERO)

    @property
    def open(self) -> Decimal:
        return sum((part.open for part in self.parts), ZERO)

    @property
    def due(self) -> Decimal:
        """What is missing of the parts whose day has come."""
        return sum((part.open for part in self.parts if part.state in OWED), ZERO)

    @property
    def ahead(self) -> Decimal:
        """What was paid before its day, and covers parts to come."""
        return sum((part.paid for part in self.parts if part.due_on > self.today), ZERO)

    @property
    def beyond(self) -> Decimal:
        """What arrived on top of the whole promise."""
        return max(self.received - self.promised, ZERO)

    @property
    def next(self) -> Covered | None:
        """The oldest part of which something is missing."""
        return next((part for part in self.parts if part.open), None)

    @property
    def to_pay(self) -> Decimal:
        """What to pay next: all that is due, else the part that comes next."""
        return self.due or (self.next.open if self.next else ZERO)

    @property
    def is_kept(self) -> bool:
        return not self.open

    def open_until(self, day: date) -> Decimal:
        """What is missing of the parts that fall due up to `day`."""
        return sum((part.open for part in self.parts if part.due_on <= day), ZERO)


def cover(parts: Iterable[Part], received: Decimal, *, today: date) -> Schedule:
    """Spreads what arrived over the parts: part payments reduce the oldest, what is over goes to the next."""
    left = received
    covered = []
    for due_on, amount in sorted(parts):
        paid = min(amount, left)
        left -= paid
        covered.append(Covered(due_on, amount, paid, _state(due_on, amount - paid, today)))
    return Schedule(tuple(covered), received, today)


def _state(due_on: date, missing: Decimal, today: date) -> State:
    if not missing:
        return State.PAID
    if due_on < today:
        return State.LATE
    return State.DUE if due_on == today else State.COMING


def schedule_of(pledge: Pledge, *, at: datetime) -> Schedule:
    """The schedule of a promise as it stands at the instant `at`; two queries.

    A gift sent back to its supporter still counts as paid: nobody is asked for it a second time.
    """
    received = pledge.donations.standing().total()
    parts = pledge.instalments.values_list("due_on", "amount")
    return cover(parts, received, today=at.date())


def to_remind_of(pledge: Pledge, *, at: datetime) -> Decimal:
    """How much of a promise a reminder may ask for at `at`: what is due by then or soon after, nothing if paid otherwise.

    Otherwise: gifts of the same supporter to the same appeal since the promise, outside any promise, that are as much.
    """
    soon = at.date() + timedelta(days=settings.PLEDGE_REMINDERS.first)
    due = schedule_of(pledge, at=at).open_until(soon)
    elsewhere = Donation.objects.standing().filter(
        pledge__supporter=pledge.supporter_id,
        pledge__appeal=pledge.appeal_id,
        pledge__instalments=None,
        currency=pledge.currency,
        received_at__gte=pledge.created_at,
    )
    return ZERO if elsewhere.total() >= due else due


def weekly(first: date, amount: Decimal, times: int) -> list[Part]:
    return [(first + timedelta(weeks=week), amount) for week in range(times)]


def monthly(first: date, amount: Decimal, times: int) -> list[Part]:
    return [(months_later(first, month), amount) for month in range(times)]


def moved(days: Sequence[date], frequency: str, *, to: date) -> list[date]:
    """Days of a broken-off rhythm, so that it goes on from the day `to` at the earliest, in the same steps.

    Months keep their day of the month, weeks their weekday, chosen days their distances. Unchanged when none is behind.
    """
    if not days or days[0] >= to:
        return list(days)
    match frequency:
        case Pledge.Frequency.MONTHLY:
            months = (to.year - days[0].year) * 12 + to.month - days[0].month
            months += months_later(days[0], months) < to
            return [months_later(day, months) for day in days]
        case Pledge.Frequency.WEEKLY:
            shift = timedelta(weeks=-(-(to - days[0]).days // 7))
        case _:
            shift = to - days[0]
    return [day + shift for day in days]
