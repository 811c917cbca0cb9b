"""What the rows of a file come to together: which fund or place they would take below zero, and where they are more than a
bank's first statement says was there."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.utils.translation import gettext as _

from .. import ledger, openings
from ..currencies import written
from ..models import AccountKey
from ..openings import Opening
from .fact import ZERO, PastFact


def names(facts: Iterable[PastFact]) -> dict[AccountKey, str]:
    """How the office calls each fund and each place of the facts."""
    named: dict[AccountKey, str] = {}
    for fact in facts:
        if fact.fund:
            named[AccountKey.fund(fact.fund, fact.currency)] = f"“{fact.fund}”"
            named[fact.place] = str(fact.bank_account or _("the cash box"))
    return named


def shortfalls(facts: Iterable[PastFact]) -> list[str]:
    """Nothing is booked that takes a fund, a bank account or the cash box below zero."""
    changes: dict[AccountKey, Decimal] = defaultdict(Decimal)
    named = names(facts)
    for fact in facts:
        if fact.fund:
            changes[AccountKey.fund(fact.fund, fact.currency)] += fact.moved
            changes[fact.place] += fact.moved
    return [
        _(
            "With these rows %(account)s would be %(amount)s below zero. Is a gift missing, or what was there before "
            "(a row of the kind opening)?"
        )
        % {"account": named[key], "amount": written(-after, key.currency)}
        for key, change in changes.items()
        if change < 0 and (after := ledger.balance(key) + change) < 0
    ]


def too_much_before(facts: Sequence[PastFact]) -> list[str]:
    """Of each bank account with an opening among the facts: not more than its first statement says that there was."""
    opened = {fact.bank_account for fact in facts if fact.is_opening and fact.bank_account}
    problems = []
    for account in sorted(opened, key=lambda account: account.code):
        if opening := openings.opening_of(account):
            # An opening counts whenever it is booked, all else up to the statement.
            coming = sum(
                (
                    fact.moved
                    for fact in facts
                    if fact.bank_account == account
                    and (fact.is_opening or fact.happened_on <= opening.day)
                ),
                ZERO,
            )
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
