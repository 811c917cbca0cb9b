"""What the rows of a file come to together: which fund or place they would take below zero, and where they are more than a
bank's first statement says was there."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from .. import ledger, openings
from ..currencies import written
from ..models import AccountKey, BankAccount, PastRow
from ..openings import Opening

if TYPE_CHECKING:
    from .reading import PastFact


def _moved(fact: "PastFact") -> Decimal:
    """By how much it raises, or lowers, its fund and its place."""
    return -fact.amount if fact.kind is PastRow.Kind.PAYMENT else fact.amount - fact.fee


def names(facts: Iterable["PastFact"]) -> dict[AccountKey, str]:
    """How the office calls each fund and each place of the facts."""
    named: dict[AccountKey, str] = {}
    for fact in facts:
        if fact.fund:
            named[AccountKey.fund(fact.fund, fact.currency)] = f"“{fact.fund}”"
            named[fact.place] = str(fact.bank_account or _("the cash box"))
    return named


def shortfalls(facts: Iterable["PastFact"]) -> list[str]:
    """Nothing is booked that takes a fund, a bank account or the cash box below zero."""
    changes: dict[AccountKey, Decimal] = defaultdict(Decimal)
    named = names(facts)
    for fact in facts:
        if fact.fund:
            changes[AccountKey.fund(fact.fund, fact.currency)] += _moved(fact)
            changes[fact.place] += _moved(fact)
    return [
        _(
            "With these rows %(account)s would be %(amount)s below zero. Is a gift missing, or what was there before "
            "(a row of the kind opening)?"
        )
        % {"account": named[key], "amount": written(-after, key.currency)}
        for key, change in changes.items()
        if change < 0 and (after := ledger.balance(key) + change) < 0
    ]


def too_much_before(facts: Iterable["PastFact"]) -> list[str]:
    """Of each bank account with an opening among the facts: not more than its first statement says that there was."""
    changes: dict[BankAccount, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    opened = set()
    for fact in facts:
        if fact.bank_account:
            is_opening = fact.kind is PastRow.Kind.OPENING
            # An opening counts whenever it is booked, all else up to the statement.
            changes[fact.bank_account][date.min if is_opening else fact.happened_on] += _moved(fact)
            opened |= {fact.bank_account} if is_opening else set()
    problems = []
    for account in sorted(opened, key=lambda account: account.code):
        if opening := openings.opening_of(account):
            days = changes[account].items()
            coming = sum((moved for day, moved in days if day <= opening.day), Decimal(0))
            if coming > opening.missing:
                problems.append(more_than_stated(opening, opening.booked + coming))
    return problems


def more_than_stated(opening: Opening, booked: Decimal) -> str:
    return _(
        "With this the books would have %(booked)s on %(account)s before its first statement, which says that it was "
        "%(stated)s. Is a payment missing, or is something in it twice?"
    ) % {
        "booked": written(booked, opening.account.currency),
        "account": opening.account,
        "stated": written(opening.stated, opening.account.currency),
    }
