"""Candidates for money between accounts of ours: transfers that the other account's statement showed, and its number in the line."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from ..models import BankAccount, OwnTransfer, StatementLine, StatementMatch
from ..references import squeeze
from .evidence import (
    AMOUNT,
    NAMES_SENDER,
    NEARBY,
    REFERENCE,
    Certainty,
    Reason,
    Suggestion,
    apart,
)
from .matches import Between

# Between banks and countries some take weeks.
WITHIN = timedelta(days=60)
# Shorter numbers are too likely somebody else's as well.
SHORTEST = 6


def own_transfers(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """Transfers of the open amount that lack the side of the line's account; else the account that the line names."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    open_accounts = list(BankAccount.objects.filter(closed_on=None))
    if len(open_accounts) < 2:
        return found
    half = _half_seen(lines)
    for line in lines:
        named = [account for account in open_accounts if _is_named(line, account)]
        for transfer, on in half.get((line.account_id, line.open_amount), []):
            if abs(line.booked_on - on) <= WITHIN:
                found[line.pk].append(_other_side(line, transfer, on, named))
        if not found[line.pk]:
            found[line.pk] += [_first_side(account) for account in named]
    return found


def _half_seen(
    lines: Sequence[StatementLine],
) -> dict[tuple[int, Decimal], list[tuple[OwnTransfer, date]]]:
    """By the account that has not shown it and what it should move: transfers, and when the other account did."""
    accounts = {line.account_id for line in lines}
    amounts = {abs(line.open_amount) for line in lines}
    theirs = Q(left_from__in=accounts) | Q(arrives_at__in=accounts)
    transfers: Any = OwnTransfer.objects.half_seen().filter(theirs, amount__in=amounts)
    half = list(transfers.select_related("left_from", "arrives_at"))
    matches = StatementMatch.objects.standing().filter(own_transfer__in=half)
    seen_on = {match.own_transfer_id: match.line.booked_on for match in matches.select_related("line")}  # fmt: skip
    sides: dict[tuple[int, Decimal], list[tuple[OwnTransfer, date]]] = defaultdict(list)
    for transfer in half:
        side = (
            (transfer.arrives_at_id, transfer.amount)
            if transfer.has_left
            else (transfer.left_from_id, -transfer.amount)
        )
        sides[side].append((transfer, seen_on[transfer.pk]))
    return sides


def _is_named(line: StatementLine, account: BankAccount) -> bool:
    """Whether the other side of the line is this account of ours."""
    if account.pk == line.account_id or account.currency != line.currency:
        return False
    ours, theirs = squeeze(account.number), squeeze(line.counterparty_account)
    return len(ours) >= SHORTEST and len(theirs) >= SHORTEST and (
        ours == theirs or ours.endswith(theirs) or theirs.endswith(ours)
    )  # fmt: skip


def _other_side(
    line: StatementLine, transfer: OwnTransfer, on: date, named: Sequence[BankAccount]
) -> Suggestion:
    other = transfer.arrives_at if line.amount < 0 else transfer.left_from
    days = abs((line.booked_on - on).days)
    reasons = [
        Reason(_("The amount is the transfer's."), AMOUNT),
        apart(days, _("The other account's statement shows it on that day."), on),
    ]
    is_named = other in named
    if is_named:
        reasons.append(Reason(_("The other side is that account of ours."), REFERENCE))
    is_near = days <= NEARBY.days
    if is_named and is_near:
        certainty = Certainty.SURE
    else:
        certainty = Certainty.LIKELY if is_near else Certainty.POSSIBLE
    return Suggestion(transfer, certainty, tuple(reasons), days)


def _first_side(account: BankAccount) -> Suggestion:
    reasons = (
        Reason(_("The other side is an account of ours."), NAMES_SENDER),
        Reason(_("Its statement has not shown it yet.")),
    )
    return Suggestion(Between(account), Certainty.LIKELY, reasons)
