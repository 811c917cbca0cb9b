"""READ: what two people exchanged, and moved by the surplus rule, as everybody may see it; no name, no reason in free words."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .models import Exchange, SurplusMove
from .transparency import titles_of_funds

# The newest; the others stand in the journal.
SHOWN = 50


@dataclass(frozen=True)
class MovedSurplus:
    """`taken_back_on`: two people found that it was wrong, and the money is where it was."""

    source: str
    target: str
    amount: Decimal
    currency: str
    cause: str
    moved_on: date
    taken_back_on: date | None


@dataclass(frozen=True)
class Exchanged:
    """`rate` is what one unit of what was given really brought."""

    fund: str
    given: Decimal
    given_currency: str
    received: Decimal
    received_currency: str
    rate: Decimal
    market: str
    exchanged_on: date


@dataclass(frozen=True)
class PublicMoves:
    surpluses: tuple[MovedSurplus, ...]
    exchanges: tuple[Exchanged, ...]


def public_moves(*, language: str) -> PublicMoves:
    """The newest of both, newest first; three queries, or two when there is none."""
    moves = list(SurplusMove.objects.moved().order_by("-approved_at")[:SHOWN])
    exchanges = list(Exchange.objects.booked().order_by("-exchanged_on", "-pk")[:SHOWN])
    funds = {pk for move in moves for pk in (move.source_id, move.target_id)}
    funds |= {row.fund_id for row in exchanges}
    titles = titles_of_funds(funds, language) if funds else {}
    return PublicMoves(
        surpluses=tuple(
            MovedSurplus(
                titles[move.source_id],
                titles[move.target_id],
                move.amount,
                move.currency,
                str(move.get_cause_display()),
                move.approved_at.date(),
                move.undone_at.date() if move.undone_at else None,
            )
            for move in moves
            if move.approved_at
        ),
        exchanges=tuple(
            Exchanged(
                titles[row.fund_id],
                row.given,
                row.given_currency,
                row.received,
                row.received_currency,
                row.rate,
                str(row.get_market_display()),
                row.exchanged_on,
            )
            for row in exchanges
        ),
    )
