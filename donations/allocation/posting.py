"""What every decision over fund money has in common: an amount that is one, and the database's answer in words."""

from decimal import Decimal

from django.utils.translation import gettext as _

from donations import ledger
from donations.currencies import is_exact, written
from donations.ledger import Posting

from .errors import Frozen, NotEnoughMoney, WrongAmount


def post(posting: Posting) -> None:
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
            _("This money was taken below zero and is frozen until two people free it.")
        ) from error


def check_amount(amount: Decimal, currency: str) -> None:
    if amount <= 0:
        raise WrongAmount(_("The amount must be above zero."))
    if not is_exact(amount, currency):
        raise WrongAmount(_("%(currency)s has no such small parts.") % {"currency": currency})
