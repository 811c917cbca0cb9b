"""Ask to book what lay on a bank account before its first statement: a row of the past like any other, made from a form."""

import csv
import io
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from .. import ledger, openings
from ..currencies import quantize, written
from ..models import BankAccount, Fund, PastImport, PastRow
from . import booking
from .booking import PastError


class NothingMissing(PastError):
    """The books know all that was there, or the bank account held less than nothing."""


class TooMuch(PastError):
    """More than the first statement says was there and nobody has booked."""


def request_opening(
    *, account: BankAccount, fund: Fund, amount: Decimal, by: User, at: datetime
) -> PastImport:
    """Asks that `amount` of what the account held before its first statement be booked to `fund`; nothing is yet.

    It may be a part, the rest being another fund's. Raises NothingMissing, TooMuch and what booking.request raises.
    """
    opening = openings.opening_of(account)
    if opening is None or opening.missing <= 0:
        raise NothingMissing(_("The books know all that was on this account before its first statement."))  # fmt: skip
    if amount > opening.missing:
        raise TooMuch(
            _("Before its first statement the books miss %(amount)s on this account, not more.")
            % {"amount": written(opening.missing, account.currency)}
        )
    day = max(opening.day, ledger.open_from() or opening.day)
    before = PastRow.objects.filter(bank_account=account, kind=PastRow.Kind.OPENING).count()
    text = io.StringIO()
    # The id makes the same wish the same row: of two of them, only one can be booked.
    csv.writer(text).writerows(
        [
            ("kind", "date", "amount", "currency", "fund", "place", "id"),
            (
                PastRow.Kind.OPENING, day.isoformat(), f"{quantize(amount, account.currency):f}",
                account.currency, fund.code, account.code,
                f"opening {account.code} {fund.code} {before + 1}",
            ),
        ]
    )  # fmt: skip
    name = _("Opening balance of %(account)s") % {"account": account}
    return booking.request(text.getvalue(), name=name, by=by, at=at)
