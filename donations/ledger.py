"""Post entries to the ledger. The only writer of Account, Entry and Reversal; the totals are the database's own work."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from .models import Account, AccountKey, Entry, Reversal
from .models.refusals import broken_rule


class LedgerError(Exception):
    """An entry that cannot be posted."""


class NotEnough(LedgerError):
    """A decision of ours would take a fund or a cost below zero."""


class NotYetThere(NotEnough):
    """On the decision's own day, or on a later one, there was less than it takes."""


class Frozen(LedgerError):
    """A fact took this account below zero; decisions wait until two people cover it."""


class SourceConflict(LedgerError):
    """The fact is booked already, with other accounts, amount or day: two facts claim one name."""


class PeriodClosed(LedgerError):
    """The month of the day was closed in this very moment."""


class AlreadyReversed(LedgerError):
    """An entry is reversed once."""


class Posting(NamedTuple):
    """A movement to be booked: `amount` (exact, above zero) leaves `credit` and enters `debit`, in accounting's sense.

    `source` names the fact and is unique for ever: booking the same posting again changes nothing. `booked_on` is the
    fact's own day. When its month is closed, the entry is booked on the first open day and keeps the own day beside it.
    """

    kind: Entry.Kind
    debit: AccountKey
    credit: AccountKey
    amount: Decimal
    booked_on: date
    source: str


# One text for each column: as arrays the driver would write value by value, which takes longer than to book them.
# The function is in migrations/0028_post_one.py; the rules that the database keeps of entries are in 0002_ledger.py.
POST = "SELECT donations_post(%s, %s, %s, %s, %s, %s)"
SEPARATOR = "\x1f"

REFUSALS: dict[str, type[LedgerError]] = {
    "account_not_overdrawn": NotEnough,
    "account_not_frozen": Frozen,
    "entry_in_time": NotYetThere,
    "entry_period_open": PeriodClosed,
}


def post(posting: Posting) -> None:
    """Books one fact; nothing if it is booked already. Raises as `post_many`."""
    post_many([posting])


def post_many(postings: Sequence[Posting]) -> int:
    """Books facts in one statement, all or none; returns how many were new.

    Raises NotEnough or Frozen when the database refuses a decision, NotYetThere when it is dated back too far,
    SourceConflict when a source is booked with other facts. Accounts are made when first needed.
    """
    if not postings:
        return 0
    try:
        return _post(postings)
    except PeriodClosed:
        # A month was closed between the look at it and the entry: now the next one is the first open.
        return _post(postings)


# By itself or a savepoint, so that a refusal leaves the caller's transaction usable.
@transaction.atomic
def _post(postings: Sequence[Posting]) -> int:
    new = _insert(postings)
    if new < len(postings):
        # Some accounts are not there yet, or some facts are booked already: both are rare, so looked at only now.
        _make_accounts(postings)
        new += _insert(postings)
        if new < len(postings):
            _check_same_facts(postings)
    return new


def _insert(postings: Sequence[Posting]) -> int:
    columns = (
        (p.kind.value for p in postings),
        (p.debit.code for p in postings),
        (p.credit.code for p in postings),
        (str(p.amount) for p in postings),
        (p.booked_on.isoformat() for p in postings),
        (p.source for p in postings),
    )
    texts = [SEPARATOR.join(column) for column in columns]
    if any(text.count(SEPARATOR) != len(postings) - 1 for text in texts):
        raise LedgerError("The name of a fact holds a control character.")
    try:
        with connection.cursor() as cursor:
            cursor.execute(POST, texts)
            return int(cursor.fetchone()[0])
    except IntegrityError as error:
        raise _named(error) from error


def _named(error: IntegrityError) -> Exception:
    refusal = REFUSALS.get(broken_rule(error))
    return refusal(str(error).splitlines()[0]) if refusal else error


def _make_accounts(postings: Sequence[Posting]) -> None:
    keys = {key.code: key for p in postings for key in (p.debit, p.credit)}
    known = set(Account.objects.filter(code__in=keys).values_list("code", flat=True))
    Account.objects.bulk_create(
        [
            Account(
                code=key.code,
                kind=key.kind,
                currency=key.currency,
                place=key.place,
                fund_id=key.fund_id,
                legal_cost_id=key.legal_cost_id,
                bank_account_id=key.bank_account_id,
            )
            for code, key in sorted(keys.items())
            if code not in known
        ],
        ignore_conflicts=True,
    )


def _check_same_facts(postings: Sequence[Posting]) -> None:
    booked = Entry.objects.select_related("debit", "credit").in_bulk(
        [p.source for p in postings], field_name="source"
    )
    for p in postings:
        entry = booked.get(p.source)
        if entry is None or (
            entry.kind,
            entry.debit.code,
            entry.credit.code,
            entry.amount,
            entry.happened_on or entry.booked_on,
        ) != (p.kind, p.debit.code, p.credit.code, p.amount, p.booked_on):
            raise SourceConflict(f"{p.source} is booked with other facts.")


@transaction.atomic
def reverse(entry: Entry, *, by: User, reason: str, at: datetime, on: date | None = None) -> Entry:
    """Books the mirror image of `entry` on the day of `at`, or `on` the day of a fact that undid it; keeps who did it and why.

    Raises AlreadyReversed; NotEnough when taking a decision back would overdraw what it gave.
    """
    if not reason.strip():
        raise LedgerError("A reversal needs a reason.")
    try:
        mirror = _mirror(entry, day=on or at.date())
    except PeriodClosed:
        mirror = _mirror(entry, day=on or at.date())
    except IntegrityError as error:
        if Entry.objects.filter(reverses=entry).exists():
            raise AlreadyReversed(f"{entry.source} is reversed already.") from error
        raise
    Reversal.objects.create(entry=mirror, reason=reason, by=by, at=at)
    return mirror


def latest(source: str) -> Entry:
    """The entry that a fact was last booked by: its own, or of its reversals, each of the one before, the last."""
    entry = Entry.objects.get(source=source)
    while (later := Entry.objects.filter(reverses=entry).first()) is not None:
        entry = later
    return entry


@transaction.atomic
def _mirror(entry: Entry, *, day: date) -> Entry:
    booked_on = max(open_from() or day, day)
    try:
        return Entry.objects.create(
            kind=entry.kind,
            debit_id=entry.credit_id,
            credit_id=entry.debit_id,
            amount=entry.amount,
            currency=entry.currency,
            booked_on=booked_on,
            happened_on=day if day < booked_on else None,
            source=f"reversal:{entry.source}",
            reverses=entry,
        )
    except IntegrityError as error:
        named = _named(error)
        if named is error:
            raise
        raise named from error


def open_from() -> date | None:
    """The first day that takes entries; None while no month is closed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nullif(donations_open_from(), '-infinity')")
        row = cursor.fetchone()
    day: date | None = row[0]
    return day


def balance(key: AccountKey) -> Decimal:
    """The balance of an account by its stored totals; zero while no entry has needed the account."""
    return _read("SELECT donations_balance(id) FROM donations_account WHERE code = %s", key)


def balance_on(key: AccountKey, day: date) -> Decimal:
    """The balance of an account at the end of a day, by what was booked until then."""
    return _read(
        "SELECT donations_balance_on(id, %s) FROM donations_account WHERE code = %s", key, day
    )


def least_from(key: AccountKey, day: date) -> Decimal:
    """The least that an account had at the end of `day` or of a later one: so much of it may be decided over as of `day`."""
    return _read(
        "SELECT donations_least_from(id, %s) FROM donations_account WHERE code = %s", key, day
    )


def free(key: AccountKey) -> Decimal:
    """What may still be decided over: the balance, less what of a cost lies with a court as bail."""
    return _read("SELECT donations_free(id) FROM donations_account WHERE code = %s", key)


def _read(query: str, key: AccountKey, *params: date) -> Decimal:
    with connection.cursor() as cursor:
        cursor.execute(query, [*params, key.code])
        row = cursor.fetchone()
    return Decimal(row[0]) if row else Decimal(0)


HASH_LINES = """
SELECT concat_ws('|', e.source, e.kind, d.code, c.code, trim_scale(e.amount), e.currency,
                 coalesce(e.happened_on, e.booked_on))
FROM donations_entry e
JOIN donations_account d ON d.id = e.debit_id
JOIN donations_account c ON c.id = e.credit_id
ORDER BY e.source COLLATE "C"
"""


def ledger_hash() -> str:
    """SHA-256 over one line per entry ordered by source: the same whatever order facts arrived in, whatever the ids.

    Of each the fact's own day counts, so that it is the same whether the fact came before its month was closed or after.
    """
    digest = sha256()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DECLARE hash_lines NO SCROLL CURSOR FOR {HASH_LINES}")
        while True:
            cursor.execute("FETCH 10000 FROM hash_lines")
            rows = cursor.fetchall()
            if not rows:
                cursor.execute("CLOSE hash_lines")
                return digest.hexdigest()
            digest.update("".join(f"{line}\n" for (line,) in rows).encode())
