"""Candidates for the payments within a line, as a notification of the bank told them: each is looked at like a line of its own."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from django.utils.translation import gettext as _

from ..currencies import written
from ..models import StatementDetail, StatementLine, StatementMatch
from . import gifts, outgoings
from .evidence import Reason, Suggestion
from .reading import Known, Wanted, read, revived, rows_of


def details_of(lines: Sequence[StatementLine]) -> dict[int, list[StatementDetail]]:
    """By the line's pk what notifications told of it, in their order."""
    details = StatementDetail.objects.filter(
        account__in={line.account_id for line in lines}, key__in=[line.key for line in lines]
    )
    return _told(lines, details)


def _told(
    lines: Sequence[StatementLine], details: Iterable[StatementDetail]
) -> dict[int, list[StatementDetail]]:
    by_key = {(line.account_id, line.key): line.pk for line in lines}
    found: dict[int, list[StatementDetail]] = defaultdict(list)
    for detail in sorted(details, key=lambda each: (each.key, each.position)):
        if (detail.account_id, detail.key) in by_key:
            found[by_key[detail.account_id, detail.key]].append(detail)
    return found


def wanted(lines: Sequence[StatementLine]) -> Iterable[Wanted | None]:
    details = StatementDetail.objects.filter(
        account__in={line.account_id for line in lines}, key__in=[line.key for line in lines]
    )
    yield rows_of("detail", details)


def within(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Announced gifts and payments of which a part of the line has the reference; those matched already are left out."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    told = _told(lines, (revived(StatementDetail, facts) for facts in known["detail"]))
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
    # What the parts name is known only now.
    named = read(
        list(parts.values()),
        [*(gifts.wanted(coming) if coming else ()), *(outgoings.wanted(going) if going else ())],
    )
    candidates = gifts.announced(coming, named) | outgoings.payments(going, named)
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
