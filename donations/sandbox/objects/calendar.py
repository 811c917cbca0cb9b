"""The days on which a subscription is billed."""

from calendar import monthrange
from datetime import datetime, timedelta

from .base import Json, instant, seconds

MONTHS = {"month": 1, "year": 12}
DAYS = {"day": 1, "week": 7}


def following(anchor: int, recurring: Json, *, after: int) -> int:
    """The first billing instant later than `after`: `anchor` and whole intervals from it, all in seconds.

    From a 31st it goes on by the last day of shorter months and comes back to the 31st.
    """
    start = instant(anchor)
    number = 0
    while (found := seconds(_later(start, recurring, number))) <= after:
        number += 1
    return found


def preceding(anchor: int, recurring: Json) -> int:
    """The billing instant one interval before `anchor`."""
    return seconds(_later(instant(anchor), recurring, -1))


def _later(start: datetime, recurring: Json, number: int) -> datetime:
    steps = number * int(recurring["interval_count"])
    if recurring["interval"] in DAYS:
        return start + timedelta(days=steps * DAYS[recurring["interval"]])
    months = start.year * 12 + start.month - 1 + steps * MONTHS[recurring["interval"]]
    year, month = divmod(months, 12)
    last = monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last))
