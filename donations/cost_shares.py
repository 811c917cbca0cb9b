"""READ: what of each cost is whose: owed, set aside, paid and missing of every defendant who shares it, to the cent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from appeals.models import Defendant

from .currencies import exponent
from .models import Allocation
from .models.cost_figures import SIGNED, Figures
from .models.cost_share import split

ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Share(Figures):
    """What of a cost is one defendant's. What their own fund gave counts for them alone; what others gave is spread over
    what each still lacks, as the cost is: cut to the smallest unit, the rest carried on."""

    cost: Any
    defendant: Defendant
    parts: int | None

    @classmethod
    def from_figures(
        cls, figures: Figures, *, cost: Any, defendant: Defendant, parts: int | None
    ) -> "Share":
        return cls(**vars(figures), cost=cost, defendant=defendant, parts=parts)


def whole(cost: Any, figures: Figures | None = None) -> Share:
    """The cost (`with_figures`, where none are given) as one share, its own defendant's."""
    known = figures or Figures.told_by(cost)
    return Share.from_figures(known, cost=cost, defendant=cost.defendant, parts=None)


def shares_of(rows: Iterable[Any]) -> dict[int, list[Share]]:
    """The shares of each of `rows` (costs `with_figures`, their shares' defendants prefetched), by its key. One query. A cost nobody shares is one share, its defendant's."""
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
    return {row.pk: spread(row, Figures.told_by(row), given.get(row.pk, {})) for row in listed}


def spread(
    cost: Any,
    figures: Figures,
    given: Mapping[int, Decimal],
    *,
    shares: Iterable[Any] | None = None,
) -> list[Share]:
    """`figures` of `cost` spread over who shares it: its `shares` of now, or those given; they add up to them. `given` is what
    the own funds of defendants (by their keys) have set aside in it."""
    rows = list(cost.shares.all() if shares is None else shares)
    if not rows:
        return [whole(cost, figures)]
    places = exponent(cost.currency)
    # Amounts that add up to what is owed are left as they are by this.
    owed = split(figures.owed, [row.parts or row.amount or ZERO for row in rows], places)
    own = [given.get(row.defendant_id, ZERO) for row in rows]
    others = split(figures.given - sum(own), _lacking(owed, own), places)
    given_each = [a + b for a, b in zip(own, others, strict=True)]
    paid = split(figures.paid, given_each, places)
    unpaid = _less(given_each, paid)
    with_court = split(figures.with_court, unpaid, places)
    lacking = _lacking(owed, given_each)
    # What is set aside above what a share owes by now is missing less than nothing of it, as of the whole.
    missing = (
        _less(owed, given_each) if figures.missing < 0 else split(figures.missing, lacking, places)
    )
    came_back = split(figures.came_back, _lacking(lacking, missing), places)
    not_needed = split(figures.not_needed, _lacking(lacking, came_back), places)
    of_each = zip(
        owed,
        paid,
        with_court,
        came_back,
        _less(unpaid, with_court),
        missing,
        not_needed,
        strict=True,
    )
    return [
        Share.from_figures(Figures(*of_one), cost=cost, defendant=row.defendant, parts=row.parts)
        for row, of_one in zip(rows, of_each, strict=True)
    ]


def _less(each: Iterable[Decimal], less: Iterable[Decimal]) -> list[Decimal]:
    return [a - b for a, b in zip(each, less, strict=True)]


def _lacking(owed: Iterable[Decimal], given: Iterable[Decimal]) -> list[Decimal]:
    return [max(a - b, ZERO) for a, b in zip(owed, given, strict=True)]
