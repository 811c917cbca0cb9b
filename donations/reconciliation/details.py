"""Candidates for the payments within a line, as a notification of the bank told them: each is looked at like a line of its own."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from django.utils.translation import gettext as _

from ..currencies import written
from ..models import StatementDetail, StatementLine, StatementMatch
from . import gifts, outgoings
from .evidence import Reason, Suggestion


def details_of(lines: Sequence[StatementLine]) -> dict[int, list[StatementDetail]]:
    """By the line's pk what notifications told of it, in their order."""
    by_key = {(line.account_id, line.key): line.pk for line in lines}
    found: dict[int, list[StatementDetail]] = defaultdict(list)
    details = StatementDetail.objects.filter(
        account__in={line.account_id for line in lines}, key__in=[line.key for line in lines]
    )
    for detail in details.order_by("key", "position"):
        if (detail.account_id, detail.key) in by_key:
            found[by_key[detail.account_id, detail.key]].append(detail)
    return found


def within(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """Announced gifts and payments of which a part of the line has the reference; those matched already are left out."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    told = details_of(lines)
    if not told:
        return found
    by_pk = {line.pk: line for line in lines}
    parts = {
        -detail.pk: _as_line(by_pk[pk], detail)
        for pk, details in told.items()
        for detail in details
        if 0 < detail.amount / by_pk[pk].open_amount <= 1
    }
    line_of = {-detail.pk: pk for pk, details in told.items() for detail in details}
    coming = [part for part in parts.values() if part.amount > 0]
    going = [part for part in parts.values() if part.amount < 0]
    candidates = gifts.announced(coming) if coming else {}
    if going:
        candidates |= outgoings.payments(going)
    done = _done(told)
    for number, suggestions in candidates.items():
        part = parts[number]
        for suggestion in suggestions:
            seen = (line_of[number], suggestion.token, part.amount)
            if done[seen]:
                done[seen] -= 1
                continue
            found[line_of[number]].append(_of_part(suggestion, part.amount, part.currency))
    return found


def _as_line(line: StatementLine, detail: StatementDetail) -> StatementLine:
    """Never saved: what a line of its own would say."""
    return StatementLine(
        pk=-detail.pk,
        account=line.account,
        amount=detail.amount,
        currency=detail.currency,
        booked_on=line.booked_on,
        references=detail.references,
        counterparty=detail.counterparty,
        counterparty_account=detail.counterparty_account,
        text=detail.text,
    )


def _of_part(suggestion: Suggestion, amount: Decimal, currency: str) -> Suggestion:
    said = _("The bank says that %(amount)s of this line is this.") % {
        "amount": written(abs(amount), currency)
    }
    return replace(suggestion, part=amount, evidence=(Reason(said), *suggestion.evidence))


def _done(lines: "dict[int, list[StatementDetail]]") -> "Counter[tuple[int, str, Decimal]]":
    """What of the lines is matched to which announced gift, so that it is not proposed again. Payments say so themselves."""
    matches = StatementMatch.objects.standing().filter(
        line__in=lines, donation__pledge__isnull=False
    )
    pairs = matches.values_list("line", "amount", "donation__pledge")
    return Counter((line, f"pledge-{pledge}", amount) for line, amount, pledge in pairs)
