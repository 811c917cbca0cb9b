"""What a bank line could be: payouts on their way, payments made, gifts announced, the bank's own; with reasons to weigh."""

from collections.abc import Sequence

from ..models import StatementLine
from . import arrivals, charges, details, exchanges, gifts, outgoings, own_transfers
from .evidence import Suggestion, ranked

MOST = 5


def suggest(line: StatementLine) -> list[Suggestion]:
    """Candidates for what is open of one line, the likeliest first; empty when nothing fits."""
    return suggest_many([line])[line.pk]


def suggest_many(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """Candidates by the line's pk, in a fixed number of queries however many lines there are."""
    coming = [line for line in lines if line.amount > 0]
    going = [line for line in lines if line.amount < 0]
    found: dict[int, list[Suggestion]] = {line.pk: [] for line in lines}
    parts: list[dict[int, list[Suggestion]]] = []
    if lines:
        parts += [exchanges.exchanges(lines), own_transfers.own_transfers(lines)]
        parts.append(details.within(lines))
    if coming:
        parts += [arrivals.payouts(coming), arrivals.handed_over(coming), gifts.announced(coming)]
        parts += [gifts.by_known_payers(coming), charges.interest(coming), arrivals.bail(coming)]
        parts += [outgoings.came_back(coming), arrivals.payouts_less(coming)]
    if going:
        parts += [outgoings.payments(going), outgoings.returned(going), charges.fees(going)]
    for part in parts:
        for pk, suggestions in part.items():
            found[pk] += suggestions
    return {pk: ranked(_each_once(suggestions))[:MOST] for pk, suggestions in found.items()}


def _each_once(suggestions: Sequence[Suggestion]) -> list[Suggestion]:
    """Where a target was found in two ways, by the one that speaks more for it."""
    best: dict[str, Suggestion] = {}
    for suggestion in suggestions:
        other = best.setdefault(suggestion.token, suggestion)
        if suggestion.rank < other.rank:
            best[suggestion.token] = suggestion
    return list(best.values())
