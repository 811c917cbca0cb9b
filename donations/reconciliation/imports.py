"""Import a bank file: all of its new lines or none, known lines again without effect."""

import gc
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from ..currencies import is_exact
from ..line_names import Difference
from ..models import BankAccount, StatementImport
from ..statements import (
    Balance,
    LeftOut,
    Statement,
    StatementRow,
    UnreadableStatement,
    at_row,
    check_balance,
    check_chain,
    files,
)
from ..statements.identity import keys
from ..statements.mapping import BadMapping, CsvMapping
from . import notifications
from .chain import Stretch, check_after_opening, check_continues
from .errors import ImportRefused
from .new_lines import write
from .notifications import NOTHING_AWAITED, Awaited, Movement

# Banks date some lines with the next working day; what lies further ahead is a day read in the wrong order.
AHEAD = timedelta(days=7)


@dataclass(frozen=True)
class Reading:
    """What a file holds for an account, compared with what is there; nothing is written yet."""

    rows: tuple[StatementRow, ...]
    keys: tuple[str, ...]
    known: frozenset[str]
    left_out: tuple[LeftOut, ...]
    opening: Decimal | None
    closing: Decimal | None
    # Whether the file states only the closing one, as OFX does: the opening one is what its rows leave of it.
    is_derived: bool
    # The first and the last day; None when neither a row nor a balance names one.
    span: tuple[date, date] | None
    # What a notification tells of lines; it has none itself.
    told: tuple[Movement, ...] = ()
    # What earlier notifications tell of the new lines.
    awaited: Awaited = NOTHING_AWAITED
    # A balance of a later day than the rows reach to, and that last day: it is neither kept nor reckoned with.
    later: tuple[Balance, date] | None = None

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Where a notification and the line that it names say different amounts, whichever of them is in this file."""
        said = (movement.difference for movement in self.told)
        return (*(one for one in said if one), *self.awaited.differences)

    @property
    def total(self) -> Decimal:
        return _sum(self.rows)

    @property
    def new_rows(self) -> list[tuple[StatementRow, str]]:
        pairs = zip(self.rows, self.keys, strict=True)
        return [(row, key) for row, key in pairs if key not in self.known]


@dataclass(frozen=True)
class ImportResult:
    """How many of the file's lines were new and known; of all of them, how many are matched and how many open.

    `booked`: how many of the new ones were matched by themselves; `slipped`: how many of the others have an announced gift's
    reference with one slip, which a person has to confirm. `details`: how many payments within lines a notification told, that
    were not known. `left_out`: the rows of the file that are neither, each with its cause. `differences`: see
    Reading. `statement` is None when the file came before.
    """

    new: int
    known: int
    matched: int
    open: int
    booked: int = 0
    slipped: int = 0
    details: int = 0
    left_out: tuple[LeftOut, ...] = ()
    differences: tuple[Difference, ...] = ()
    statement: StatementImport | None = None


@contextmanager
def _uncollected() -> Iterator[None]:
    """Python does not look for cycles meanwhile: rows are in none, and so many new ones would have it look through all that
    the process holds."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@_uncollected()
@transaction.atomic
def import_statement(
    *, account: BankAccount, name: str, content: bytes, by: User | None, at: datetime
) -> ImportResult:
    """Writes the lines of a bank file that are not here yet, and books those that leave no doubt (automatic.py).

    `name` is the file's, kept for people; `by` is None when a command imports. A file that came before adds nothing.
    Raises ImportRefused with a sentence, and then nothing is imported.
    """
    # Two imports for one account wait for each other, so that each sees the other's lines and balances.
    account = BankAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
    reading = read(account=account, content=content, at=at)
    new, digest = reading.new_rows, sha256(content).hexdigest()
    statement, booked, slipped, details = None, 0, 0, 0
    # A notification that came before its statement may say more now that the lines are here.
    is_news = new or any(not (each.is_told or each.is_split) for each in reading.told)
    if is_news or not account.imports.filter(sha256=digest).exists():
        statement = StatementImport.objects.create(
            account=account,
            name=re.split(r"[/\\]", name)[-1][:200],
            sha256=digest,
            # What is worked out of known rows alone, nothing has proved.
            opening_balance=reading.opening if new or not reading.is_derived else None,
            closing_balance=reading.closing,
            first_on=reading.span and reading.span[0],
            last_on=reading.span and reading.span[1],
            new_lines=len(new),
            known_lines=len(reading.known),
            imported_by=by,
            imported_at=at,
        )
        booked, slipped = write(account, statement, new, at=at)
        notifications.adopt(account, reading.awaited)
        details = notifications.keep(account, statement, reading.told)
    open_lines = len(new) - booked + _count_open(account, reading.known)
    return ImportResult(
        new=len(new),
        known=len(reading.known),
        matched=len(reading.keys) - open_lines,
        open=open_lines,
        booked=booked,
        slipped=slipped,
        details=details,
        left_out=reading.left_out,
        differences=reading.differences,
        statement=statement,
    )


def read(*, account: BankAccount, content: bytes, at: datetime) -> Reading:
    """What importing `content` would do; the preview. Raises ImportRefused as the import does."""
    try:
        statements = _of_account(files.read(content, _mapping(account)), account)
        for statement in statements:
            _check_account(statement, account)
            _check_rows(statement, account, at.date())
            check_balance(statement)
        check_chain(statements)
    except UnreadableStatement as error:
        raise ImportRefused(str(error)) from error
    except BadMapping as error:
        raise ImportRefused(
            _("The account's CSV columns are not complete: %(problem)s") % {"problem": str(error)}
        ) from error
    if any(statement.kind == "notification" for statement in statements):
        return _told(statements, account)
    reading = _following_on(_compare(statements, account), account)
    return replace(reading, awaited=notifications.awaited(account, reading.new_rows))


def _following_on(reading: Reading, account: BankAccount) -> Reading:
    """The reading, or its other reading by which alone the balances are right. Raises ImportRefused."""
    check_after_opening(account, (row.booked_on for row, _key in reading.new_rows))
    try:
        _check_continues(reading, account)
    except ImportRefused:
        if not reading.known:
            raise
        # Two statements of one day, each with one of two equal payments: only their balances show that both are real.
        following = _as_following(reading, account)
        if not _continues(following, account):
            raise
        return following
    return reading


def _of_account(statements: Sequence[Statement], account: BankAccount) -> Sequence[Statement]:
    """Those of the account, where the bank put several accounts into one file; else all, to be told apart by their error."""
    own = [s for s in statements if s.account and _is_same_number(s.account, account.number)]
    return own or statements


def _continues(reading: Reading, account: BankAccount) -> bool:
    try:
        _check_continues(reading, account)
    except ImportRefused:
        return False
    return True


def _check_continues(reading: Reading, account: BankAccount) -> None:
    if reading.span and reading.opening is not None and reading.closing is not None:
        new = tuple(row.amount for row, _key in reading.new_rows)
        check_continues(account, Stretch(*reading.span, reading.opening, reading.closing, new))


def _as_following(reading: Reading, account: BankAccount) -> Reading:
    """The same rows, taken as coming after everything known, so that none of them is a known line."""
    taken = account.lines.filter(booked_on__in={row.booked_on for row in reading.rows})
    following = keys(
        reading.rows, secret=account.line_secret, after=taken.values_list("key", flat=True)
    )
    return replace(reading, keys=tuple(following), known=frozenset())


def _mapping(account: BankAccount) -> CsvMapping | None:
    if not account.csv_mapping:
        return None
    mapping = CsvMapping.from_json(account.csv_mapping)
    return mapping if mapping.currency else replace(mapping, currency=account.currency)


def _compare(statements: Sequence[Statement], account: BankAccount) -> Reading:
    rows = tuple(row for statement in statements for row in statement.rows)
    left_out = tuple(row for statement in statements for row in statement.left_out)
    opening = statements[0].opening
    last = statements[-1]
    closing = last.closing
    later: tuple[Balance, date] | None = None
    if closing and closing.on and last.reaches and closing.on > last.reaches:
        # As when a bank lists last month and states today's balance.
        later = (closing, last.reaches)
        closing = None
    derived = None if opening or not closing else closing.amount - _sum(rows)
    if not rows and not (opening and closing):
        raise ImportRefused(
            _(
                "The file holds no booked line (%(count)d were left out as not booked): there is nothing to import."
            )
            % {"count": len(left_out)}
        )
    row_keys = tuple(keys(rows, secret=account.line_secret))
    days = [row.booked_on for row in rows] or [
        balance.on for balance in (opening, closing) if balance and balance.on
    ]
    return Reading(
        rows=rows,
        keys=row_keys,
        known=frozenset(_known(account, row_keys)),
        left_out=left_out,
        opening=opening.amount if opening else derived,
        closing=closing.amount if closing else None,
        is_derived=derived is not None,
        span=(min(days), max(days)) if days else None,
        later=later,
    )


def _sum(rows: Iterable[StatementRow]) -> Decimal:
    return sum((row.amount for row in rows), Decimal(0))


def _told(statements: Sequence[Statement], account: BankAccount) -> Reading:
    """A notification: no line of its own, only what lines of the statement are made of."""
    if any(statement.kind != "notification" for statement in statements):
        raise ImportRefused(
            _(
                "The file holds a statement and a notification. Download the statement (CAMT.053) alone."
            )
        )
    told, unusable = notifications.movements(account, statements)
    left_out = (*(row for statement in statements for row in statement.left_out), *unusable)
    days = [row.booked_on for movement in told for row in movement.rows]
    span = (min(days), max(days))
    return Reading((), (), frozenset(), left_out, None, None, False, span, told)


def _check_account(statement: Statement, account: BankAccount) -> None:
    if not _is_same_number(statement.account, account.number):
        raise ImportRefused(
            _(
                "The file is of the account %(theirs)s, not of %(name)s (%(ours)s). Choose the other account or the other file."
            )
            % {"theirs": statement.account, "name": account.name, "ours": account.number}
        )
    if statement.currency != account.currency and (statement.currency or statement.rows):
        raise ImportRefused(
            _(
                "The file has lines in %(theirs)s, the account is kept in %(ours)s. Choose the other account, download "
                "the file for this currency alone, or leave the other rows out in the account's CSV columns."
            )
            % {"theirs": statement.currency or "?", "ours": account.currency}
        )


def _is_same_number(theirs: str, ours: str) -> bool:
    """Whether two ways to write an account can mean the same one: an IBAN ends with the national number, banks hide digits."""
    one, other = (re.sub(r"[^0-9A-Z*]", "", number.upper()) for number in (theirs, ours))
    if not one or not other:
        return True
    if "*" in one:
        shown = one.rsplit("*", 1)[1]
        return other.endswith(shown) if shown else True
    one, other = one.lstrip("0"), other.lstrip("0")
    shorter, longer = sorted((one, other), key=len)
    return one == other or (len(shorter) >= 6 and longer.endswith(shorter))


def _check_rows(statement: Statement, account: BankAccount, today: date) -> None:
    for row in statement.rows:
        if row.currency != account.currency:
            problem = _(
                "it is in %(theirs)s, the account is kept in %(ours)s, and the file does not say what it came to."
            ) % {"theirs": row.currency, "ours": account.currency}
        elif not is_exact(row.amount, account.currency):
            problem = _("%(amount)s has more decimals than %(currency)s has.") % {
                "amount": row.amount,
                "currency": account.currency,
            }
        elif row.booked_on > today + AHEAD:
            problem = _(
                "it is booked on %(day)s, which is still to come. Are day and month the other way round?"
            ) % {"day": plain_day(row.booked_on)}
        elif account.closed_on and row.booked_on > account.closed_on:
            problem = _("it is booked on %(day)s, after the account was closed.") % {
                "day": plain_day(row.booked_on)
            }
        else:
            continue
        raise at_row(row.line, problem)


# Keys as one text: as a list the driver would write them one by one, as one value each there could be too many.
KNOWN = "SELECT key FROM donations_statementline WHERE account_id = %s AND key = ANY(string_to_array(%s, ' '))"
OPEN = (
    "SELECT count(*) FROM donations_statementline "
    "WHERE account_id = %s AND key = ANY(string_to_array(%s, ' ')) AND explained <> amount"
)


def _known(account: BankAccount, keys: Sequence[str]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(KNOWN, [account.pk, " ".join(keys)])
        return [key for (key,) in cursor.fetchall()]


def _count_open(account: BankAccount, keys: Iterable[str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(OPEN, [account.pk, " ".join(keys)])
        return int(cursor.fetchone()[0])
