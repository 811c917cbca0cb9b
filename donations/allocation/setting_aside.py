"""Set fund money aside for a legal cost, and release it again."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from donations import ledger
from donations.currencies import quantize, written
from donations.ledger import Posting
from donations.models import AccountKey, Allocation, Entry, Fund, LegalCost, Policy
from donations.reserves import Reserves

from .errors import AlreadyDone, NotEnoughMoney, WrongAmount, WrongFund, WrongState
from .posting import check_amount, post


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
    check_amount(amount, cost.currency)
    policy = Policy.objects.in_force(on=at.date())
    _check_serves(fund, cost, policy)
    cost = LegalCost.objects.held(cost)
    _check_new(number)
    if cost.ended_on:
        raise WrongState(_("This cost has ended: it takes no more money."))
    # A deposit that came back is not owed again.
    missing = cost.owed - cost.allocations.net() - cost.bail_outcomes.returned().total()
    if amount > missing:
        raise WrongAmount(
            _("Only %(amount)s of this cost is not set aside yet.")
            % {"amount": written(max(missing, Decimal(0)), cost.currency)}
        )
    _check_share(fund, cost, amount)
    made = move(fund=fund, cost=cost, amount=amount, is_release=False, by=by, at=at, number=number)
    _check_reserve(made, policy)
    return made


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
    check_amount(amount, cost.currency)
    cost = LegalCost.objects.held(cost)
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
    return move(fund=fund, cost=cost, amount=amount, is_release=True, by=by, at=at, number=number)


def _check_serves(fund: Fund, cost: LegalCost, policy: Policy | None) -> None:
    kinds = Policy.fund_kinds(policy)
    if fund.kind not in kinds:
        raise WrongFund(
            _("The fund's policy pays costs from other kinds of fund, not from one for %(kind)s.")
            % {"kind": fund.get_kind_display()}
        )
    serving = Fund.objects.serving(cost.case, cost.defendants(), kinds)
    if not serving.filter(pk=fund.pk).exists():
        raise WrongFund(
            _("The purpose of “%(fund)s” does not reach this cost: choose a fund of its case.")
            % {"fund": fund}
        )


def _check_share(fund: Fund, cost: LegalCost, amount: Decimal) -> None:
    """Money given for one defendant pays no more than that defendant's share."""
    if fund.defendant_id is None:
        return
    left = cost.shares_owed()[fund.defendant_id] - cost.allocations.given_by(fund)
    if amount > left:
        raise WrongAmount(
            _("“%(fund)s” is for one defendant, of whose share only %(amount)s is open.")
            % {"fund": fund, "amount": written(max(left, Decimal(0)), cost.currency)}
        )


def _check_reserve(made: Allocation, policy: Policy | None) -> None:
    """After the move, which holds the fund's account: the policy's reserve of a general fund is still there."""
    fund, currency = made.fund, made.cost.currency
    reserves = Reserves([fund], policy)
    if not reserves.general:
        return
    left = ledger.free(AccountKey.fund(fund, currency))
    # The move changed neither the policy's part nor what it is of: what was free and what was given, together.
    reserve = reserves.of(fund, left, currency)
    if left < reserve:
        free = left + made.amount
        usable = quantize(max(free - reserve, Decimal(0)), currency)
        raise NotEnoughMoney(
            _(
                "The policy keeps %(percent)s %% of a general fund in reserve: of the %(free)s free here %(reserve)s "
                "stays in reserve, so %(usable)s can be set aside."
            )
            % {
                "percent": f"{reserves.percent.normalize():f}",
                "free": written(free, currency),
                "reserve": written(free - usable, currency),
                "usable": written(usable, currency),
            }
        )


def _check_new(number: UUID | None) -> None:
    if number and Allocation.objects.filter(number=number).exists():
        raise AlreadyDone(_("This was sent twice: it was done once."))


def move(
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
    post(
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
