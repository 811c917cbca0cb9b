"""A bank line, or the part of it that somebody explains: held under a lock, so that no unit of it is explained twice."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from .. import ledger
from ..currencies import is_exact, written
from ..ledger import Posting
from ..models import AccountKey, BankAccount, Entry, StatementLine
from .errors import AlreadyMatched, DoesNotFit


@dataclass(frozen=True)
class Part:
    """Of a line, held until the end of the transaction, what a match is to be of: the amount with the line's sign."""

    line: StatementLine
    amount: Decimal
    # The name of the fact in the ledger, where a source is booked once for ever: each match of a line has its own.
    source: str


def open_part(line: StatementLine, amount: Decimal | None) -> Part:
    """The line, held until the end of the transaction: of two people who match it, the second finds it matched."""
    line = (
        StatementLine.objects.select_for_update(of=("self",))
        .select_related("account")
        .get(pk=line.pk)
    )
    left = line.open_amount
    if not left:
        other = line.matches.standing().select_related("confirmed_by").latest("pk")
        if other.confirmed_by is None:
            raise AlreadyMatched(_("This line was matched by itself at the import."))
        raise AlreadyMatched(
            _("%(person)s has matched this line already, on %(day)s. Nothing was changed.")
            % {
                "person": other.confirmed_by.get_username(),
                "day": plain_day(other.confirmed_at.date()),
            }
        )
    amount = left if amount is None else amount
    if not is_exact(amount, line.currency):
        raise DoesNotFit(
            _("%(amount)s has more decimals than %(currency)s has.")
            % {"amount": amount, "currency": line.currency}
        )
    if not amount or amount / left < 0 or abs(amount) > abs(left):
        raise DoesNotFit(
            _("Of this line %(open)s is open: a part of it has the same sign and is no more.")
            % {"open": written(left, line.currency)}
        )
    return Part(line, amount, source_of(line.account, line.key, line.matches.count()))


def check_amount(part: Part, amount: Decimal, currency: str) -> None:
    if (part.amount, part.line.currency) != (amount, currency):
        raise DoesNotFit(
            _("The line moves %(line)s, this would be %(amount)s.")
            % {
                "line": written(part.amount, part.line.currency),
                "amount": written(amount, currency),
            }
        )


def post(part: Part, kind: Entry.Kind, *, debit: AccountKey, credit: AccountKey) -> None:
    """Books the part on the line's day."""
    ledger.post(
        Posting(
            kind=kind,
            debit=debit,
            credit=credit,
            amount=abs(part.amount),
            booked_on=part.line.booked_on,
            source=part.source,
        )
    )


def source_of(account: BankAccount, key: str, matches_before: int = 0) -> str:
    """The name of the fact in the ledger: of each match of a line another."""
    again = f":{matches_before + 1}" if matches_before else ""
    return f"bank:{account.code}:{key}{again}"
