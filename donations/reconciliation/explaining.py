"""Money that left the bank and is no payment of ours: one person says what it was, another approves, and only then it counts."""

from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from ..models import LineExplanation, StatementLine, StatementMatch
from . import facts
from .errors import AlreadyMatched, DoesNotFit, ReconciliationError
from .matches import (
    BetweenLess,
    Charge,
    Less,
    Returned,
    check_undoes,
    explain,
    match,
    undoing,
)
from .parts import open_part

# What may be asked for; None is what is not booked.
Asked = Charge | Returned | Less | BetweenLess | None


class SamePerson(ReconciliationError):
    """Who asked for it does not approve it."""


@transaction.atomic
def request_explanation(
    *,
    line: StatementLine,
    target: Asked = None,
    explanation: str = "",
    amount: Decimal | None = None,
    by: User,
    at: datetime,
) -> LineExplanation:
    """Asks that the line, or the part `amount` of it, be taken for `target`; nothing is matched or booked yet.

    What is not booked needs an `explanation`. Raises AlreadyMatched, DoesNotFit.
    """
    part = open_part(line, amount)
    if other := part.line.explanations.undecided().select_related("requested_by").first():
        raise AlreadyMatched(
            _("%(person)s has said what this line is, and another person is to decide on that.")
            % {"person": other.requested_by.get_username()}
        )
    row = LineExplanation(
        line=part.line,
        amount=part.amount,
        explanation=explanation.strip() or _words(target),
        requested_by=by,
        requested_at=at,
    )
    if not row.explanation:
        raise DoesNotFit(_("Say in a few words what the line is."))
    _aim(row, target, at=at)
    if row.amount > 0 and not (row.payout or row.own_transfer):
        raise DoesNotFit(_("Money came in on this line: no other person has to approve it."))
    row.save()
    return row


def _words(target: Asked) -> str:
    match target:
        case Returned(earlier):
            return undoing(earlier)
        case None:
            return ""
    return _("Bank fee")


def _aim(row: LineExplanation, target: Asked, *, at: datetime) -> None:
    match target:
        case Charge(fund):
            row.fund = fund
        case Returned(earlier):
            check_undoes(row.line, earlier)
            row.returns, row.amount = earlier, row.line.amount
        case Less(payout, fund):
            row.payout, row.fund = payout, fund
        case BetweenLess(transfer, fund):
            row.own_transfer, row.fund = transfer, fund
    if row.fund:
        facts.check_bears(row.fund, at=at)


@transaction.atomic
def approve_explanation(row: LineExplanation, *, by: User, at: datetime) -> StatementMatch:
    """Matches the line as it was explained, in the name of who did. Raises SamePerson, AlreadyMatched, DoesNotFit."""
    row = _undecided(row)
    if row.requested_by_id == by.pk:
        raise SamePerson(_("You explained this yourself: another person must approve it."))
    row.approved_by, row.approved_at = by, at
    row.save(update_fields=["approved_by", "approved_at"])
    target = _target(row)
    if target is None or isinstance(target, Charge):
        return explain(
            line=row.line,
            explanation=row.explanation,
            fund=row.fund,
            amount=row.amount,
            by=row.requested_by,
            at=at,
            proposal=row,
        )
    return match(
        line=row.line, target=target, amount=row.amount, by=row.requested_by, at=at, proposal=row
    )


def _target(row: LineExplanation) -> Asked:
    if row.returns:
        return Returned(row.returns)
    if row.fund is None:
        return None
    if row.payout:
        return Less(row.payout, row.fund)
    return BetweenLess(row.own_transfer, row.fund) if row.own_transfer else Charge(row.fund)


@transaction.atomic
def refuse_explanation(
    row: LineExplanation, *, reason: str, by: User, at: datetime
) -> LineExplanation:
    """Ends the request, by anyone who may approve it; or withdraws it, by who asked for it."""
    row = _undecided(row)
    if not reason.strip():
        raise ReconciliationError(_("Say why: who explained it will want to know."))
    row.refused_by, row.refused_at, row.refusal_reason = by, at, reason.strip()
    row.save(update_fields=["refused_by", "refused_at", "refusal_reason"])
    return row


def _undecided(explanation: LineExplanation) -> LineExplanation:
    # The line first, as by who asks for it.
    StatementLine.objects.select_for_update().get(pk=explanation.line_id)
    held = LineExplanation.objects.select_for_update(of=("self",))
    row = held.select_related("line", "fund", "returns", "requested_by").get(pk=explanation.pk)
    if row.approved_at or row.refused_at:
        raise AlreadyMatched(_("This is decided already."))
    return row
