"""What every decision over fund money has in common: an amount that is one, and the database's answer in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.utils.translation import gettext as _

from donations import ledger
from donations.currencies import is_exact, written
from donations.ledger import Posting
from donations.models import AccountKey

from .errors import Frozen, NotEnoughMoney, WrongAmount


def post(posting: Posting) -> None:
    with answered(posting.debit):
        ledger.post(posting)


@contextmanager
def answered(giver: AccountKey) -> Iterator[None]:
    """Says in words why the database lets no money out of `giver`. Raises NotEnoughMoney, Frozen."""
    try:
        yield
    except ledger.NotEnough as error:
        raise NotEnoughMoney(
            _("Only %(amount)s is free there: choose a smaller amount or another fund.")
            % {"amount": written(ledger.free(giver), giver.currency)}
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
