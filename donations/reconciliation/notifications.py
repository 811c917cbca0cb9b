"""What a notification (CAMT.054) says: the payments within a movement that the statement shows as one line. It adds no line."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from django.utils.translation import gettext as _

from ..line_names import Difference, Named, Place, lines_named, place, told_in
from ..models import BankAccount, StatementDetail, StatementImport, StatementLine, bulk
from ..statements import LeftOut, Statement, StatementRow, plain
from ..statements.identity import keys, namer
from .codes import find_codes
from .errors import ImportRefused
from .fitting import Entry, keys_of_fitting


@dataclass(frozen=True)
class Movement:
    """One movement, by the key its line has in the statement, and what it is made of.

    `is_here`: the line was imported. `is_split`: the statement said the same itself, a line for each. `is_told`: an earlier
    notification said the same. `is_fitted`: it does not name its line, which is the only one of its day and amount. `names`
    are what the bank calls it; `difference` is where they name a line of another amount.
    """

    key: str
    amount: Decimal
    rows: tuple[StatementRow, ...]
    names: Sequence[str]
    is_here: bool
    is_split: bool
    is_told: bool
    is_fitted: bool
    difference: Difference | None


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
    names = [namer(account.line_secret)(whole) for whole, _rows in told]
    parts = [keys(rows, secret=account.line_secret) for _whole, rows in told]
    own = _own_keys(account, told)
    known = set(
        StatementLine.objects.filter(
            account=account, key__in=[*own, *(key for several in parts for key in several)]
        ).values_list("key", flat=True)
    )
    places = _places(account, told, names, own, parts, known)
    line_keys = _line_keys(account, told, names, own, places)
    earlier = _told_before(account, line_keys)
    found: list[Movement] = []
    left_out: list[LeftOut] = []
    for key, (whole, rows), name, here in zip(line_keys, told, names, places, strict=True):
        is_told = earlier.get(key) == [row.amount for row in rows]
        if not key and not here.is_split:
            left_out.append(_left_out(whole, "unnamed"))
        elif key in earlier and not is_told and not here.is_split:
            left_out.append(_left_out(whole, "otherwise"))
        else:
            found.append(
                Movement(
                    key,
                    whole.amount,
                    rows,
                    name,
                    is_here=bool(here.key),
                    is_split=here.is_split,
                    is_told=is_told,
                    is_fitted=here.is_fitted,
                    difference=_difference(here.other, whole),
                )
            )
    if not found:
        raise ImportRefused(_why_nothing(left_out))
    return tuple(found), tuple(left_out)


def _own_keys(account: BankAccount, told: Sequence[Entry]) -> list[str]:
    """For each entry the key that its line has where the statement says the same id, day and amount; "" without an id."""
    named = iter(
        keys([whole for whole, _rows in told if whole.bank_id], secret=account.line_secret)
    )
    return [next(named) if whole.bank_id else "" for whole, _rows in told]


def _places(
    account: BankAccount,
    told: Sequence[Entry],
    names: Sequence[Sequence[str]],
    own: Sequence[str],
    parts: Sequence[Sequence[str]],
    known: set[str],
) -> list[Place]:
    """Of which line each entry tells: by the bank's own id the movement is surely the same in both, else by another name,
    and without an id by what it fits."""
    places = [
        Place(key=key) if key in known else Place(is_split=known.issuperset(several))
        for key, several in zip(own, parts, strict=True)
    ]
    left = [at for at, found in enumerate(places) if found == Place()]
    named = [Named(told[at][0].booked_on, told[at][0].amount, names[at]) for at in left]
    lines = lines_named(account, named, but=known)
    for at, found in zip(left, place(named, lines), strict=True):
        places[at] = found
    left = [at for at in left if places[at] == Place() and not own[at]]
    fitting = keys_of_fitting(
        account, [told[at] for at in left], named={*own, *(found.key for found in places)}
    )
    for at, key in zip(left, fitting, strict=True):
        places[at] = Place(key=key, is_fitted=bool(key))
    return places


def _line_keys(
    account: BankAccount,
    told: Sequence[Entry],
    names: Sequence[Sequence[str]],
    own: Sequence[str],
    places: Sequence[Place],
) -> list[str]:
    """For each entry the key of its line, here or still to come. Without an id it waits under its surest name, and where it
    has none, "" is said."""
    waiting: Counter[str] = Counter()
    found = []
    for name, key, here in zip(names, own, places, strict=True):
        if not (key := here.key or key) and name and not here.is_split:
            waiting[name[0]] += 1
            key = f"{name[0]}-{waiting[name[0]]}"
        found.append(key)
    return found


def _difference(other: Named | None, whole: StatementRow) -> Difference | None:
    return other and Difference(other.booked_on, other.amount, whole.amount, whole.currency)


def _why_nothing(left_out: Sequence[LeftOut]) -> str:
    if any(row.reason == "otherwise" for row in left_out):
        return _(
            "Nothing of this notification (CAMT.054) can be kept: an earlier one divided the same lines otherwise, or "
            "the bank's reference (AcctSvcrRef) is missing. What the earlier one said stays."
        )
    return _(
        "This is a notification (CAMT.054), and it does not say of which lines of the statement it tells: the bank's "
        "reference is missing (AcctSvcrRef, or an NtryRef of six characters or more), and none of its entries fits just "
        "one line here by day and amount. Import the statement (CAMT.053) first, if it is not here: its money is in there."
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
    """Keeps what is new of it beside the lines, whether they are here yet or not; how many details that are. Of a line whose
    other side was forgotten, without who that is."""
    is_forgotten = _forgotten(account, told)
    details = [
        StatementDetail(
            account=account,
            statement=statement,
            key=movement.key,
            position=position,
            booked_on=row.booked_on,
            names=movement.names,
            amount=row.amount,
            currency=row.currency,
            references=find_codes([row.text, *row.references]),
            **({} if nameless else _who(row)),
        )
        for movement, nameless in zip(told, is_forgotten, strict=True)
        if not movement.is_split
        for position, row in enumerate(movement.rows, 1)
    ]
    before = account.details.count()
    StatementDetail.objects.bulk_create(details, ignore_conflicts=True)
    return account.details.count() - before


def _who(row: StatementRow) -> dict[str, str]:
    return {
        "counterparty": row.counterparty,
        "counterparty_account": row.counterparty_account,
        "text": " ".join([row.text, *row.references]).strip(),
    }


def _forgotten(account: BankAccount, told: Sequence[Movement]) -> list[bool]:
    """Of each movement whether its line, or one that it names, is of somebody who was forgotten. The lines are held, so that
    nobody is forgotten meanwhile."""
    keys = [movement.key for movement in told]
    held = account.lines.select_for_update(no_key=True).filter(key__in=keys).order_by("pk")
    list(held.values_list("pk"))
    lines = account.lines.filter(forgotten_at__isnull=False)
    gone = {
        name for key, names in lines.values_list("key", "names") for name in (key, *(names or ()))
    }
    return [not gone.isdisjoint((movement.key, *movement.names)) for movement in told]


@dataclass(frozen=True)
class Awaited:
    """What earlier notifications told of lines that come only now: by the key it waits under the key of its line, and where
    both differ."""

    keys: dict[str, str]
    differences: tuple[Difference, ...]


NOTHING_AWAITED = Awaited({}, ())


def awaited(account: BankAccount, new: Sequence[tuple[StatementRow, str]]) -> Awaited:
    """`new` are rows of a statement with their keys."""
    named = namer(account.line_secret)
    lines = [
        Named(row.booked_on, row.amount, names, key) for row, key in new if (names := named(row))
    ]
    waiting = _waiting(account, [name for line in lines for name in line.names])
    # What has the line's own key is found without being looked for.
    lines = [line for line in lines if line.key not in waiting]
    own = {key for _row, key in new}
    told = {key: one for key, one in waiting.items() if key not in own}
    places = dict(zip(told, place(list(told.values()), lines), strict=True))
    return Awaited(
        {key: found.key for key, found in places.items() if found.key},
        tuple(
            Difference(
                found.other.booked_on, found.other.amount, told[key].amount, account.currency
            )
            for key, found in places.items()
            if found.other
        ),
    )


def adopt(account: BankAccount, found: Awaited) -> None:
    """Lays what waited beside its lines."""
    waiting = list(account.details.filter(key__in=found.keys))
    for detail in waiting:
        detail.key = found.keys[detail.key]
    bulk.write(waiting, ["key"])


def _waiting(account: BankAccount, names: Sequence[str]) -> dict[str, Named]:
    """By the key it is kept under what was told by one of these names."""
    if not names:
        return {}
    return told_in(account.details.filter(names__overlap=list(names))).get(account.pk, {})
