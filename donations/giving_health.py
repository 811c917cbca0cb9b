"""READ: how each way to give is doing: what was begun, how the cards tried were answered, and whether it is paused."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet

from .models import Checkout, Decline, Donation, PaymentPause, Pledge

HOUR = timedelta(hours=1)


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
    pause: PaymentPause | None

    @property
    def cards_tried(self) -> int:
        return self.arrived + self.declined

    @property
    def percent_declined(self) -> int | None:
        """Of the cards tried, how many of a hundred the banks declined; None when there were none."""
        return round(100 * self.declined / self.cards_tried) if self.cards_tried else None


def health(currencies: Iterable[str], *, at: datetime, over: timedelta = HOUR) -> list[Health]:
    """Cards, then transfers, in each of `currencies`, over the time before the instant `at`."""
    since = at - over
    visits = Checkout.objects.filter(created_at__gt=since)
    announced = Pledge.objects.filter(created_at__gt=since, method=Pledge.Method.TRANSFER)
    begun = {
        PaymentPause.Method.CARD: _by_currency(visits, "pledge__currency"),
        PaymentPause.Method.TRANSFER: _by_currency(announced),
    }
    arrived = _by_currency(cards_arrived(since))
    declined = _by_currency(Decline.objects.since(since))
    pauses = {
        (pause.method, pause.currency): pause
        for pause in PaymentPause.objects.in_force().select_related("paused_by")
    }
    return [
        Health(
            method=method,
            currency=currency,
            begun=begun[method].get(currency, 0),
            arrived=arrived.get(currency, 0) if method == PaymentPause.Method.CARD else 0,
            declined=declined.get(currency, 0) if method == PaymentPause.Method.CARD else 0,
            pause=pauses.get((method, currency)),
        )
        for method in PaymentPause.Method
        for currency in currencies
    ]


def cards_arrived(since: datetime) -> QuerySet[Donation]:
    return Donation.objects.filter(method=Donation.Method.CARD, received_at__gt=since)


def _by_currency(
    rows: QuerySet[Checkout] | QuerySet[Pledge] | QuerySet[Donation] | QuerySet[Decline],
    field: str = "currency",
) -> dict[str, int]:
    return dict(rows.order_by().values_list(field).annotate(Count("pk")))
