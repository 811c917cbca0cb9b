"""What each payment of a span gained or lost by the exchanges that brought its money, against reporting rates."""

from collections.abc import Iterable
from decimal import Decimal

from django.utils.translation import gettext as _

from ..currencies import written
from ..exchange_gains import gains_between
from ..spreadsheets import Cell
from .tables import Column, Span, Table, sums


def gain_tables(span: Span) -> Iterable[Table]:
    """A table for each currency that was given in exchange; none where nothing was paid of exchanged money.

    Payments stand in the span they were booked in. By the reporting rates of each day of payment, as they were known when
    the month was closed, or today; a rate that is not known leaves its cells empty.
    """
    rows: dict[str, list[tuple[Cell, ...]]] = {}
    for payment, gains in gains_between(span.first_on, span.last_on).items():
        assert payment.paid_on
        for gain in gains:
            exchange = gain.exchange
            row = (
                payment.payment_reference,
                payment.paid_on,
                written(gain.received, exchange.received_currency),
                gain.given,
                _known(gain.worth),
                _known(gain.difference),
            )
            rows.setdefault(exchange.given_currency, []).append(row)
    for currency in sorted(rows):
        title = _("Gains and losses by exchange")
        of_one = tuple(rows[currency])
        yield Table("gains", title, currency, _columns(), of_one, sums(of_one))


def _known(amount: Decimal | None) -> Cell:
    return "" if amount is None else amount


def _columns() -> tuple[Column, ...]:
    return (
        Column("payment", _("Payment")),
        Column("day", _("Day")),
        Column("bought", _("Bought")),
        Column("cost", _("It cost"), is_number=True),
        Column("worth", _("At the reporting rate"), is_number=True),
        Column("gain", _("Gain or loss"), is_number=True),
    )
