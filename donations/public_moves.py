"""READ: what two people exchanged, and moved by the surplus rule, to the partner or to cover a fund, as everybody may see it; no
name of a person, no reason in free words."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .models import Exchange, FundCover, PartnerPayment, SurplusMove
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
class PaidPartner:
    """Money of `source` that nobody needed, paid to `partner`. `came_back_on`: it is in the fund again."""

    source: str
    partner: str
    amount: Decimal
    currency: str
    cause: str
    paid_on: date
    came_back_on: date | None


@dataclass(frozen=True)
class Covered:
    """Money of `source` fills `target`, which a refund, a dispute or a fee had taken below zero."""

    source: str
    target: str
    amount: Decimal
    currency: str
    covered_on: date


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
    partner_payments: tuple[PaidPartner, ...]
    covers: tuple[Covered, ...]
    exchanges: tuple[Exchanged, ...]


def public_moves(*, language: str) -> PublicMoves:
    """The newest of each, newest first; five queries, or four when there is none. What was recorded as paid and never left is
    left out: nothing moved."""
    moves = list(SurplusMove.objects.moved().order_by("-approved_at")[:SHOWN])
    payments: list[PartnerPayment] = list(
        PartnerPayment.objects.paid().filter(undone_at=None).order_by("-paid_on", "-pk")[:SHOWN]
    )
    covers = list(
        FundCover.objects.filter(approved_at__isnull=False, source__isnull=False).order_by(
            "-approved_at"
        )[:SHOWN]
    )
    exchanges = list(Exchange.objects.booked().order_by("-exchanged_on", "-pk")[:SHOWN])
    funds = {pk for move in moves for pk in (move.source_id, move.target_id)}
    funds |= {pk for cover in covers for pk in (cover.source_id, cover.target_id) if pk}
    funds |= {row.fund_id for row in exchanges} | {row.fund_id for row in payments}
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
        partner_payments=tuple(
            PaidPartner(
                titles[row.fund_id],
                row.partner,
                row.amount,
                row.currency,
                str(row.get_cause_display()),
                row.paid_on,
                row.came_back_on,
            )
            for row in payments
            if row.paid_on
        ),
        covers=tuple(
            Covered(
                titles[cover.source_id],
                titles[cover.target_id],
                cover.amount,
                cover.currency,
                cover.approved_at.date(),
            )
            for cover in covers
            if cover.approved_at and cover.source_id
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
