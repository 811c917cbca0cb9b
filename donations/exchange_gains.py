"""READ: what an exchange brought, at the rate really obtained, against the reporting rate of a day. Nothing is booked by it.

A payment is explained by the exchanges that brought its money, as the gifts are followed (donations/tracing.py): each
part at the rate obtained for it, against the reporting rate of the day of the payment.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Exists, OuterRef

from . import ledger
from .currencies import quantize
from .estimates import Worth, estimate
from .models import Account, Disbursement, Entry, Exchange, KeptGain, Period, UnfollowedEntry
from .tracing import AT_ONCE, follow, parts_of_payments


@dataclass(frozen=True)
class Gain:
    """`received` cost `given`; at the reporting rate of `on` it is worth `worth`, in the currency given.

    `worth` is None where no reporting rate of that day or before is known. `reporting` is that rate, as of now; it is not
    kept of a closed month.
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


def are_awaited(first_on: date, last_on: date) -> bool:
    """Whether the exchanges that brought the money of a payment booked on these days may not be known yet.

    What was booked since the worker's last round is followed first, as far as one look does.
    """
    payments = UnfollowedEntry.objects.filter(
        Exists(Exchange.objects.filter(received_currency=OuterRef("entry__currency"))),
        entry__kind=Entry.Kind.DISBURSEMENT,
        entry__booked_on__range=(first_on, last_on),
    )
    if payments.exists():
        follow(AT_ONCE)
    return payments.exists()


def gains_between(
    first_on: date = date.min, last_on: date = date.max
) -> dict[Disbursement, list[Gain]]:
    """Of all payments made of exchanged money and booked on these days, by day of payment and reference.

    Of a closed month as it was kept when that was closed; of others by the rates known now, without payments that came
    back. Two queries where nothing was exchanged, else up to six, and one more for each further day on which a currency
    was paid.
    """
    if not (currencies := _exchanged()):
        return {}
    open_from = ledger.open_from() or date.min
    gains = _kept(first_on, last_on) if first_on < open_from else {}
    if last_on >= open_from:
        gains |= _gains(list(_booked(max(first_on, open_from), last_on, currencies)))
    return dict(sorted(gains.items(), key=lambda each: _order(each[0])))


def gains_to_keep(period: Period) -> list[KeptGain]:
    """What is to be kept of a month that is being closed; not saved."""
    if not (currencies := _exchanged()):
        return []
    booked = _booked(period.month, period.last_day, currencies)
    return [
        KeptGain(
            period=period,
            payment=payment,
            exchange=gain.exchange,
            booked_on=booked[payment],
            received=gain.received,
            given=gain.given,
            worth=gain.worth,
        )
        for payment, gains in _gains(list(booked)).items()
        for gain in gains
    ]


def _exchanged() -> set[str]:
    """The currencies that exchanges brought."""
    return set(Exchange.objects.values_list("received_currency", flat=True).distinct())


def _order(payment: Disbursement) -> tuple[date, str]:
    assert payment.paid_on
    return payment.paid_on, payment.payment_reference


def _booked(first_on: date, last_on: date, currencies: Collection[str]) -> dict[Disbursement, date]:
    """The payments in `currencies` that stand and were booked on these days, and when, by day of payment and reference."""
    costs = Account.objects.filter(kind=Account.Kind.COST, currency__in=currencies)
    entries = Entry.objects.filter(
        kind=Entry.Kind.DISBURSEMENT,
        debit__in=costs,
        reversed_by=None,
        booked_on__range=(first_on, last_on),
    ).values_list("source", "booked_on")
    # One whose return was taken back stands again under "reversal:reversal:disbursement:…".
    booked = {UUID(source.rpartition(":")[2]): booked_on for source, booked_on in entries}
    payments = sorted(Disbursement.objects.filter(number__in=booked), key=_order)
    return {payment: booked[payment.number] for payment in payments}


def _kept(first_on: date, last_on: date) -> dict[Disbursement, list[Gain]]:
    """Of closed months; of a payment that came back and was booked once more, as it was booked last."""
    rows = KeptGain.objects.filter(booked_on__range=(first_on, last_on))
    gains: dict[Disbursement, tuple[date, list[Gain]]] = {}
    for row in rows.select_related("payment", "exchange").order_by("booked_on", "pk"):
        assert row.payment.paid_on
        told = Gain(row.exchange, row.given, row.received, row.payment.paid_on, row.worth, None)
        booked_on, of_one = gains.get(row.payment, (None, []))
        of_one = [*of_one, told] if booked_on == row.booked_on else [told]
        gains[row.payment] = row.booked_on, of_one
    return {payment: of_one for payment, (_booked_on, of_one) in gains.items()}


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
