"""Book the lines of a file that are known beyond doubt (automatic.py), many at once: entries, gifts with receipts, matches."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from .. import ledger
from ..ledger import Posting
from ..models import (
    AccountKey,
    BankAccount,
    Donation,
    Entry,
    Fund,
    Letter,
    StatementMatch,
    bulk,
)
from .automatic import Line, Sure
from .parts import source_of

# What a match calls the thing, by its table.
COLUMN = {
    "pledge": "donation",
    "payout": "payout",
    "disbursement": "disbursement",
    "partnerpayment": "partner_payment",
    "refundrequest": "refund_request",
}
# By the name of the thing, rows of line, amount, source and thing.
Matches = dict[str, list[tuple[Any, ...]]]


def book(account: BankAccount, decided: Sequence[tuple[Line, Sure]], *, at: datetime) -> Matches:
    """Books what lines that were decided are; their matches are to be written when the lines are.

    Payments and refunds are in the books since they were paid: the line only proves them.
    """
    matches: Matches = {}
    for kind, column in COLUMN.items():
        ours = [(line, sure) for line, sure in decided if sure.kind == kind]
        if not ours:
            continue
        things = [sure.thing for _line, sure in ours]
        sources: Sequence[str | None] = [None] * len(ours)
        if kind in {"pledge", "payout"}:
            sources = names = _post(account, ours)
            if kind == "pledge":
                things = _give(account, ours, names, at=at)
        matches[column] = [
            (line.pk, line.amount, source, thing)
            for (line, _sure), source, thing in zip(ours, sources, things, strict=True)
        ]
    return matches


def match(matches: Matches, *, at: datetime) -> None:
    """Writes the matches of lines that are there by now. They have nobody's name; whoever doubts one takes it back like any
    other."""
    for column, rows in matches.items():
        names = ("line", "amount", "source", column, "explanation", "confirmed_at")
        bulk.add(StatementMatch, names, ((*row, "", at) for row in rows))


def _post(account: BankAccount, ours: Sequence[tuple[Line, Sure]]) -> list[str]:
    """Posts gifts or payouts that arrived; the names of the facts in their order."""
    funds = Fund.objects.in_bulk({sure.fund for _line, sure in ours if sure.fund})
    purposes = {pk: AccountKey.fund(fund, account.currency) for pk, fund in funds.items()}
    bank, transit = AccountKey.bank(account), AccountKey.transit(account.currency)
    postings = [
        Posting(
            kind=Entry.Kind.DONATION if sure.fund else Entry.Kind.PAYOUT_ARRIVED,
            debit=bank,
            credit=purposes[sure.fund] if sure.fund else transit,
            amount=line.amount,
            booked_on=line.booked_on,
            source=source_of(account, line.key),
        )
        for line, sure in ours
    ]
    ledger.post_many(postings)
    return [posting.source for posting in postings]


def _give(
    account: BankAccount, ours: Sequence[tuple[Line, Sure]], sources: Sequence[str], *, at: datetime
) -> list[int]:
    """Makes the gifts, each with its receipt where the supporter left an address, as facts.py does for a single line."""
    keys = bulk.new_keys(Donation, len(ours))
    bulk.add(
        Donation,
        ("id", "pledge", "fund", "method", "amount", "currency", "fee", "received_at", "source"),
        (
            (pk, sure.thing, sure.fund, "transfer", line.amount, account.currency, 0, _moment(line.booked_on), source)
            for pk, (line, sure), source in zip(keys, ours, sources, strict=True)
        ),
    )  # fmt: skip
    bulk.add(
        Letter,
        ("kind", "pledge", "donation", "occasion", "created_at", "due_at", "attempts", "error"),
        (
            ("receipt", sure.thing, pk, "", at, at, 0, "")
            for pk, (_line, sure) in zip(keys, ours, strict=True)
            if sure.has_supporter
        ),
    )
    return keys


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
