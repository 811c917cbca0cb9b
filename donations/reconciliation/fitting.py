"""Of which line a notification's entry tells when the bank gave it no reference: of the one line that it fits, if there is just one."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal

from ..models import BankAccount, StatementLine
from ..references import squeeze
from ..statements import StatementRow
from .codes import find_codes

# A movement as the statement has it, and what the notification says that it is made of.
Entry = tuple[StatementRow, tuple[StatementRow, ...]]


def keys_of_fitting(
    account: BankAccount, entries: Sequence[Entry], *, named: Collection[str]
) -> list[str]:
    """For each entry the key of the account's only line that it fits; "" where none does, or several do, or where two entries
    of one day and amount could each be it. Lines whose key is in `named` are told of by their own name, so by no other."""
    alike = Counter(_seen(whole) for whole, _rows in entries)
    lines: dict[tuple[date, Decimal], list[StatementLine]] = {}
    for line in StatementLine.objects.filter(
        account=account,
        booked_on__in={day for day, _amount in alike},
        amount__in={amount for _day, amount in alike},
    ).exclude(key__in=named):
        lines.setdefault((line.booked_on, line.amount), []).append(line)
    found = []
    for whole, rows in entries:
        seen = _seen(whole)
        fitting = [line.key for line in lines.get(seen, []) if _fits(line, whole, rows)]
        found.append(fitting[0] if alike[seen] == len(fitting) == 1 else "")
    return found


def _seen(whole: StatementRow) -> tuple[date, Decimal]:
    """What the bank always says of a movement; amounts have the sign of the side they are on."""
    return whole.booked_on, whole.amount


def _fits(line: StatementLine, whole: StatementRow, rows: Sequence[StatementRow]) -> bool:
    """Whether nothing that both say besides day and amount speaks against it."""
    # A reader puts the booking day where a bank names no day of value.
    days = {line.value_on, whole.value_on} - {None, whole.booked_on}
    if len(days) > 1:
        return False
    codes = set(find_codes(text for row in rows for text in (row.text, *row.references)))
    if codes and line.references and codes.isdisjoint(line.references):
        return False
    several = {_payments(line.batch_of, line), _payments(max(len(rows), whole.batch_of), whole)}
    if len(several - {None}) > 1:
        return False
    ours, theirs = squeeze(line.counterparty_account), squeeze(whole.counterparty_account)
    return not ours or not theirs or ours == theirs or len(rows) > 1


def _payments(count: int | None, movement: StatementLine | StatementRow) -> int | None:
    """How many payments it is made of; None where nothing says so. Who names one other side has a single one."""
    if count is not None and count > 1:
        return count
    return 1 if movement.counterparty or movement.counterparty_account else None
