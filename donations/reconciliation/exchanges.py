"""Candidates for the two lines of an exchange: what was given, on one account, and what was got for it, on another."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.db.models import Q
from django.utils.translation import gettext as _

from ..models import Exchange, StatementLine
from .evidence import AMOUNT, NEARBY, Certainty, Reason, Suggestion, apart


def exchanges(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """Exchanges in the books of the line's account and open amount, of which no line proved that side yet."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    accounts = {line.account_id for line in lines}
    given = Q(given_from__in=accounts, given__in={-line.open_amount for line in lines})
    received = Q(received_into__in=accounts, received__in={line.open_amount for line in lines})
    booked = Exchange.objects.booked().filter(given | received)
    sides: dict[tuple[int, Decimal], list[tuple[Exchange, date]]] = {}
    for exchange in booked.select_related("given_from", "received_into").prefetch_related(
        "matches"
    ):
        proved = {match.amount > 0 for match in exchange.matches.all() if match.undone_at is None}
        for account, amount, on in exchange.bank_sides():
            if (amount > 0) not in proved:
                sides.setdefault((account.pk, amount), []).append((exchange, on))
    for line in lines:
        for exchange, on in sides.get((line.account_id, line.open_amount), []):
            days = abs((line.booked_on - on).days)
            reasons = (
                Reason(_("The amount is the exchange's."), AMOUNT),
                apart(days, _("It was exchanged on that day."), on),
            )
            certainty = Certainty.LIKELY if days <= NEARBY.days else Certainty.POSSIBLE
            found[line.pk].append(Suggestion(exchange, certainty, reasons, days))
    return found
