"""READ: how each way to give is doing: what was begun, how the cards tried were answered, and whether it is paused."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, QuerySet, Value
from django.db.models.functions import Concat

from defensefund import limits

from .models import Checkout, Decline, Donation, PaymentPause, Pledge

HOUR = timedelta(hours=1)
CARD = PaymentPause.Method.CARD


@dataclass(frozen=True)
class Health:
    """Numbers of one method in one currency over a span.

    `begun` are payment pages made, or transfers announced; of transfers nothing else is known at once. `arrived` and
    `declined` are the banks' answers to cards, of which several may be tried on one page, and monthly gifts have none.
    """

    method: PaymentPause.Method
    currency: str
    begun: int
    arrived: int
    declined: int
    # Of the pause in force.
    pause_id: int | None

    @property
    def cards_tried(self) -> int:
        return self.arrived + self.declined

    @property
    def percent_declined(self) -> int | None:
        """Of the cards tried, how many of a hundred the banks declined; None when there were none."""
        return round(100 * self.declined / self.cards_tried) if self.cards_tried else None


def health(
    currencies: Iterable[str], *rooms: limits.Limit, at: datetime, over: timedelta = HOUR
) -> tuple[list[Health], dict[limits.Limit, int]]:
    """Cards, then transfers, in each of `currencies`, over the time before the instant `at`; and how often each of `rooms`
    was counted in the span that `at` is in. All in one query."""
    since = at - over
    visits = Checkout.objects.filter(created_at__gt=since)
    announced = Pledge.objects.filter(created_at__gt=since, method=Pledge.Method.TRANSFER)
    first, *others = (
        _by_currency("card", visits, "pledge__currency"),
        _by_currency("transfer", announced),
        _by_currency("arrived", cards_arrived(since)),
        _by_currency("declined", Decline.objects.since(since)),
        PaymentPause.objects.in_force()
        .order_by()
        .values_list(Concat(Value("pause "), "method"), "currency", "pk"),
        limits.tallies(*rooms, at=at).values_list(Value("tally"), "key", "count"),
    )
    found = {(what, name): number for what, name, number in first.union(*others, all=True)}
    ways = [
        Health(
            method=method,
            currency=currency,
            begun=found.get((method, currency), 0),
            arrived=found.get(("arrived", currency), 0) if method == CARD else 0,
            declined=found.get(("declined", currency), 0) if method == CARD else 0,
            pause_id=found.get((f"pause {method}", currency)),
        )
        for method in PaymentPause.Method
        for currency in currencies
    ]
    return ways, {room: found.get(("tally", room.hashed(at)), 0) for room in rooms}


def cards_arrived(since: datetime) -> QuerySet[Donation]:
    return Donation.objects.filter(method=Donation.Method.CARD, received_at__gt=since)


def _by_currency(what: str, rows: QuerySet[Any], field: str = "currency") -> QuerySet[Any]:
    """(what, currency, how many rows)."""
    counted: QuerySet[Any] = rows.order_by().values(named=F(field)).annotate(number=Count("pk"))
    return counted.values_list(Value(what), "named", "number")
