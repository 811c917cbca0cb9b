"""READ: what of each cost is whose: owed, set aside, paid and missing of every defendant who shares it, to the cent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from appeals.models import Defendant

from .currencies import exponent
from .models import Allocation, LegalCost
from .models.cost_share import split
from .models.legal_cost import SIGNED

ZERO = Decimal(0)


@dataclass(frozen=True)
class Figures:
    """Of a whole cost, in its currency: `paid` for good; `with_court` lies there as bail and may come back."""

    owed: Decimal
    set_aside: Decimal
    paid: Decimal
    with_court: Decimal
    missing: Decimal


@dataclass(frozen=True)
class Share:
    """What of a cost is one defendant's, in its currency. What their own fund gave counts for them alone; what others
    gave is spread over what each still lacks, as the cost is: cut to the smallest unit, the rest carried on."""

    cost: Any
    defendant: Defendant
    parts: int | None
    owed: Decimal
    set_aside: Decimal
    paid: Decimal
    with_court: Decimal
    missing: Decimal

    @property
    def paid_out(self) -> Decimal:
        """Paid for good, or to a court that may give it back."""
        return self.paid + self.with_court

    @property
    def still_there(self) -> Decimal:
        return self.set_aside - self.paid_out


def figures_of(cost: Any) -> Figures:
    """Of a cost `with_figures` and `with_deposits`."""
    paid = cost.paid - cost.came_back - cost.with_court
    return Figures(cost.owed, cost.set_aside, paid, cost.with_court, cost.missing)


def whole(cost: Any, figures: Figures | None = None) -> Share:
    """The cost as one share, its own defendant's."""
    known = figures or figures_of(cost)
    return Share(
        cost,
        cost.defendant,
        None,
        known.owed,
        known.set_aside,
        known.paid,
        known.with_court,
        known.missing,
    )


def shares_of(rows: Iterable[Any]) -> dict[int, list[Share]]:
    """The shares of each of `rows` (costs `with_figures`, `with_deposits`, their shares' defendants prefetched), by its
    key. One query. A cost nobody shares is one share, its defendant's."""
    listed = list(rows)
    given: dict[int, dict[int, Decimal]] = {}
    for cost, defendant, net in (
        Allocation.objects.filter(
            cost__in=[row.pk for row in listed], fund__defendant__isnull=False
        )
        .order_by()
        .values("cost", "fund__defendant")
        .annotate(net=Sum(SIGNED))
        .values_list("cost", "fund__defendant", "net")
    ):
        given.setdefault(cost, {})[defendant] = net
    return {row.pk: spread(row, figures_of(row), given.get(row.pk, {})) for row in listed}


def spread(cost: LegalCost, figures: Figures, given: Mapping[int, Decimal]) -> list[Share]:
    """`figures` of `cost` spread over who shares it; they add up to them. `given` is what the own funds of defendants
    (by their keys) have set aside in it."""
    rows = list(cost.shares.all())
    if not rows:
        return [whole(cost, figures)]
    places = exponent(cost.currency)
    # Amounts that add up to what is owed are left as they are by this.
    owed = split(figures.owed, [row.parts or row.amount or ZERO for row in rows], places)
    own = [given.get(row.defendant_id, ZERO) for row in rows]
    others = split(figures.set_aside - sum(own), _lacking(owed, own), places)
    set_aside = [a + b for a, b in zip(own, others, strict=True)]
    lacking = _lacking(owed, set_aside)
    # What is set aside above what a share owes by now is missing less than nothing of it, as of the whole.
    missing = (
        split(figures.missing, lacking, places)
        if figures.missing > 0
        else [a - b if figures.missing else ZERO for a, b in zip(owed, set_aside, strict=True)]
    )
    paid = split(figures.paid, set_aside, places)
    unpaid = [a - b for a, b in zip(set_aside, paid, strict=True)]
    with_court = split(figures.with_court, unpaid, places)
    return [
        Share(cost, row.defendant, row.parts, *of_one)
        for row, *of_one in zip(rows, owed, set_aside, paid, with_court, missing, strict=True)
    ]


def _lacking(owed: Iterable[Decimal], given: Iterable[Decimal]) -> list[Decimal]:
    return [max(a - b, ZERO) for a, b in zip(owed, given, strict=True)]
