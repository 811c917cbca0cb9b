"""Candidates for money between accounts of ours: transfers that the other account's statement showed, and its number in the line."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import OuterRef, Q, Subquery
from django.utils.translation import gettext as _

from ..currencies import written
from ..models import BankAccount, OwnTransfer, StatementLine, StatementMatch
from ..references import squeeze
from .charges import MOST_KEPT, Bearer, bearer_of, bearers, obstacle
from .evidence import (
    AMOUNT,
    NAMES_SENDER,
    NEARBY,
    REFERENCE,
    Reason,
    Suggestion,
    apart,
)
from .matches import Between, BetweenLess
from .reading import Known, Wanted, read, related_by, revived, rows_of

# Between banks and countries some take weeks.
WITHIN = timedelta(days=60)
# Shorter numbers are too likely somebody else's as well.
SHORTEST = 6


@dataclass(frozen=True)
class HalfSeen:
    """A transfer that one account's statement showed, on the day `on`; the account that has not, and what it should move."""

    transfer: OwnTransfer
    on: date
    account: int
    side: Decimal


def wanted(lines: Sequence[StatementLine]) -> Iterable[Wanted | None]:
    accounts = {line.account_id for line in lines}
    theirs = Q(left_from__in=accounts) | Q(arrives_at__in=accounts)
    seen = StatementMatch.objects.standing().filter(own_transfer=OuterRef("pk"))
    # Nobody says what a line is before the bank has booked it.
    since = min(line.booked_on for line in lines) - WITHIN
    transfers: Any = OwnTransfer.objects.half_seen().filter(theirs, begun_at__date__gte=since)
    yield rows_of(
        "half_seen",
        transfers,
        "has_left",
        seen_on=Subquery(seen.values("line__booked_on")[:1]),
        leaving=related_by("left_from", "id", "name", "currency"),
        arriving=related_by("arrives_at", "id", "name", "currency"),
    )
    yield rows_of("open_account", BankAccount.objects.filter(closed_on=None))


def own_transfers(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Transfers that lack the side of the line's account, whole or less a bank's fee; else the account that the line names."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    open_accounts = [revived(BankAccount, facts) for facts in known["open_account"]]
    if len(open_accounts) < 2:
        return found
    half = half_seen(known)
    short: list[tuple[StatementLine, HalfSeen, bool]] = []
    for line in lines:
        named = [account for account in open_accounts if _is_named(line, account)]
        for each in half:
            if each.account != line.account_id or abs(line.booked_on - each.on) > WITHIN:
                continue
            is_named = _other(each) in named
            if each.side == line.open_amount:
                found[line.pk].append(_other_side(line, each, is_named=is_named))
            elif _is_little(each.side, line.open_amount, is_named=is_named):
                short.append((line, each, is_named))
        if not found[line.pk]:
            found[line.pk] += [_first_side(account) for account in named]
    bearing = bearers(known)
    for line, each, is_named in short:
        if chosen := bearer_of(bearing[line.account_id], each.side - line.open_amount):
            found[line.pk].append(_less(line, each, chosen, is_named=is_named))
    return found


def half_seen(known: Known) -> list[HalfSeen]:
    """Of late, the transfers of the lines' accounts that only the other account's statement has shown."""
    found = []
    for facts in sorted(known["half_seen"], key=lambda each: each["id"]):
        transfer = revived(
            OwnTransfer,
            facts,
            left_from=revived(BankAccount, facts["leaving"]),
            arrives_at=revived(BankAccount, facts["arriving"]),
        )
        has_left = facts["has_left"]
        account = transfer.arrives_at_id if has_left else transfer.left_from_id
        side = transfer.amount if has_left else -transfer.amount
        found.append(HalfSeen(transfer, date.fromisoformat(facts["seen_on"]), account, side))
    return found


def short_of(line: StatementLine, amount: Decimal, other: BankAccount) -> HalfSeen | None:
    """The transfer with `other` that the line's part `amount` shows less a fee: of those that wait, with the smallest."""
    short = [each for each in _waiting(line, amount, other) if each.side > amount]
    return min(short, key=lambda each: (each.side - amount, each.transfer.pk), default=None)


def likely_short_of(line: StatementLine, amount: Decimal, other: BankAccount) -> HalfSeen | None:
    """As `short_of`, where so little is missing that it is proposed, and none of exactly this amount waits."""
    half, is_named = short_of(line, amount, other), _is_named(line, other)
    if half is None or not _is_little(half.side, amount, is_named=is_named):
        return None
    return None if any(e.side == amount for e in _waiting(line, amount, other)) else half


def _waiting(line: StatementLine, amount: Decimal, other: BankAccount) -> list[HalfSeen]:
    """With `other`, in the direction of `amount`."""
    return [
        each
        for each in half_seen(read([line], wanted([line])))
        if each.account == line.account_id and _other(each) == other and each.side * amount > 0
    ]


def _other(half: HalfSeen) -> BankAccount:
    transfer = half.transfer
    return transfer.left_from if half.account == transfer.arrives_at_id else transfer.arrives_at


def _is_little(side: Decimal, moved: Decimal, *, is_named: bool) -> bool:
    """Whether what is missing can be a bank's fee: a little, or not the most where the line names the account."""
    kept, most = side - moved, Decimal("0.5") if is_named else MOST_KEPT
    return side * moved > 0 and 0 < kept <= max(abs(side), abs(moved)) * most


def _is_named(line: StatementLine, account: BankAccount) -> bool:
    """Whether the other side of the line is this account of ours."""
    if account.pk == line.account_id or account.currency != line.currency:
        return False
    ours, theirs = squeeze(account.number), squeeze(line.counterparty_account)
    return len(ours) >= SHORTEST and len(theirs) >= SHORTEST and (
        ours == theirs or ours.endswith(theirs) or theirs.endswith(ours)
    )  # fmt: skip


def _other_side(line: StatementLine, half: HalfSeen, *, is_named: bool) -> Suggestion:
    reasons = [Reason(_("The amount is the transfer's."), AMOUNT), _shown(line, half)]
    days = abs((line.booked_on - half.on).days)
    if is_named:
        # Long after the other side it can well be another transfer between the same two.
        points = REFERENCE if days <= NEARBY.days else NAMES_SENDER
        reasons.append(Reason(_("The other side is that account of ours."), points))
    return Suggestion(half.transfer, tuple(reasons), days)


def _less(line: StatementLine, half: HalfSeen, chosen: Bearer, *, is_named: bool) -> Suggestion:
    """Never sure: that a bank kept the rest a person says."""
    kept = half.side - line.open_amount
    said = _("It is %(amount)s less than what left: a bank kept its fee.")
    less = Reason(said % {"amount": written(kept, line.currency)}, is_doubtful=True)
    reasons = [less, _shown(line, half)]
    if is_named:
        reasons.append(Reason(_("The other side is that account of ours."), REFERENCE))
    return Suggestion(
        BetweenLess(half.transfer, chosen.fund),
        tuple(reasons),
        abs((line.booked_on - half.on).days),
        obstacle=obstacle(chosen, kept),
    )


def _shown(line: StatementLine, half: HalfSeen) -> Reason:
    days = abs((line.booked_on - half.on).days)
    return apart(days, _("The other account's statement shows it on that day."), half.on)


def _first_side(account: BankAccount) -> Suggestion:
    reasons = (
        Reason(_("The other side is an account of ours."), REFERENCE),
        Reason(_("Its statement has not shown it yet.")),
    )
    return Suggestion(Between(account), reasons)
