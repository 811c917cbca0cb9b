"""What a notification (CAMT.054) says: the payments within a movement that the statement shows as one line. It adds no line."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from django.utils.translation import gettext as _

from ..models import BankAccount, StatementDetail, StatementImport, StatementLine
from ..statements import LeftOut, Statement, StatementRow, plain
from ..statements.identity import keys
from .codes import find_codes
from .errors import ImportRefused
from .fitting import Entry, keys_of_fitting


@dataclass(frozen=True)
class Movement:
    """One movement, by the key its line has in the statement, and what it is made of.

    `is_here`: the line was imported. `is_split`: the statement said the same itself, a line for each. `is_told`: an earlier
    notification said the same. `is_fitted`: it does not name its line, which is the only one of its day and amount.
    """

    key: str
    amount: Decimal
    rows: tuple[StatementRow, ...]
    is_here: bool
    is_split: bool
    is_told: bool
    is_fitted: bool


def movements(
    account: BankAccount, statements: Sequence[Statement]
) -> tuple[tuple[Movement, ...], tuple[LeftOut, ...]]:
    """What the notifications of an account tell, and the entries of which nothing can be kept, each with its cause.

    Raises ImportRefused when nothing of it can be found again in a statement.
    """
    told = [
        (_whole(rows), rows)
        for statement in statements
        for rows in (
            tuple(several) for _line, several in groupby(statement.rows, key=lambda row: row.line)
        )
    ]
    line_keys = _line_keys(account, told)
    parts = [keys(rows, secret=account.line_secret) for _whole, rows in told]
    known = set(
        StatementLine.objects.filter(
            account=account, key__in=[*line_keys, *(key for several in parts for key in several)]
        ).values_list("key", flat=True)
    )
    earlier = _told_before(account, line_keys)
    found: list[Movement] = []
    left_out: list[LeftOut] = []
    for key, (whole, rows), several in zip(line_keys, told, parts, strict=True):
        is_split = key not in known and known.issuperset(several)
        is_told = earlier.get(key) == [row.amount for row in rows]
        if not key and not is_split:
            left_out.append(_left_out(whole, "unnamed"))
        elif key in earlier and not is_told and not is_split:
            left_out.append(_left_out(whole, "otherwise"))
        else:
            is_fitted = bool(key) and not whole.bank_id
            found.append(
                Movement(key, whole.amount, rows, key in known, is_split, is_told, is_fitted)
            )
    if not found:
        raise ImportRefused(_why_nothing(left_out))
    return tuple(found), tuple(left_out)


def _line_keys(account: BankAccount, told: Sequence[Entry]) -> list[str]:
    """For each entry the key of its line, here or still to come: by the bank's own name for it the movement is surely the same
    in both; an entry without one is of the line that it fits, or "" is said."""
    named = iter(
        keys([whole for whole, _rows in told if whole.bank_id], secret=account.line_secret)
    )
    found = [next(named) if whole.bank_id else "" for whole, _rows in told]
    unnamed = [entry for entry in told if not entry[0].bank_id]
    fitting = iter(keys_of_fitting(account, unnamed, named=set(found)))
    return [key or next(fitting) for key in found]


def _why_nothing(left_out: Sequence[LeftOut]) -> str:
    if any(row.reason == "otherwise" for row in left_out):
        return _(
            "Nothing of this notification (CAMT.054) can be kept: an earlier one divided the same lines otherwise, or "
            "the bank's reference (AcctSvcrRef) is missing. What the earlier one said stays."
        )
    return _(
        "This is a notification (CAMT.054), and it does not say of which lines of the statement it tells: the bank's "
        "reference (AcctSvcrRef) is missing, and none of its entries fits just one line here by day and amount. Import "
        "the statement (CAMT.053) first: its money is in there."
    )


def _told_before(account: BankAccount, keys: Sequence[str]) -> dict[str, list[Decimal]]:
    """By the line's key the amounts that an earlier notification divided it into."""
    found: dict[str, list[Decimal]] = defaultdict(list)
    kept = StatementDetail.objects.filter(account=account, key__in=keys)
    for key, amount in kept.order_by("key", "position").values_list("key", "amount"):
        found[key].append(amount)
    return found


def _left_out(whole: StatementRow, reason: str) -> LeftOut:
    said = [whole.booked_on.isoformat(), f"{plain(whole.amount)} {whole.currency}", whole.text]
    return LeftOut(whole.line, reason, " ".join(said).strip())


def _whole(rows: Sequence[StatementRow]) -> StatementRow:
    """The movement itself, as a statement that does not divide it has it."""
    first = rows[0]
    if len(rows) == 1:
        return first
    amount = sum((row.amount for row in rows), Decimal(0))
    # The reader of CAMT numbers what it divides.
    return first._replace(amount=amount, bank_id=first.bank_id.rpartition("/")[0])


def keep(
    account: BankAccount, statement: StatementImport, told: Sequence[Movement]
) -> int:  # fmt: skip
    """Keeps what is new of it beside the lines, whether they are here yet or not; how many details that are."""
    details = [
        StatementDetail(
            account=account,
            statement=statement,
            key=movement.key,
            position=position,
            amount=row.amount,
            currency=row.currency,
            references=find_codes([row.text, *row.references]),
            counterparty=row.counterparty,
            counterparty_account=row.counterparty_account,
            text=" ".join([row.text, *row.references]).strip(),
        )
        for movement in told
        if not movement.is_split
        for position, row in enumerate(movement.rows, 1)
    ]
    before = account.details.count()
    StatementDetail.objects.bulk_create(details, ignore_conflicts=True)
    return account.details.count() - before
