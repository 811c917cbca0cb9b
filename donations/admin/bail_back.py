"""A bank line that is a deposit of bail: what the court did is recorded, and the line matched with it, both or neither."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from .. import allocation, reconciliation
from ..models import LegalCost, LineExplanation, StatementLine, StatementMatch
from ..reconciliation import (
    BetweenLess,
    Charge,
    GivenBack,
    Less,
    NeedsAnother,
    Returned,
    Suggestion,
    Target,
)

MAY_RECORD = "donations.record_bailoutcome"


def for_this_person(suggestions: Sequence[Suggestion], user: User) -> list[Suggestion]:
    """As `user` may match them: what is recorded with it only where they may record it."""
    if user.has_perm(MAY_RECORD):
        return list(suggestions)
    why = _("Somebody who may record what a court does with bail has to match this.")
    return [
        replace(each, obstacle=why) if isinstance(each.target, GivenBack) else each
        for each in suggestions
    ]


def match_with(
    line: StatementLine, suggestion: Suggestion, amount: Decimal | None, *, by: User, at: datetime
) -> StatementMatch | LineExplanation:
    """Raises as reconciliation.match, and AllocationError where bail is to be recorded."""
    target = suggestion.target
    if isinstance(target, GivenBack):
        return bail_back(line, target.cost, amount, by=by, at=at)
    return match_or_ask(line, target, amount, by=by, at=at)


def match_or_ask(
    line: StatementLine,
    target: Target | None,
    amount: Decimal | None,
    *,
    explanation: str = "",
    by: User,
    at: datetime,
) -> StatementMatch | LineExplanation:
    """Matches the line with `target`, or notes what it is where that is None; asks for it where another person has to approve."""
    try:
        if target is None or isinstance(target, Charge):
            return reconciliation.explain(
                line=line,
                explanation=explanation,
                fund=target.fund if target else None,
                amount=amount,
                by=by,
                at=at,
            )
        return reconciliation.match(line=line, target=target, amount=amount, by=by, at=at)
    except NeedsAnother:
        assert target is None or isinstance(target, Charge | Returned | Less | BetweenLess)
        return reconciliation.request_explanation(
            line=line, target=target, explanation=explanation, amount=amount, by=by, at=at
        )


@transaction.atomic
def bail_back(
    line: StatementLine, cost: LegalCost, amount: Decimal | None, *, by: User, at: datetime
) -> StatementMatch:
    """Records that the court gave it back into the line's account on its day, and that the line proves it."""
    # Held first, as whoever matches it otherwise does.
    held = StatementLine.objects.select_for_update(of=("self",)).select_related("account")
    line = held.get(pk=line.pk)
    outcome = allocation.bail_returned(
        cost=cost,
        amount=line.open_amount if amount is None else amount,
        into=line.account,
        happened_on=line.booked_on,
        by=by,
        at=at,
    )
    return reconciliation.match(line=line, target=outcome, amount=amount, by=by, at=at)
