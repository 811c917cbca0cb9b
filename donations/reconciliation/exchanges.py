"""Candidates for the two lines of an exchange: what was given, on one account, and what was got for it, on another."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q
from django.utils.translation import gettext as _

from ..models import BankAccount, Exchange, StatementLine, StatementMatch
from .evidence import AMOUNT, Reason, Suggestion, apart
from .reading import Known, Wanted, related_by, revived, rows_of


def wanted(lines: Sequence[StatementLine]) -> Iterable[Wanted | None]:
    accounts = {line.account_id for line in lines}
    given = Q(given_from__in=accounts, given__in={-line.open_amount for line in lines})
    received = Q(received_into__in=accounts, received__in={line.open_amount for line in lines})
    proving = StatementMatch.objects.standing().filter(exchange=OuterRef("pk"))
    yield rows_of(
        "exchange",
        Exchange.objects.booked().filter(given | received),
        proved=ArraySubquery(proving.values("amount")),
        giving=related_by("given_from", "id"),
        receiving=related_by("received_into", "id"),
    )


def exchanges(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Exchanges in the books of the line's account and open amount, of which no line proved that side yet."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    sides: dict[tuple[int, Decimal], list[tuple[Exchange, date]]] = {}
    for facts in known["exchange"]:
        exchange = revived(
            Exchange,
            facts,
            given_from=revived(BankAccount, facts["giving"]),
            received_into=revived(BankAccount, facts["receiving"]),
        )
        proved = {amount > 0 for amount in facts["proved"]}
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
            found[line.pk].append(Suggestion(exchange, reasons, days))
    return found
