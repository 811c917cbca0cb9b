"""The policy for reminders of promises, as the setting PLEDGE_REMINDERS writes it."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from django.core.exceptions import ImproperlyConfigured


class Reminders(NamedTuple):
    """Letters for one part: `first` days before it is due, then every `every` days, `at_most` in all."""

    first: int
    every: int
    at_most: int

    @classmethod
    def read(cls, numbers: Sequence[str]) -> Self:
        """["3", "14", "3"]; raises ImproperlyConfigured with a sentence."""
        if len(numbers) == 3 and all(number.isdecimal() for number in numbers):
            policy = cls(*map(int, numbers))
            if policy.first <= 60 and 1 <= policy.every <= 365 and policy.at_most <= 60:
                return policy
        raise ImproperlyConfigured(
            f"PLEDGE_REMINDERS is {','.join(numbers)!r}: write three numbers like 3,14,3: days before a part is due (0 to "
            "60), days between reminders (1 to 365), and how many there are at most (0 to 60; 0: none)."
        )
