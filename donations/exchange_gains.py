"""READ: what an exchange brought, at the rate really obtained, against the reporting rate of a day. Nothing is booked by it.

A payment is explained by the exchanges that brought its money, as the gifts are followed (donations/tracing.py): each
part at the rate obtained for it, against the reporting rate of the day of the payment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Exists

from .currencies import quantize
from .estimates import Worth, estimate
from .models import Disbursement, Exchange, UnfollowedEntry
from .tracing import AT_ONCE, follow, parts_of_payments


@dataclass(frozen=True)
class Gain:
    """`received` cost `given`; at the reporting rate of `on` it is worth `worth`, in the currency given.

    `worth` and `reporting` are None where no reporting rate of that day or before is known.
    """

    exchange: Exchange
    given: Decimal
    received: Decimal
    on: date
    worth: Decimal | None
    reporting: Worth | None

    @property
    def difference(self) -> Decimal | None:
        """Above zero: a gain; it would have cost more at the reporting rate."""
        return None if self.worth is None else self.worth - self.given

    @property
    def difference_size(self) -> Decimal | None:
        return None if self.difference is None else abs(self.difference)


def gains_of_payment(payment: Disbursement) -> list[Gain]:
    """Of each exchange that brought a part of the payment, in their order; empty for what was given in its currency.

    A deposit of bail is explained when the court keeps it. What was booked since the worker's last round is followed first.
    """
    if payment.paid_on:
        follow(AT_ONCE)
    return _gains([payment] if payment.paid_on else []).get(payment, [])


def is_awaited(payment: Disbursement) -> bool:
    """Whether more is new than one look follows, so that the exchanges which brought the payment's money are not known yet."""
    return UnfollowedEntry.objects.filter(
        Exists(Exchange.objects.filter(received_currency=payment.currency)),
        entry__source=f"disbursement:{payment.number}",
    ).exists()


def gains_between(
    first_on: date | None = None, last_on: date | None = None
) -> dict[Disbursement, list[Gain]]:
    """Of all payments made of exchanged money, or of those paid on these days, by day and reference.

    Four queries, and one more for each further day on which a currency was paid.
    """
    paid = Disbursement.objects.filter(
        paid_on__isnull=False, currency__in=Exchange.objects.values("received_currency")
    )
    if first_on:
        paid = paid.filter(paid_on__gte=first_on)
    if last_on:
        paid = paid.filter(paid_on__lte=last_on)
    return _gains(list(paid.order_by("paid_on", "payment_reference")))


def _gains(payments: Sequence[Disbursement]) -> dict[Disbursement, list[Gain]]:
    if not payments:
        return {}
    sources = {f"disbursement:{payment.number}": payment for payment in payments}
    parts = parts_of_payments({payment.cost_id for payment in payments}, sources)
    known: dict[tuple[str, str, date], Worth | None] = {}
    gains: dict[Disbursement, list[Gain]] = {}
    for source, payment in sources.items():
        for exchange, received in parts.get(source, ()):
            assert payment.paid_on
            key = (exchange.received_currency, exchange.given_currency, payment.paid_on)
            if key not in known:
                known[key] = _reporting(*key)
            given = quantize(exchange.given * received / exchange.received, exchange.given_currency)
            gain = _gain(exchange, given, received, payment.paid_on, known[key])
            gains.setdefault(payment, []).append(gain)
    return gains


def gain_of(exchange: Exchange) -> Gain:
    """Of all of `exchange` on its own day; one query."""
    on = exchange.exchanged_on
    reporting = _reporting(exchange.received_currency, exchange.given_currency, on)
    return _gain(exchange, exchange.given, exchange.received, on, reporting)


def _gain(
    exchange: Exchange, given: Decimal, received: Decimal, on: date, reporting: Worth | None
) -> Gain:
    worth = quantize(received * reporting.rate, exchange.given_currency) if reporting else None
    return Gain(exchange, given, received, on, worth, reporting)


def _reporting(currency: str, into: str, on: date) -> Worth | None:
    """The newest reporting rate of `on` or before."""
    found = estimate({currency: (Decimal(1),)}, into=into, on=on)
    return found.worths[0] if found and found.worths else None
