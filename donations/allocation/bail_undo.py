"""What a court did with bail, recorded by mistake: one person says so, another takes it back; the books keep both."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from donations import ledger
from donations.models import BailOutcome, Entry, LegalCost
from donations.models.locks import hold

from .errors import WrongState
from .setting_aside import move
from .undoing import ask, check_another, check_asked


@transaction.atomic
def request_bail_undo(outcome: BailOutcome, *, reason: str, by: User, at: datetime) -> BailOutcome:
    """Asks that `outcome` be taken back; nothing moves yet. Raises WrongState, NoReason."""
    row = _held(outcome)
    ask(row, reason=reason, by=by, at=at)
    return row


@transaction.atomic
def keep_bail_outcome(outcome: BailOutcome, *, by: User, at: datetime) -> BailOutcome:
    """It stays as it was recorded: ends the request, by whoever may decide or asked. Raises WrongState."""
    row = _asked(outcome)
    row.ask(reason="", by=None, at=None)
    return row


@transaction.atomic
def undo_bail_outcome(outcome: BailOutcome, *, by: User, at: datetime) -> BailOutcome:
    """Reverses its entry: the court holds the amount again. What came back is set aside again from the funds it had gone to.

    What the court never kept is reversed on its own day. What came back had gone to funds until today.

    Raises SamePerson, WrongState; NotEnoughMoney and Frozen where a fund has spent it since.
    """
    # As by who says of a bank line that it is this.
    hold([f"bail {outcome.number}"])
    row = _asked(outcome)
    if row.matches.standing().exists():
        raise WrongState(_("A bank line is matched with it: take that match back first."))
    check_another(row, by=by)
    if row.cost.ended_on:
        raise WrongState(_("This cost has ended: open it again first."))
    # First, as what came back is not owed again.
    row.undone_by, row.undone_at = by, at
    row.save(update_fields=["undone_by", "undone_at"])
    if row.kind == BailOutcome.Kind.RETURNED:
        # The releases of one return are of its own instant and person.
        released = row.cost.allocations.filter(is_release=True, by=row.by_id, at=row.at)
        for part in released.select_related("fund").order_by("pk"):
            move(
                fund=part.fund, cost=row.cost, amount=part.amount, is_release=False, by=by, at=at,
                number=None,
            )  # fmt: skip
    entry = Entry.objects.get(source=row.source)
    day = None if row.kind == BailOutcome.Kind.RETURNED else row.happened_on
    ledger.reverse(entry, by=by, reason=row.undo_reason, at=at, on=day)
    return row


def _held(outcome: BailOutcome) -> BailOutcome:
    LegalCost.objects.held(outcome.cost)
    held = BailOutcome.objects.select_for_update(of=("self",))
    return held.select_related("cost").get(pk=outcome.pk)


def _asked(outcome: BailOutcome) -> BailOutcome:
    row = _held(outcome)
    check_asked(row)
    return row
