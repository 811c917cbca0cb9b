"""READ: what an exchange brought, at the rate really obtained, against the reporting rate of a day. Nothing is booked by it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .estimates import Worth, estimate
from .models import Exchange


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
