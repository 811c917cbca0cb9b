"""The balances of a month, held against what banks and Stripe say, or what a person read."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from donations import assertions, ledger
from donations.assertions import NotStated
from donations.models import Account, AccountKey, Assertion, Period

from .errors import NotReconciled, NotYet, PeriodError
from .turns import in_turn


def reconcile(period: Period, *, by: User, at: datetime) -> list[Assertion]:
    """Holds each balance at Stripe and at a bank against the books, as of the month's last day, and keeps what it found.

    The month is reconciled when all agree. Raises NotYet, AlreadyDone; NotReconciled with a sentence for each balance
    that does not, after what was found is kept.
    """
    with transaction.atomic():
        period = in_turn(period, at=at)
        if not period.verified_at:
            raise NotYet(_("Verify the totals first."))
        made, missing = _assert_balances(period, by=by, at=at)
        sentences = missing + [why for each in made if (why := assertions.failing(each))]
        done = not sentences
        period.reconciled_at, period.reconciled_by = (at, by) if done else (None, None)
        period.save(update_fields=["reconciled_at", "reconciled_by"])
    if sentences:
        raise NotReconciled(" ".join(sentences))
    return made


def _assert_balances(
    period: Period, *, by: User, at: datetime
) -> tuple[list[Assertion], list[str]]:
    day = period.last_day
    typed = {each.account_id: each for each in _typed(period)}
    accounts = {account.pk: account for account in assertions.accounts_at(day)}
    accounts |= {each.account_id: each.account for each in typed.values()}
    made, missing = [], []
    for account in accounts.values():
        try:
            said = assertions.stated(account, day) if account.place != Account.Place.CASH else None
        except NotStated as nobody:
            said = None
            if account.pk not in typed:
                missing.append(str(nobody))
                continue
        made.append(_keep(period, account, said, typed.get(account.pk), by=by, at=at))
    return made, missing


def _typed(period: Period) -> Iterator[Assertion]:
    of_people = period.assertions.filter(basis=Assertion.Basis.TYPED)
    yield from of_people.select_related("account__bank_account")


def _keep(
    period: Period,
    account: Account,
    said: assertions.Stated | None,
    typed: Assertion | None,
    *,
    by: User,
    at: datetime,
) -> Assertion:
    """What a statement says counts before what a person read."""
    found = assertions.items(account, period.last_day)
    values = {
        "booked": ledger.balance_on(AccountKey.of(account), period.last_day),
        "explained": sum((item.amount for item in found), Decimal(0)),
        "items": [
            {"what": item.what, "name": item.name, "amount": f"{item.amount.normalize():f}"}
            for item in found
        ],
    }
    if said:
        values |= {"stated": said.amount, "basis": said.basis, "statement": said.statement}
        values |= {"made_by": by, "made_at": at}
    elif typed is None:
        raise NotYet(_("Type the balance first."))
    made, _is_new = Assertion.objects.update_or_create(
        period=period, account=account, defaults=values
    )
    return made


@transaction.atomic
def state_balance(
    period: Period, *, account: Account, stated: Decimal, by: User, at: datetime
) -> Assertion:
    """A person read the balance of a bank account, or counted the cash, at the end of the month; reconcile again after it.

    Raises NotYet, AlreadyDone; PeriodError when the bank's own statements say it.
    """
    period = in_turn(period, at=at)
    if account.place not in {Account.Place.BANK, Account.Place.CASH}:
        raise PeriodError(_("Only the balance of a bank account or of the cash box is typed."))
    try:
        if account.place == Account.Place.BANK and assertions.stated(account, period.last_day):
            raise PeriodError(_("The bank's own statement says the balance: it is not typed."))
    except NotStated:
        pass
    Assertion.objects.filter(period=period, account=account).delete()
    typed = Assertion.objects.create(
        period=period,
        account=account,
        basis=Assertion.Basis.TYPED,
        stated=stated,
        booked=Decimal(0),
        explained=Decimal(0),
        made_by=by,
        made_at=at,
    )
    period.reconciled_at, period.reconciled_by = None, None
    period.save(update_fields=["reconciled_at", "reconciled_by"])
    return _keep(period, account, None, typed, by=by, at=at)
