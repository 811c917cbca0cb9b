"""READ: of which line a notification's entry tells, by what the bank calls both; whichever of the two comes first."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from .currencies import written
from .models import BankAccount, StatementDetail, StatementLine

# Banks count anew each year; the day of one movement differs by a weekend and a holiday at most.
NEAR = timedelta(days=10)


class Named(NamedTuple):
    """A movement with its names (statements/identity.py), the surest first. `key` is the line's, "" of what is told."""

    booked_on: date
    amount: Decimal
    names: Sequence[str]
    key: str = ""


class Place(NamedTuple):
    """Where what is told belongs: to the line of this `key` (`is_fitted`: not by name), to several lines that the statement
    made of it (`is_split`), or, by its name, to a line of another amount (`other`). None of these: it is not there."""

    key: str = ""
    is_split: bool = False
    is_fitted: bool = False
    other: Named | None = None


@dataclass(frozen=True)
class Difference:
    """A line and a notification that names it say different amounts, both with sign and in `currency`."""

    booked_on: date
    amount: Decimal
    told: Decimal
    currency: str

    def __str__(self) -> str:
        return _(
            "Of the line of %(day)s the statement says %(line)s, and a notification (CAMT.054) that names it %(told)s. The "
            "statement counts, and the payments that the notification tells of are not proposed: ask the bank which is right."
        ) % {
            "day": plain_day(self.booked_on),
            "line": written(self.amount, self.currency),
            "told": written(self.told, self.currency),
        }


def lines_named(
    account: BankAccount, told: Sequence[Named], *, but: Collection[str]
) -> list[Named]:
    """The account's lines that have a name of what is told, on days near to it; without those whose key is in `but`."""
    names = {name for one in told for name in one.names}
    if not names:
        return []
    days = [one.booked_on for one in told]
    lines = StatementLine.objects.filter(
        account=account,
        booked_on__range=(min(days) - NEAR, max(days) + NEAR),
        names__overlap=sorted(names),
    ).exclude(key__in=but)
    found = lines.order_by("pk").values_list("booked_on", "amount", "names", "key")
    return [Named(day, amount, said or (), key) for day, amount, said, key in found]


def told_in(details: QuerySet[StatementDetail]) -> dict[int, dict[str, Named]]:
    """By account and key what `details` tell, those of one key together; each has the names of its movement."""
    told: dict[int, dict[str, Named]] = defaultdict(dict)
    rows = details.order_by("account", "key", "position")
    for account, key, day, amount, said in rows.values_list(
        "account", "key", "booked_on", "amount", "names"
    ):
        assert day is not None  # the constraint statement_detail_named_of_a_day
        before = told[account][key].amount if key in told[account] else Decimal(0)
        told[account][key] = Named(day, before + amount, said)
    return told


def place(told: Sequence[Named], lines: Sequence[Named]) -> list[Place]:
    """The place of each that is told, among lines of which nothing is told yet. A line has one place, and a name that two
    could mean decides nothing."""
    by_name: dict[str, list[Named]] = defaultdict(list)
    for line in lines:
        for name in line.names:
            by_name[name].append(line)
    taken: set[str] = set()
    places: list[Place] = []
    for one in told:
        places.append(_equal(one, by_name, taken))
        taken.add(places[-1].key)
    left = Counter(
        name
        for one, found in zip(told, places, strict=True)
        if found == Place()
        for name in one.names
    )
    return [
        found if found != Place() else Place(other=_other(one, by_name, taken, left))
        for one, found in zip(told, places, strict=True)
    ]


def _equal(one: Named, by_name: dict[str, list[Named]], taken: set[str]) -> Place:
    for name in one.names:
        lines = _near(one, by_name[name], taken)
        equal = [line for line in lines if line.amount == one.amount]
        equal = [line for line in equal if line.booked_on == one.booked_on] or equal
        if len(equal) == 1:
            return Place(key=equal[0].key)
        if len(lines) > 1 and not equal and sum(line.amount for line in lines) == one.amount:
            return Place(is_split=True)
    return Place()


def _other(
    one: Named, by_name: dict[str, list[Named]], taken: set[str], left: Counter[str]
) -> Named | None:
    for name in one.names:
        lines = _near(one, by_name[name], taken)
        if len(lines) == left[name] == 1 and lines[0].amount != one.amount:
            return lines[0]
    return None


def _near(one: Named, lines: Sequence[Named], taken: set[str]) -> list[Named]:
    return [
        line
        for line in lines
        if line.key not in taken
        and abs(line.booked_on - one.booked_on) <= NEAR
        and line.amount * one.amount > 0
    ]
