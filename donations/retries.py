"""When to try again what failed."""

from datetime import datetime, timedelta


def next_try(at: datetime, tries: int, *, first: timedelta, longest: timedelta) -> datetime:
    """After `tries` in vain, the last at the instant `at`: each pause is twice the one before it, up to the longest."""
    # Twelve doublings reach the longest pause of each; many more would reach no day of any calendar.
    pause: timedelta = first * 2 ** min(tries - 1, 12)
    return at + min(pause, longest)
