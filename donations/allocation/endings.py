"""End a legal cost that needs no more money; what was set aside for it goes back to the funds it came from."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from donations import ledger
from donations.models import AccountKey, LegalCost

from .errors import WrongState
from .setting_aside import move
from .shares import unspent


@transaction.atomic
def end_cost(cost: LegalCost, *, ending: LegalCost.Ending, by: User, at: datetime) -> LegalCost:
    """Releases all that is set aside and not paid, each fund's own part, and takes no more money. Raises WrongState."""
    cost = LegalCost.objects.held(cost)
    if cost.ended_on:
        raise WrongState(_("This cost has ended already."))
    if cost.disbursements.open().exists():
        raise WrongState(_("A payment is asked for: refuse it first, or wait until it is paid."))
    if ledger.balance(AccountKey.bail(cost)):
        raise WrongState(
            _("A court still holds the deposit: record first whether it gave it back or kept it.")
        )
    for fund, part in unspent(cost):
        move(fund=fund, cost=cost, amount=part, is_release=True, by=by, at=at, number=None)
    cost.ending, cost.ended_on, cost.ended_by = ending, at.date(), by
    cost.save(update_fields=["ending", "ended_on", "ended_by"])
    return cost


@transaction.atomic
def reopen_cost(cost: LegalCost, *, by: User, at: datetime) -> LegalCost:
    """It needs money after all, which is then set aside anew. Raises WrongState."""
    cost = LegalCost.objects.held(cost)
    if not cost.ended_on:
        raise WrongState(_("This cost has not ended."))
    cost.ending, cost.ended_on, cost.ended_by = "", None, None
    cost.save(update_fields=["ending", "ended_on", "ended_by"])
    return cost
