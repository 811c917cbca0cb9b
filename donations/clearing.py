"""READ: the accounts that money only passes through: what the books have on each, and of which listed cases that is the sum."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .difference_kinds import Kind
from .differences import Difference
from .models import Account

PLACES = (Account.Place.STRIPE, Account.Place.TRANSIT, Account.Place.BAIL)


@dataclass(frozen=True)
class Part:
    """The listed cases of one kind: how many facts, and what of them lies there by what was `told`, and by the books."""

    kind: Kind
    count: int
    told: Decimal
    booked: Decimal


@dataclass(frozen=True)
class Clearing:
    """An account that money only passes through: what the books have on it, and the parts of that on the list."""

    account: Account
    balance: Decimal
    parts: tuple[Part, ...]

    @property
    def told(self) -> Decimal:
        return sum((part.told for part in self.parts), Decimal(0))

    @property
    def listed(self) -> Decimal:
        return sum((part.booked for part in self.parts), Decimal(0))

    @property
    def left(self) -> Decimal:
        """Of what no case is listed: nothing, unless the list is wrong."""
        return self.balance - self.listed


def clearing(items: Iterable[Difference]) -> list[Clearing]:
    """Each clearing account that has a balance, or cases of `differences.listed`."""
    parts = _parts(items)
    accounts: Any = Account.objects.with_balance().filter(place__in=PLACES)
    rows = accounts.select_related("legal_cost__defendant")
    found = [
        Clearing(row, row.balance, tuple(parts.get(_key(row), {}).values()))
        for row in rows.order_by("place", "code")
    ]
    return [each for each in found if each.balance or each.parts]


def _key(account: Account) -> tuple[str, str]:
    is_of_one_cost = account.place == Account.Place.BAIL
    return (account.code if is_of_one_cost else account.place, account.currency)


def _parts(items: Iterable[Difference]) -> dict[tuple[str, str], dict[Kind, Part]]:
    """By account and kind, in the order of the list."""
    parts: dict[tuple[str, str], dict[Kind, Part]] = {}
    for item in items:
        for lies in item.lies:
            of_account = parts.setdefault((str(lies.place), lies.currency), {})
            so_far = of_account.get(item.kind, Part(item.kind, 0, Decimal(0), Decimal(0)))
            of_account[item.kind] = Part(
                item.kind,
                so_far.count + item.count,
                so_far.told + lies.told,
                so_far.booked + lies.booked,
            )
    return parts
