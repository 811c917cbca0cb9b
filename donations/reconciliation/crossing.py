"""One side of a transfer between own accounts, as its line shows it: booked onto the way, or from there into the other account."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from ..currencies import written
from ..models import AccountKey, BankAccount, Entry, Fund, OwnTransfer
from ..models.locks import hold
from .errors import AlreadyMatched, DoesNotFit
from .facts import bear
from .parts import Part, check_amount, post


def moved(part: Part, other: BankAccount | OwnTransfer, *, by: User, at: datetime) -> OwnTransfer:
    """One side of a transfer between own accounts: of the one that is meant, or of one that `other` has shown; else a new one.

    Whichever side's statement comes first, the money, or its lack, stands in transit until the other comes.
    """
    line = part.line
    # Two who match the two sides at once would each begin one.
    hold([f"transfers {line.currency}"])
    transfer = _meant(part, other) if isinstance(other, OwnTransfer) else _shown(part, other)
    if transfer is None:
        assert isinstance(other, BankAccount)
        left_from, arrives_at = (line.account, other) if part.amount < 0 else (other, line.account)
        transfer = OwnTransfer.objects.create(
            left_from=left_from,
            arrives_at=arrives_at,
            amount=abs(part.amount),
            currency=line.currency,
            begun_by=by,
            begun_at=at,
        )
    _cross(part)
    return transfer


def moved_less(
    part: Part, transfer: OwnTransfer, fund: Fund, *, at: datetime
) -> tuple[OwnTransfer, Decimal]:
    """The other side of a transfer, of which a bank kept its fee on the way; `fund` bears it. Gives back both.

    What left is what arrived and the fee, whichever of the two lines came first.
    """
    hold([f"transfers {part.line.currency}"])
    side = _side(part, transfer)
    withheld = side - part.amount
    if side * part.amount < 0 or withheld <= 0:
        raise DoesNotFit(_("Not less arrived than left: no bank kept anything of this transfer."))
    if not transfer.matches.standing().exists():
        raise DoesNotFit(
            _("No line shows the other side of this transfer any more: match that one first.")
        )
    _cross(part)
    bear(part, fund, withheld, at=at)
    return transfer, withheld


def _cross(part: Part) -> None:
    """The line's side: from its account onto the way, or from there into it."""
    bank, transit = AccountKey.bank(part.line.account), AccountKey.transit(part.line.currency)
    if part.amount < 0:
        post(part, Entry.Kind.TRANSFER_LEFT, debit=transit, credit=bank)
    else:
        post(part, Entry.Kind.TRANSFER_ARRIVED, debit=bank, credit=transit)


def _meant(part: Part, transfer: OwnTransfer) -> OwnTransfer:
    side = _side(part, transfer)
    if (withheld := side - part.amount) > 0 and side * part.amount > 0:
        raise DoesNotFit(
            _(
                "%(amount)s of this transfer is missing: where a bank kept it, say which fund bears that fee."
            )
            % {"amount": written(withheld, transfer.currency)}
        )
    check_amount(part, side, transfer.currency)
    return transfer


def _side(part: Part, transfer: OwnTransfer) -> Decimal:
    """What the line's account should show of the transfer, with its sign, and has not yet."""
    side = transfer.side_of(part.line.account_id)
    if side is None:
        raise DoesNotFit(_("This transfer was between two other accounts."))
    if transfer.matches.standing().same_way(part.amount).exists():
        raise AlreadyMatched(_("This transfer was found on another line of this account already."))
    return side


def _shown(part: Part, other: BankAccount) -> OwnTransfer | None:
    """The longest waiting one of this amount that the other account's statement has shown and this one has not."""
    line = part.line
    if other.pk == line.account_id or other.currency != line.currency:
        raise DoesNotFit(_("Choose another account of ours, in the line's currency."))
    is_out = part.amount < 0
    left_from, arrives_at = (line.account, other) if is_out else (other, line.account)
    waiting: Any = OwnTransfer.objects.half_seen().filter(
        left_from=left_from, arrives_at=arrives_at, amount=abs(part.amount)
    )
    found: OwnTransfer | None = waiting.filter(has_left=not is_out).order_by("pk").first()
    return found
