"""Write a file's new lines, and book those that leave no doubt."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal

from ..models import BankAccount, StatementImport, StatementLine, bulk
from ..statements import StatementRow
from ..statements.identity import namer
from . import automatic, booking
from .codes import find_codes, payer_hash
from .slipped import count_slipped

# What _values gives, in its order.
COLUMNS = (
    "id", "account", "statement", "key", "booked_on", "value_on", "amount", "currency", "references", "explained",
    "batch_of", "names", "counterparty", "counterparty_account", "text", "payer_hash",
)  # fmt: skip
EXPLAINED = COLUMNS.index("explained")
NOTHING = Decimal(0)


def write(
    account: BankAccount,
    statement: StatementImport,
    new: Sequence[tuple[StatementRow, str]],
    *,
    at: datetime,
) -> tuple[int, int]:
    """How many of the lines were booked, and how many others have an announced gift's reference with a slip.

    `new` are rows with their keys. Nobody else may write lines of the account meanwhile.
    """
    pks = bulk.new_keys(StatementLine, len(new))
    lines = [
        automatic.Line(pk, key, row.amount, row.booked_on, find_codes([row.text, *row.references]))
        for pk, (row, key) in zip(pks, new, strict=True)
    ]
    names = namer(account.line_secret)
    values = (
        _values(account, statement, row, line, names(row))
        for (row, _key), line in zip(new, lines, strict=True)
    )
    # Texts are encrypted while the database decides and books: each has a processor of its own.
    with ThreadPoolExecutor(max_workers=1) as meanwhile:
        encrypted = meanwhile.submit(lambda: list(bulk.formed(StatementLine, COLUMNS, values)))
        decided = automatic.decide(account, lines)
        matches = booking.book(
            account, [(lines[position], sure) for position, sure in decided.items()], at=at
        )
        rows = encrypted.result()
    for position in decided:
        # The database compares it with the matches that follow, and would write the line again if it were not so.
        rows[position][EXPLAINED] = lines[position].amount
    bulk.copy(StatementLine, COLUMNS, rows)
    booking.match(matches, at=at)
    unsure = (row for position, (row, _key) in enumerate(new) if position not in decided)
    return len(decided), count_slipped(
        " ".join([row.text, *row.references, row.counterparty]) for row in unsure if row.amount > 0
    )


def _values(
    account: BankAccount,
    statement: StatementImport,
    row: StatementRow,
    line: automatic.Line,
    names: Sequence[str],
) -> tuple[object, ...]:
    others = (reference for reference in row.references if reference not in line.codes)
    return (
        line.pk, account.pk, statement.pk, line.key, row.booked_on, row.value_on, row.amount, row.currency, line.codes,
        NOTHING, row.batch_of if row.batch_of > 1 else None, names or None, row.counterparty, row.counterparty_account, " ".join([row.text, *others]).strip(),
        payer_hash(row.counterparty_account, row.counterparty),
    )  # fmt: skip
