"""A payment recorded as paid whose money never left the bank: one person says so, another takes it back; the books keep both."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from donations import ledger
from donations.models import AccountKey, Disbursement, LegalCost

from .checks import check_own_stakes, locked
from .errors import AtTheBank, NoReason, SamePerson, WrongState


@transaction.atomic
def doubt(disbursement: Disbursement, *, reason: str, by: User, at: datetime) -> Disbursement:
    """Asks that the payment be taken back; nothing moves yet. Raises WrongState, AtTheBank, NoReason, Conflicted."""
    row = locked(disbursement)
    if not row.paid_at:
        raise WrongState(_("This payment is not recorded as paid: refuse it instead."))
    if why := row.why_not_asked:
        raise WrongState(why)
    _check_not_at_the_bank(row)
    if not reason.strip():
        raise NoReason(_("Say how you know that the money never left."))
    check_own_stakes(row.payee_account, row.cost, [by])
    row.ask(reason=reason.strip(), by=by, at=at)
    return row


@transaction.atomic
def keep(disbursement: Disbursement, *, by: User, at: datetime) -> Disbursement:
    """It was paid as recorded: ends the request, by whoever may decide or asked. Raises WrongState."""
    row = locked(disbursement)
    if why := row.why_not_decided:
        raise WrongState(why)
    row.ask(reason="", by=None, at=None)
    return row


@transaction.atomic
def take_back(disbursement: Disbursement, *, by: User, at: datetime) -> Disbursement:
    """Reverses its entry, on the payment's own day, or on the first open one: the money is set aside for the cost again.

    The payment stays as one that never left, and is asked for anew; what it settled in UMA is owed again.
    Raises WrongState, SamePerson, AtTheBank, Conflicted.
    """
    # Before the payment, as by who ends the cost or says what a court did.
    cost = LegalCost.objects.held(disbursement.cost)
    row = locked(disbursement)
    if why := row.why_not_decided:
        raise WrongState(why)
    if why := row.why_not_by(by):
        raise SamePerson(why)
    _check_not_at_the_bank(row)
    check_own_stakes(row.payee_account, cost, [by])
    if cost.ended_on:
        raise WrongState(_("This cost has ended: open it again first."))
    if cost.kind == LegalCost.Kind.BAIL and ledger.balance(AccountKey.bail(cost)) < row.amount:
        raise WrongState(
            _(
                "By what is recorded a court gave back, or kept, some of this deposit: take that back first, on the cost's page."
            )
        )
    row.undone_by, row.undone_at, row.came_back_on = by, at, row.paid_on
    row.save(update_fields=["undone_by", "undone_at", "came_back_on"])
    entry = ledger.latest(f"disbursement:{row.number}")
    ledger.reverse(entry, by=by, reason=row.undo_reason, at=at, on=row.paid_on)
    return row


def _check_not_at_the_bank(row: Disbursement) -> None:
    if row.matches.standing().exists():
        raise AtTheBank(
            _(
                "A bank line shows this payment: it left. If that match is wrong, take it back first."
            )
        )
