"""Which line is which: keys that let two equal payments of one day live, and make the same line known when it comes again;
and by which names another file of the bank speaks of it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from defensefund.privacy import hmac_sha256
from donations.statements import StatementRow, plain

DIGITS = 40
NAME_DIGITS = 24


def keys(rows: Sequence[StatementRow], *, secret: str, after: Iterable[str] = ()) -> list[str]:
    """One key per row, unique within one account's rows of one file, the same in every file that holds the whole day.

    A key is a hash of what the bank will say again, keyed with the account's `secret` because keys stand in the books for
    ever and a payer's words must not be guessed from them, and the ordinal among equal rows: "9f86d0…-2". Where the bank gives an
    id, day and amount are hashed with it, because banks use one id for a transfer and the tax on it, or count anew each
    year; else every field is. Pass the rows of one account only, oldest first.

    `after` are keys of rows that came before these and are none of them: two statements of one day, each with one of two
    equal payments. Ordinals go on from theirs.
    """
    seen: dict[str, int] = defaultdict(int)
    for key in after:
        digest, _dash, ordinal = key.rpartition("-")
        seen[digest] = max(seen[digest], int(ordinal))
    keyed = hmac_sha256(bytes.fromhex(secret))
    result = []
    for row in rows:
        # From the plain digest alone, so that lines from before got their secret without their text.
        digest = keyed(plain_digest(row).encode()).hex()[:DIGITS]
        seen[digest] += 1
        result.append(f"{digest}-{seen[digest]}")
    return result


def namer(secret: str) -> Callable[[StatementRow], list[str]]:
    """Gives of a row the keyed hashes of what the bank calls its movement, the surest first; they say no day and no amount.

    Whatever kind of file it comes in: the bank's id of MT940 or CSV is what CAMT has as AcctSvcrRef.
    """
    keyed = hmac_sha256(bytes.fromhex(secret))

    def names(row: StatementRow) -> list[str]:
        said = row.names or ((f"AcctSvcrRef {row.bank_id}",) if row.bank_id else ())
        return [keyed(f"name\x1f{name}".encode()).hex()[:NAME_DIGITS] for name in said]

    return names


def plain_digest(row: StatementRow) -> str:
    """What keys were made of before they had a secret; never kept."""
    return sha256("\x1f".join(_facts(row)).encode()).hexdigest()[:DIGITS]


def _facts(row: StatementRow) -> list[str]:
    moved = [row.booked_on.isoformat(), plain(row.amount.normalize()), row.currency]
    if row.bank_id:
        return ["id", row.bank_id, *moved]
    return [
        "fields",
        *moved,
        row.value_on.isoformat(),
        " ".join(row.counterparty.split()),
        row.counterparty_account,
        " ".join(row.text.split()),
        *row.references,
    ]
