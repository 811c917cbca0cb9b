"""Candidates that are in the books already: rows of the past, where the bank's file reaches back to their days."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import F, Q
from django.utils.translation import gettext as _

from ..models import PastRow, StatementLine
from .evidence import AMOUNT, WORDS, Reason, Suggestion, apart
from .reading import Known, Wanted, revived, rows_of

# Who kept a spreadsheet wrote a day near the bank's.
NEAR = timedelta(days=10)


def wanted(lines: Sequence[StatementLine]) -> Wanted | None:
    """Rows on the lines' accounts, about their days and of the amounts that are open."""
    days, amounts = [line.booked_on for line in lines], {line.open_amount for line in lines}
    near = PastRow.objects.unproved().filter(
        bank_account__in={line.account_id for line in lines},
        happened_on__range=(min(days) - NEAR, max(days) + NEAR),
    )
    paid = Q(kind=PastRow.Kind.PAYMENT, amount__in={-amount for amount in amounts})
    given = Q(kind=PastRow.Kind.GIFT, net__in=amounts)
    return rows_of("past", near.alias(net=F("amount") - F("fee")).filter(paid | given))


def rows_of_the_past(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Rows of the open amount, near the line's day. They come before a new gift of that amount: it would be counted twice."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    alike: dict[object, list[PastRow]] = defaultdict(list)
    for facts in known["past"]:
        row = revived(PastRow, facts)
        alike[row.bank_account_id, row.moved].append(row)
    for line in lines:
        for row in alike[line.account_id, line.open_amount]:
            days = abs(line.booked_on - row.happened_on)
            if days <= NEAR:
                found[line.pk].append(_row(row, days.days))
    return found


def _row(row: PastRow, days: int) -> Suggestion:
    # Another gift of that amount may have come in those days: a person compares.
    reasons = (
        Reason(
            _("It is in the books already, from a spreadsheet of the past."),
            WORDS,
            is_doubtful=True,
        ),
        Reason(_("The amount is the same."), AMOUNT),
        apart(days, _("The spreadsheet has that day."), row.happened_on),
    )
    return Suggestion(row, reasons, days)
