"""READ: sums of several currencies in one, at the rates of a day. An estimate for readers; nothing is booked by it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .currencies import offered, quantize
from .models import Rate

# What central banks publish rates of; a sum may be carried over them, like ARS → EUR → CLP.
PIVOTS = ("EUR", "USD")
# From here on decimals would say more than an estimate knows.
WHOLE_FROM = 100


@dataclass(frozen=True)
class Worth:
    """One unit of `currency` is worth `rate` in the estimate's, as of `rated_on` (the older day, where two were needed)."""

    currency: str
    rate: Decimal
    rated_on: date
    sources: tuple[str, ...]

    @property
    def readable(self) -> tuple[bool, Decimal]:
        """The rate in the direction in which it is above one (true: of one unit of `currency`), to six digits."""
        is_of_it = self.rate >= 1
        rate = self.rate if is_of_it else 1 / self.rate
        return is_of_it, Decimal(f"{rate:.6g}")


@dataclass(frozen=True)
class Estimate:
    """`amounts` are the sums in `currency`, in the order they were asked for, without those of currencies `left_out`."""

    currency: str
    amounts: tuple[Decimal, ...]
    worths: tuple[Worth, ...]
    left_out: tuple[str, ...]

    @property
    def about(self) -> tuple[Decimal, ...]:
        """The amounts no finer than an estimate should be."""
        return tuple(
            Decimal(round(amount)) if abs(amount) >= WHOLE_FROM else amount
            for amount in self.amounts
        )

    @property
    def first_on(self) -> date:
        return min(worth.rated_on for worth in self.worths)

    @property
    def last_on(self) -> date:
        return max(worth.rated_on for worth in self.worths)

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(source for w in self.worths for source in w.sources))


def estimate(sums: Mapping[str, tuple[Decimal, ...]], *, into: str, on: date) -> Estimate | None:
    """`sums` by currency, together in `into` at the newest rates of `on` or before; one query.

    None when nothing has to be converted.
    """
    foreign = sorted(code for code, amounts in sums.items() if code != into and any(amounts))
    if not foreign:
        return None
    worths = _worths(foreign, into, on=on)
    width = len(next(iter(sums.values())))
    rates = {into: Decimal(1)} | {code: worth.rate for code, worth in worths.items()}
    amounts = tuple(
        quantize(
            sum((sums[c][at] * rate for c, rate in rates.items() if c in sums), Decimal(0)), into
        )
        for at in range(width)
    )
    return Estimate(
        currency=into,
        amounts=amounts,
        worths=tuple(worths.values()),
        left_out=tuple(code for code in foreign if code not in worths),
    )


def _worths(currencies: Collection[str], into: str, *, on: date) -> dict[str, Worth]:
    bases = {*currencies, into, *PIVOTS, *offered()}
    pairs = {(base, quote) for base in bases for quote in (*currencies, into) if base != quote}
    known = {(r.base, r.quote): r for r in Rate.objects.latest_of(sorted(pairs), on=on)}
    found = ((code, _worth(code, into, sorted(bases), known)) for code in currencies)
    return {code: worth for code, worth in found if worth}


def _worth(
    code: str, into: str, bases: Collection[str], known: Mapping[tuple[str, str], Rate]
) -> Worth | None:
    """By the newest rates there are: directly, the other way round, or over a currency that has rates to both."""
    ways = []
    if direct := known.get((code, into)):
        ways.append(Worth(code, direct.rate, direct.rated_on, (direct.source,)))
    if inverse := known.get((into, code)):
        ways.append(Worth(code, 1 / inverse.rate, inverse.rated_on, (inverse.source,)))
    for base in bases:
        here, there = known.get((base, code)), known.get((base, into))
        if here and there:
            sources = tuple(dict.fromkeys([here.source, there.source]))
            rated_on = min(here.rated_on, there.rated_on)
            ways.append(Worth(code, there.rate / here.rate, rated_on, sources))
    # Of one day the shortest way, which stands first.
    return max(ways, key=lambda worth: worth.rated_on, default=None)
