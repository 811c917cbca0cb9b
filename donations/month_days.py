"""Days of the calendar's months."""

from calendar import monthrange
from datetime import date


def first_day(day: date) -> date:
    """Of the month that `day` is in."""
    return day.replace(day=1)


def months_later(day: date, months: int) -> date:
    """The same day of the month so many months on, or back where below zero; or that month's last: 31 January + 1 is 28 or 29
    February."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def next_month(day: date) -> date:
    """The first day of the month after the one that `day` is in."""
    return months_later(first_day(day), 1)
