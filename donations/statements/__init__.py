"""Bank files to rows: pure functions over bytes, no models, no network. What cannot be read is refused, never skipped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from defensefund.templatetags.formats import MINUS, exact_number, money
from donations.currencies import is_exact

# By which rule a row of a file is left out, in words.
WHY_LEFT_OUT = {
    "pending": gettext_lazy("not booked yet"),
    "rule": gettext_lazy("left out by the account's rules"),
    "repeated": gettext_lazy("listed before"),
    "empty": gettext_lazy("moves no money"),
    "unnamed": gettext_lazy(
        "it does not say of which line it tells: the bank's reference (AcctSvcrRef) is missing, and no line here, or more than one, fits it by day and amount"
    ),
    "otherwise": gettext_lazy("an earlier notification divided the same line otherwise"),
}
# What banks write where they have no reference to write.
NO_REFERENCE = frozenset({"NOTPROVIDED", "NOT PROVIDED", "NOREF", "NONREF"})


class UnreadableStatement(ValueError):
    """The file cannot be taken as it is. The message is a sentence for the person who uploaded it: where, what, how to mend."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class UnbalancedStatement(UnreadableStatement):
    """The file can be read, but its own figures contradict each other: a line is missing, doubled or changed."""


# Not a frozen dataclass, which takes four times as long to make: files hold many rows.
class StatementRow(NamedTuple):
    """One booked movement of the account, money in positive. `line` says where it stands in the file.

    `amount` and `currency` are what moved the account. Where the bank booked in another currency and says the account's
    value beside it, `stated_amount` and `stated_currency` keep what the file states; else they are None and "".
    """

    line: int
    booked_on: date
    value_on: date
    amount: Decimal
    currency: str
    counterparty: str = ""
    counterparty_account: str = ""
    text: str = ""
    references: tuple[str, ...] = ()
    bank_id: str = ""
    is_reversal: bool = False
    # How many payments the bank put into this one movement without saying which.
    batch_of: int = 1
    stated_amount: Decimal | None = None
    stated_currency: str = ""
    # What the bank calls the whole movement, the surest first, beside `bank_id`.
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Balance:
    amount: Decimal
    on: date | None = None


@dataclass(frozen=True)
class LeftOut:
    """A row of the file that is not taken, and which rule says so, by its name in WHY_LEFT_OUT."""

    line: int
    reason: str
    text: str = ""

    @property
    def why(self) -> str:
        return str(WHY_LEFT_OUT[self.reason])


@dataclass(frozen=True)
class Statement:
    """The booked rows of one account in one currency, oldest first, and the balances the file states for it.

    `account` is what the file calls the account ("" when it does not say), `kind` is "statement", "interim" (its lines
    come again in the statement) or "notification" (so does its money, booked otherwise). `reaches` is the last day of its rows,
    where it says so: a balance of a later day has more in it.
    """

    account: str
    currency: str
    rows: tuple[StatementRow, ...]
    opening: Balance | None = None
    closing: Balance | None = None
    left_out: tuple[LeftOut, ...] = ()
    kind: str = "statement"
    number: str = ""
    reaches: date | None = None

    @property
    def total(self) -> Decimal:
        return sum((row.amount for row in self.rows), Decimal(0))


def difference(statement: Statement) -> Decimal | None:
    """Closing balance less opening balance and rows: zero when the statement adds up, None when it states no balances."""
    if statement.opening is None or statement.closing is None:
        return None
    return statement.closing.amount - statement.opening.amount - statement.total


def check_balance(statement: Statement) -> None:
    """Refuse a statement whose opening balance and rows do not give its closing balance.

    Raises UnbalancedStatement with the difference.
    """
    gap = difference(statement)
    if not gap or statement.opening is None or statement.closing is None:
        return
    raise UnbalancedStatement(
        _(
            "The statement does not add up: it opens with %(opening)s, its lines come to %(total)s, but it closes with "
            "%(closing)s. %(difference)s is unaccounted for. Download the statement again, whole, from your bank."
        )
        % {
            "opening": in_words(statement.opening.amount, statement.currency),
            "total": in_words(statement.total, statement.currency),
            "closing": in_words(statement.closing.amount, statement.currency),
            "difference": in_words(abs(gap), statement.currency),
        }
    )


def check_chain(statements: Sequence[Statement]) -> None:
    """Refuse statements of one file where one does not open with what the one before it closed with.

    Raises UnbalancedStatement.
    """
    last: dict[tuple[str, str], Statement] = {}
    for statement in statements:
        before = last.get((statement.account, statement.currency))
        if (
            before
            and before.closing
            and statement.opening
            and before.closing.amount != statement.opening.amount
        ):
            raise UnbalancedStatement(
                _(
                    "Between two statements in this file money is missing: one closes with %(closing)s, the "
                    "next opens with %(opening)s. Ask your bank for the statement in between."
                )
                % {
                    "closing": in_words(before.closing.amount, statement.currency),
                    "opening": in_words(statement.opening.amount, statement.currency),
                }
            )
        if statement.closing is not None:
            last[statement.account, statement.currency] = statement


def references_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The references among `texts`, each once: banks write words of their own where they have none."""
    return tuple(dict.fromkeys(text for text in texts if text and text.upper() not in NO_REFERENCE))


def plain(amount: Decimal) -> str:
    """The amount in digits, the same in every language: a point for decimals, no grouping, no exponent."""
    return f"{amount:f}"


def in_words(amount: Decimal, currency: str) -> str:
    """The amount for a sentence about a file, in the language in force; with all decimals where the file has finer ones than the
    currency, and without a currency where the file names none."""
    if currency and is_exact(amount, currency):
        return money(amount, currency)
    return f"{exact_number(amount)} {currency}".rstrip().replace("-", MINUS)


def at_row(line: int, problem: str) -> UnreadableStatement:
    """The error for one row of a table, named the way an editor or spreadsheet numbers it."""
    place = pgettext("bank file", "Row %(line)d") % {"line": line}
    return UnreadableStatement(f"{place}: {problem}", line)


def at_entry(number: int, problem: str) -> UnreadableStatement:
    """The error for one entry of an XML file, counted from 1 as the entries stand in it."""
    place = pgettext("bank file", "Entry %(number)d") % {"number": number}
    return UnreadableStatement(f"{place}: {problem}", number)
