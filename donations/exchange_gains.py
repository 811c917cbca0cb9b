"""READ: what an exchange brought, at the rate really obtained, against the reporting rate of a day. Nothing is booked by it.

A payment is explained by the exchanges that brought its money, as the gifts are followed (donations/tracing.py): each
part at the rate obtained for it, against the reporting rate of the day of the payment.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .currencies import quantize
from .estimates import Worth, estimate
from .models import Disbursement, Exchange
from .tracing import parts_of_payment


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

    A deposit of bail is explained when the court keeps it.
    """
    if not payment.paid_on:
        return []
    parts = parts_of_payment(payment.cost_id, f"disbursement:{payment.number}")
    return [
        gain_of(
            exchange,
            given=quantize(exchange.given * received / exchange.received, exchange.given_currency),
            received=received,
            on=payment.paid_on,
        )
        for exchange, received in parts
    ]


def gain_of(
    exchange: Exchange,
    *,
    given: Decimal | None = None,
    received: Decimal | None = None,
    on: date | None = None,
) -> Gain:
    """Of all of `exchange` on its own day, or of a part of it on another; one query."""
    given = exchange.given if given is None else given
    received = exchange.received if received is None else received
    on = on or exchange.exchanged_on
    found = estimate({exchange.received_currency: (received,)}, into=exchange.given_currency, on=on)
    is_known = found is not None and bool(found.worths)
    return Gain(
        exchange=exchange,
        given=given,
        received=received,
        on=on,
        worth=found.amounts[0] if found and is_known else None,
        reporting=found.worths[0] if found and is_known else None,
    )
