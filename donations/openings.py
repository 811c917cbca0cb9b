"""READ: what lay on a bank account before its first statement here, and what of that the books do not know.

The earliest statement that says a balance says what was there before. The rest of it is booked like all else of the past
(donations/past): to a named fund, by two people.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Sum

from . import assertions, ledger
from .models import Account, AccountKey, BankAccount, PastRow, StatementImport

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Opening:
    """`stated` by the first statement for the end of `day`, the day before it begins; `booked` of it so far."""

    account: BankAccount
    day: date
    stated: Decimal
    booked: Decimal

    @property
    def missing(self) -> Decimal:
        """What the books do not know; below zero, where they have more than there was."""
        return self.stated - self.booked


def first_statement(account: BankAccount) -> StatementImport | None:
    """The earliest one that says its balances and days."""
    told = account.imports.filter(
        opening_balance__isnull=False, closing_balance__isnull=False, first_on__isnull=False
    )
    return told.order_by("first_on", "pk").first()


def opening_of(account: BankAccount) -> Opening | None:
    """None as long as no statement says what was there."""
    first = first_statement(account)
    if first is None or first.first_on is None:
        return None
    return _opening(account, first.first_on, first.opening_balance or NOTHING)


def opening_with(account: BankAccount, first_on: date, stated: Decimal) -> Opening | None:
    """What it would be after a statement from `first_on` that opens with `stated`; None when an earlier one is known."""
    first = first_statement(account)
    if first and first.first_on and first.first_on <= first_on:
        return None
    return _opening(account, first_on, stated)


def _opening(account: BankAccount, first_on: date, stated: Decimal) -> Opening:
    day, key = first_on - timedelta(days=1), AccountKey.bank(account)
    booked = ledger.balance_on(key, day) + _booked_later(account, day)
    row = Account.objects.filter(code=key.code).select_related("bank_account").first()
    if row and booked != stated:
        # What the bank moved on the other side of that day than the books say explains the rest.
        booked += sum((item.amount for item in assertions.items(row, day)), NOTHING)
    return Opening(account, day, stated, booked)


def _booked_later(account: BankAccount, day: date) -> Decimal:
    """Openings of which the month was closed already."""
    rows = PastRow.objects.filter(
        bank_account=account, kind=PastRow.Kind.OPENING, happened_on__gt=day
    )
    return rows.aggregate(sum=Sum("amount"))["sum"] or NOTHING


def missing() -> Iterator[Opening]:
    """Of each account of which the books do not know all that was there, or know too much."""
    for account in BankAccount.objects.filter(imports__opening_balance__isnull=False).distinct():
        opening = opening_of(account)
        if opening and opening.missing:
            yield opening


def last_opening_on(account: BankAccount) -> date | None:
    """The day of the latest opening that is booked: what came before it is in it."""
    rows = PastRow.objects.filter(bank_account=account, kind=PastRow.Kind.OPENING)
    return rows.order_by("-happened_on").values_list("happened_on", flat=True).first()
