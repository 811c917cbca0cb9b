"""What a court does with a deposit: it comes back to the funds it was taken from, or is lost."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from donations import ledger
from donations.currencies import written
from donations.ledger import Posting
from donations.models import AccountKey, BailOutcome, BankAccount, CostDocument, Entry, LegalCost

from .errors import AlreadyDone, NotEnoughMoney, WrongAccount, WrongDay, WrongState
from .posting import check_amount, post
from .setting_aside import move
from .shares import first_back, unspent


@transaction.atomic
def bail_returned(
    *,
    cost: LegalCost,
    amount: Decimal,
    into: BankAccount,
    happened_on: date,
    by: User,
    at: datetime,
    number: UUID | None = None,
) -> BailOutcome:
    """The court gave `amount` of the deposit back. It is released to the funds it came from, who gave last first.

    Raises AllocationError's kinds; with a `number` the caller made beforehand, the same fact sent twice is booked once.
    """
    cost = _checked(cost, amount, happened_on, number, at=at)
    if into.currency != cost.currency or into.closed_on:
        raise WrongAccount(
            _("Choose an open account in %(currency)s.") % {"currency": cost.currency}
        )
    row = BailOutcome.objects.create(
        number=number or uuid4(),
        cost=cost,
        kind=BailOutcome.Kind.RETURNED,
        amount=amount,
        currency=cost.currency,
        happened_on=happened_on,
        bank_account=into,
        by=by,
        at=at,
    )
    _book(row, Entry.Kind.BAIL_RETURNED, debit=AccountKey.bank(into))
    for fund, part in first_back(unspent(cost), amount):
        move(fund=fund, cost=cost, amount=part, is_release=True, by=by, at=at, number=None)
    return row


@transaction.atomic
def bail_forfeited(
    *,
    cost: LegalCost,
    amount: Decimal,
    document: CostDocument,
    happened_on: date,
    by: User,
    at: datetime,
    number: UUID | None = None,
) -> BailOutcome:
    """The court keeps `amount` of the deposit for good, by the ruling in `document`: the cost is paid with it."""
    cost = _checked(cost, amount, happened_on, number, at=at)
    row = BailOutcome.objects.create(
        number=number or uuid4(),
        cost=cost,
        kind=BailOutcome.Kind.FORFEITED,
        amount=amount,
        currency=cost.currency,
        happened_on=happened_on,
        document=document,
        by=by,
        at=at,
    )
    _book(row, Entry.Kind.BAIL_FORFEITED, debit=AccountKey.cost(cost))
    return row


def _checked(
    cost: LegalCost, amount: Decimal, happened_on: date, number: UUID | None, *, at: datetime
) -> LegalCost:
    check_amount(amount, cost.currency)
    if happened_on > at.date():
        raise WrongDay(_("The day lies in the future."))
    cost = LegalCost.objects.held(cost)
    if number and BailOutcome.objects.filter(number=number).exists():
        raise AlreadyDone(_("This was sent twice: it was done once."))
    if cost.kind != LegalCost.Kind.BAIL:
        raise WrongState(_("This cost is no bail."))
    held = ledger.balance(AccountKey.bail(cost))
    if amount > held:
        raise NotEnoughMoney(
            _("The court holds %(amount)s for this cost, not more.")
            % {"amount": written(held, cost.currency)}
        )
    if amount > (then := ledger.least_from(AccountKey.bail(cost), happened_on)):
        raise WrongDay(
            _("On that day the court held only %(amount)s of it: look when the bail was paid.")
            % {"amount": written(max(then, Decimal(0)), cost.currency)}
        )
    return cost


def _book(row: BailOutcome, kind: Entry.Kind, *, debit: AccountKey) -> None:
    post(
        Posting(
            kind=kind,
            debit=debit,
            credit=AccountKey.bail(row.cost),
            amount=row.amount,
            booked_on=row.happened_on,
            source=row.source,
        )
    )
