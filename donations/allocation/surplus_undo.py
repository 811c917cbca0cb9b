"""The move of a surplus that was wrong: one person says so, another takes it back; the books keep both."""

from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext as _

from donations import ledger
from donations.currencies import written
from donations.models import AccountKey, Entry, SurplusMove

from .errors import NotEnoughMoney, WrongFund, WrongState
from .posting import answered
from .undoing import ask, check_another, check_asked


@transaction.atomic
def request_surplus_undo(move: SurplusMove, *, reason: str, by: User, at: datetime) -> SurplusMove:
    """Asks that the money go back to the fund it came from; nothing moves yet.

    Raises WrongState, NoReason, WrongFund; NotEnoughMoney where not all of it is there.
    """
    row = _held(move)
    if not row.approved_at:
        raise WrongState(_("This is not approved: refuse it instead."))
    ask(row, reason=reason, by=by, at=at)
    _check_can_go_back(row)
    return row


@transaction.atomic
def keep_surplus(move: SurplusMove, *, by: User, at: datetime) -> SurplusMove:
    """It stays moved: ends the request, by whoever may decide or asked. Raises WrongState."""
    row = _held(move)
    check_asked(row)
    row.ask(reason="", by=None, at=None)
    return row


@transaction.atomic
def undo_surplus(move: SurplusMove, *, by: User, at: datetime) -> SurplusMove:
    """Reverses its entry, and each gift's money is back where it was. The database refuses the same (the migration "surplus_undo").

    Raises SamePerson, WrongState, WrongFund, Frozen; NotEnoughMoney where not all of it is there.
    """
    row = _held(move)
    check_asked(row)
    check_another(row, by=by)
    _check_can_go_back(row)
    row.undone_by, row.undone_at = by, at
    row.save(update_fields=["undone_by", "undone_at"])
    entry = Entry.objects.get(source=row.entry_source)
    with answered(AccountKey.fund(row.target, row.currency)):
        ledger.reverse(entry, by=by, reason=row.undo_reason, at=at)
    return row


def _held(move: SurplusMove) -> SurplusMove:
    return (
        SurplusMove.objects.select_for_update(of=("self",))
        .select_related("source", "target")
        .get(pk=move.pk)
    )


def _check_can_go_back(row: SurplusMove) -> None:
    if row.source.closed_on:
        raise WrongFund(_("“%(fund)s” is closed: open it again first.") % {"fund": row.source})
    left = _moved_and_left(row)
    if left < row.amount:
        raise NotEnoughMoney(
            _(
                "Only %(left)s of it is still free in “%(fund)s”. What was spent of it cannot come back; what is set aside "
                "of it can be released first."
            )
            % {"left": written(left, row.currency), "fund": row.target}
        )


def _moved_and_left(row: SurplusMove) -> Decimal:
    """What of the money that came from one fund to the other is still free there; both are held until the end."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT donations_moved_and_left(%s, %s, %s)",
            [row.source_id, row.target_id, row.currency],
        )
        return Decimal(cursor.fetchone()[0])
