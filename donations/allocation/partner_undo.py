"""A payment to the partner recorded as paid that never left the bank: one person says so, another takes it back."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from donations import ledger
from donations.models import PartnerPayment

from .errors import AtTheBank, WrongFund, WrongState
from .partner import check_own_stakes, locked
from .undoing import ask, check_another, check_asked


@transaction.atomic
def request_partner_undo(
    payment: PartnerPayment, *, reason: str, by: User, at: datetime
) -> PartnerPayment:
    """Asks that it be taken back; nothing moves yet. Raises WrongState, AtTheBank, NoReason, Conflicted."""
    row = locked(payment)
    if not row.paid_at:
        raise WrongState(_("This payment is not recorded as paid: refuse it instead."))
    _check_not_at_the_bank(row)
    check_own_stakes(row, [by])
    ask(row, reason=reason, by=by, at=at)
    return row


@transaction.atomic
def keep_partner_payment(payment: PartnerPayment, *, by: User, at: datetime) -> PartnerPayment:
    """It was paid as recorded: ends the request, by whoever may decide or asked. Raises WrongState."""
    row = locked(payment)
    check_asked(row)
    row.ask(reason="", by=None, at=None)
    return row


@transaction.atomic
def undo_partner_payment(payment: PartnerPayment, *, by: User, at: datetime) -> PartnerPayment:
    """Reverses its entry, on the payment's own day, or on the first open one: the money is the fund's again.

    Raises WrongState, SamePerson, AtTheBank, Conflicted, WrongFund.
    """
    row = locked(payment)
    check_asked(row)
    check_another(row, by=by)
    _check_not_at_the_bank(row)
    check_own_stakes(row, [by])
    if row.fund.closed_on:
        raise WrongFund(_("“%(fund)s” is closed: open it again first.") % {"fund": row.fund})
    row.undone_by, row.undone_at, row.came_back_on = by, at, row.paid_on
    row.save(update_fields=["undone_by", "undone_at", "came_back_on"])
    entry = ledger.latest(row.entry_source)
    ledger.reverse(entry, by=by, reason=row.undo_reason, at=at, on=row.paid_on)
    return row


def _check_not_at_the_bank(row: PartnerPayment) -> None:
    if row.matches.standing().exists():
        raise AtTheBank(
            _(
                "A bank line shows this payment: it left. If that match is wrong, take it back first."
            )
        )
