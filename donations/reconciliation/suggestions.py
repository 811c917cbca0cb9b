"""What a bank line could be: payouts on their way, payments made, gifts announced, the bank's own; with reasons to weigh."""

from collections.abc import Iterator, Sequence

from ..models import StatementLine
from . import arrivals, charges, details, exchanges, gifts, outgoings, own_transfers, taken_over
from .evidence import Suggestion, ranked
from .reading import Wanted, read

MOST = 5


def suggest(line: StatementLine) -> list[Suggestion]:
    """Candidates for what is open of one line, the likeliest first; empty when nothing fits."""
    return suggest_many([line])[line.pk]


def suggest_many(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """Candidates by the line's pk, in one query however many lines there are, and more only for payments within lines."""
    coming = [line for line in lines if line.amount > 0]
    going = [line for line in lines if line.amount < 0]
    found: dict[int, list[Suggestion]] = {line.pk: [] for line in lines}
    if not lines:
        return found
    known = read(lines, _wanted(lines, coming, going))
    parts = [exchanges.exchanges(lines, known), own_transfers.own_transfers(lines, known)]
    parts += [details.within(lines, known), outgoings.undoing(lines, known)]
    parts.append(taken_over.rows_of_the_past(lines, known))
    parts += [arrivals.payouts(coming, known), arrivals.handed_over(coming, known)]
    parts += [gifts.announced(coming, known), gifts.by_known_payers(coming, known)]
    parts += [charges.interest(coming, known), arrivals.bail(coming, known)]
    parts += [outgoings.came_back(coming, known), outgoings.given_back(coming, known)]
    parts += [arrivals.payouts_less(coming, known)]
    parts += [outgoings.payments(going, known), outgoings.returned(going, known)]
    parts += [outgoings.never_left(going, known), outgoings.to_pay(going, known)]
    parts.append(outgoings.collections(going, known))
    parts += [charges.fees(going, known)]
    for part in parts:
        for pk, suggestions in part.items():
            found[pk] += suggestions
    return {pk: ranked(_each_once(suggestions))[:MOST] for pk, suggestions in found.items()}


def _wanted(
    lines: Sequence[StatementLine], coming: Sequence[StatementLine], going: Sequence[StatementLine]
) -> Iterator[Wanted | None]:
    yield from (*exchanges.wanted(lines), *own_transfers.wanted(lines), *details.wanted(lines))
    yield from charges.wanted()
    yield outgoings.wanted_notes()
    yield taken_over.wanted(lines)
    if coming:
        yield from (*arrivals.wanted(coming), *gifts.wanted(coming), *outgoings.wanted_back(coming))
    if going:
        yield from outgoings.wanted(going)


def _each_once(suggestions: Sequence[Suggestion]) -> list[Suggestion]:
    """Where a target was found in two ways, by the one that speaks more for it."""
    best: dict[str, Suggestion] = {}
    for suggestion in suggestions:
        other = best.setdefault(suggestion.token, suggestion)
        if suggestion.rank < other.rank:
            best[suggestion.token] = suggestion
    return list(best.values())
