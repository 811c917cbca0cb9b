"""Set fund money aside for a legal cost, release it again, and cover a fund that facts took below zero."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from . import ledger
from .currencies import is_exact, written
from .ledger import Posting
from .models import Account, AccountKey, Allocation, Entry, Fund, FundCover, LegalCost


class AllocationError(Exception):
    """A decision over fund money that is refused; the message is a sentence for the office."""


class WrongFund(AllocationError):
    """The fund's purpose does not reach this cost, or the fund needs no cover."""


class WrongAmount(AllocationError):
    """Not above zero, finer than the currency, or more than the cost still lacks or holds."""


class NotEnoughMoney(AllocationError):
    """The fund, or the cost, has not that much free."""


class Frozen(AllocationError):
    """A fact took the fund below zero, and two people have not covered it yet."""


class NoReason(AllocationError):
    """A cover is asked for, and refused, with a reason."""


class SamePerson(AllocationError):
    """Two different people must decide."""


class WrongState(AllocationError):
    """The step does not fit: approved or refused already."""


class AlreadyDone(AllocationError):
    """The same decision was sent twice; it was carried out once."""


@transaction.atomic
def allocate(
    *,
    fund: Fund,
    cost: LegalCost,
    amount: Decimal,
    by: User,
    at: datetime,
    number: UUID | None = None,
) -> Allocation:
    """Sets `amount` (in the cost's currency) of `fund` aside for `cost`. Raises AllocationError's kinds.

    With a `number` the caller made beforehand, the same decision sent twice is carried out once (AlreadyDone).
    """
    _check_amount(amount, cost.currency)
    if not Fund.objects.serving(cost.case, cost.defendant).filter(pk=fund.pk).exists():
        raise WrongFund(
            _("The purpose of “%(fund)s” does not reach this cost: choose a fund of its case.")
            % {"fund": fund}
        )
    cost = _locked(cost)
    _check_new(number)
    missing = cost.owed - cost.allocations.net()
    if amount > missing:
        raise WrongAmount(
            _("Only %(amount)s of this cost is not set aside yet.")
            % {"amount": written(missing, cost.currency)}
        )
    return _move(fund=fund, cost=cost, amount=amount, is_release=False, by=by, at=at, number=number)


@transaction.atomic
def release(
    *,
    fund: Fund,
    cost: LegalCost,
    amount: Decimal,
    by: User,
    at: datetime,
    number: UUID | None = None,
) -> Allocation:
    """Gives `amount` that `fund` set aside for `cost` back to it. Raises AllocationError's kinds; `number` as in `allocate`."""
    _check_amount(amount, cost.currency)
    cost = _locked(cost)
    _check_new(number)
    given = cost.allocations.given_by(fund)
    if amount > given:
        raise WrongAmount(
            _("“%(fund)s” has %(amount)s set aside here, not more.")
            % {"fund": fund, "amount": written(given, cost.currency)}
        )
    # Asked for first: what is paid between the two reads is then counted twice, never missed.
    spoken_for = cost.disbursements.open().total()
    free = ledger.free(AccountKey.cost(cost)) - spoken_for
    if amount > free:
        raise NotEnoughMoney(
            _("Only %(amount)s of this cost is neither paid nor asked for.")
            % {"amount": written(free, cost.currency)}
        )
    return _move(fund=fund, cost=cost, amount=amount, is_release=True, by=by, at=at, number=number)


def _locked(cost: LegalCost) -> LegalCost:
    """Held until the end, so that two people cannot together set aside, or release, more than there is."""
    return LegalCost.objects.select_for_update(no_key=True).get(pk=cost.pk)


def _check_new(number: UUID | None) -> None:
    if number and Allocation.objects.filter(number=number).exists():
        raise AlreadyDone(_("This was sent twice: it was done once."))


def _move(
    *,
    fund: Fund,
    cost: LegalCost,
    amount: Decimal,
    is_release: bool,
    by: User,
    at: datetime,
    number: UUID | None,
) -> Allocation:
    made = Allocation.objects.create(
        number=number or uuid4(),
        fund=fund,
        cost=cost,
        amount=amount,
        is_release=is_release,
        by=by,
        at=at,
    )
    here, there = AccountKey.fund(fund, cost.currency), AccountKey.cost(cost)
    if is_release:
        here, there = there, here
    _post(
        Posting(
            kind=Entry.Kind.RELEASE if is_release else Entry.Kind.ALLOCATION,
            debit=here,
            credit=there,
            amount=amount,
            booked_on=at.date(),
            source=f"allocation:{made.number}",
        )
    )
    return made


def _post(posting: Posting) -> None:
    try:
        ledger.post(posting)
    except ledger.NotEnough as error:
        free = ledger.free(posting.debit)
        raise NotEnoughMoney(
            _("Only %(amount)s is free there: choose a smaller amount or another fund.")
            % {"amount": written(free, posting.debit.currency)}
        ) from error
    except ledger.Frozen as error:
        raise Frozen(
            _("This money was taken below zero and is frozen until two people cover it.")
        ) from error


def _check_amount(amount: Decimal, currency: str) -> None:
    if amount <= 0:
        raise WrongAmount(_("The amount must be above zero."))
    if not is_exact(amount, currency):
        raise WrongAmount(_("%(currency)s has no such small parts.") % {"currency": currency})


def request_cover(
    *,
    source: Fund,
    target: Fund,
    amount: Decimal,
    currency: str,
    reason: str,
    by: User,
    at: datetime,
) -> FundCover:
    """Asks that `amount` of `source` cover `target`, which is frozen; moves nothing until another person approves."""
    _check_amount(amount, currency)
    if source == target:
        raise WrongFund(_("A fund cannot cover itself."))
    _check_needs_cover(target, currency)
    if not reason.strip():
        raise NoReason(_("Say why this fund covers the other: it is shown with the decision."))
    return FundCover.objects.create(
        source=source,
        target=target,
        amount=amount,
        currency=currency,
        reason=reason,
        requested_by=by,
        requested_at=at,
    )


@transaction.atomic
def approve_cover(cover: FundCover, *, by: User, at: datetime) -> FundCover:
    """Moves the money; the database lifts the freeze when the covered fund is at zero or above again."""
    cover = (
        FundCover.objects.select_for_update(of=("self",))
        .select_related("source", "target")
        .get(pk=cover.pk)
    )
    _check_undecided(cover)
    if cover.requested_by_id == by.pk:
        raise SamePerson(_("You asked for this yourself: another person must approve it."))
    _check_needs_cover(cover.target, cover.currency)
    cover.approved_by, cover.approved_at = by, at
    cover.save(update_fields=["approved_by", "approved_at"])
    _post(
        Posting(
            kind=Entry.Kind.COVER,
            debit=AccountKey.fund(cover.source, cover.currency),
            credit=AccountKey.fund(cover.target, cover.currency),
            amount=cover.amount,
            booked_on=at.date(),
            source=f"cover:{cover.number}",
        )
    )
    return cover


@transaction.atomic
def refuse_cover(cover: FundCover, *, reason: str, by: User, at: datetime) -> FundCover:
    """Ends the request, by anyone who may approve it; or withdraws it, by who asked for it."""
    cover = FundCover.objects.select_for_update().get(pk=cover.pk)
    _check_undecided(cover)
    if not reason.strip():
        raise NoReason(_("Say why: who asked for it will want to know."))
    cover.refused_by, cover.refused_at, cover.refusal_reason = by, at, reason.strip()
    cover.save(update_fields=["refused_by", "refused_at", "refusal_reason"])
    return cover


def _check_undecided(cover: FundCover) -> None:
    if cover.approved_at:
        raise WrongState(_("This is approved already."))
    if cover.refused_at:
        raise WrongState(_("This was refused: ask for another."))


def _check_needs_cover(fund: Fund, currency: str) -> None:
    """A cover is no way around a fund's purpose: only what facts took below zero is covered."""
    if not Account.objects.frozen().filter(fund=fund, currency=currency).exists():
        raise WrongFund(
            _("“%(fund)s” is not frozen in %(currency)s: there is nothing to cover.")
            % {"fund": fund, "currency": currency}
        )
