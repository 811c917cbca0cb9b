"""Whether a statement continues what was imported before: no gap, no line swallowed, no line doubled."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Max, Min, QuerySet
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from .. import openings
from ..currencies import written
from ..models import BankAccount, StatementImport
from .errors import ImportRefused


@dataclass(frozen=True)
class Stretch:
    """What a file says of its days, and those of its amounts that are not here yet."""

    first_on: date
    last_on: date
    opening: Decimal
    closing: Decimal
    new: tuple[Decimal, ...]


def check_continues(account: BankAccount, stretch: Stretch) -> None:
    """Refuse lines with which the account's known lines would not lead from its first balance to its last.

    The earliest opening balance, all lines since, and the latest closing balance must agree, whichever files they came
    from and however the files overlap. Files without balances are taken at their word. Raises ImportRefused.
    """
    earlier = account.imports.filter(
        new_lines__gt=0, opening_balance__isnull=False, closing_balance__isnull=False
    )
    span = earlier.aggregate(first=Min("first_on"), last=Max("last_on"))
    start = min(stretch.first_on, span["first"] or stretch.first_on)
    end = max(stretch.last_on, span["last"] or stretch.last_on)
    # Several files can begin or end on one day: any two that fit will do.
    openings = _balances(earlier.filter(first_on=start), "opening_balance")
    closings = _balances(earlier.filter(last_on=end), "closing_balance")
    if not stretch.new:
        goes_on = stretch.opening in closings and stretch.closing not in closings
        if goes_on and stretch.last_on == end:
            raise ImportRefused(_sentence(account, stretch, stretch.opening, stretch.closing))
        return
    openings |= {stretch.opening} if stretch.first_on == start else set()
    closings |= {stretch.closing} if stretch.last_on == end else set()
    total = sum(stretch.new, account.lines.filter(booked_on__range=(start, end)).total())
    if not any(begin + total == finish for begin in openings for finish in closings):
        raise ImportRefused(_sentence(account, stretch, min(openings) + total, max(closings)))


def check_after_opening(account: BankAccount, days: Iterable[date]) -> None:
    """Refuse new lines of days whose money is in an opening that is booked: they would count twice. Raises ImportRefused."""
    opened_on = openings.last_opening_on(account)
    if opened_on is None:
        return
    known = openings.first_statement(account)
    # What was there at the end of that day, where the first statement begins after it; else at its beginning.
    is_whole_day = bool(known and known.first_on and known.first_on > opened_on)
    early = [day for day in days if day < opened_on or (is_whole_day and day == opened_on)]
    if early:
        raise ImportRefused(
            _(
                "What was on %(account)s on %(day)s is booked as its opening balance: lines of %(early)s are in it "
                "already. Import statements that begin later."
            )
            % {"account": account, "day": plain_day(opened_on), "early": plain_day(min(early))}
        )


def _balances(imports: QuerySet[StatementImport], name: str) -> set[Decimal]:
    return {balance for balance in imports.values_list(name, flat=True) if balance is not None}


def _sentence(account: BankAccount, stretch: Stretch, reached: Decimal, stated: Decimal) -> str:
    before = (
        account.imports.filter(
            new_lines__gt=0, closing_balance__isnull=False, last_on__lte=stretch.first_on
        )
        .order_by("-last_on", "-pk")
        .first()
    )
    if before and before.last_on and before.closing_balance != stretch.opening:
        return _(
            "Something is missing between two statements: the last one closed on %(day)s with %(closing)s, "
            "this one opens on %(first)s with %(opening)s. Import the statement in between first."
        ) % {
            "day": plain_day(before.last_on),
            "closing": written(before.closing_balance or Decimal(0), account.currency),
            "first": plain_day(stretch.first_on),
            "opening": written(stretch.opening, account.currency),
        }
    return _(
        "With this file the account's lines would come to %(reached)s, but the bank's last balance is "
        "%(stated)s: %(difference)s is unaccounted for. Import the statements in the order of their days, without a gap."
    ) % {
        "reached": written(reached, account.currency),
        "stated": written(stated, account.currency),
        "difference": written(abs(stated - reached), account.currency),
    }
