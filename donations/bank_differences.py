"""READ: where a notification of the bank (CAMT.054) and the line of the statement that it names say different amounts."""

from collections.abc import Collection

from django.db.models import Exists, F, OuterRef, Q

from .line_names import Difference, Named, lines_named, place, told_in
from .models import BankAccount, StatementDetail, StatementLine, StatementMatch


def differences_of(lines: Collection[StatementLine] | None = None) -> dict[int, Difference]:
    """By the key of a line what a notification that names it says otherwise: of `lines`, or of all. A line of which another
    notification says what it is made of has none. Four queries, and two for each further account of which something waits."""
    told = _waiting(lines)
    found: dict[tuple[int, str], Difference] = {}
    for account in BankAccount.objects.filter(pk__in=told) if told else ():
        waiting = list(told[account.pk].values())
        near = lines_named(account, waiting, but=())
        explained = set(
            account.details.filter(key__in=[line.key for line in near]).values_list(
                "key", flat=True
            )
        )
        free = [line for line in near if line.key not in explained]
        for one, where in zip(waiting, place(waiting, free), strict=True):
            if where.other:
                found[account.pk, where.other.key] = Difference(
                    where.other.booked_on, where.other.amount, one.amount, account.currency
                )
    if lines is None:
        keys = [key for _account, key in found]
        rows = StatementLine.objects.filter(account__in=told, key__in=keys) if keys else ()
    else:
        rows = lines  # type: ignore[assignment]
    return {
        row.pk: found[row.account_id, row.key] for row in rows if (row.account_id, row.key) in found
    }


def _waiting(lines: Collection[StatementLine] | None) -> dict[int, dict[str, Named]]:
    """By account and key what was told of movements that are no line's; of `lines`, what has a name of theirs."""
    here = StatementLine.objects.filter(account=OuterRef("account"), key=OuterRef("key"))
    details = StatementDetail.objects.filter(~Exists(here), names__len__gt=0)
    if lines is not None:
        names = sorted({name for line in lines for name in line.names or ()})
        if not names:
            return {}
        details = details.filter(
            account__in={line.account_id for line in lines}, names__overlap=names
        )
    return told_in(details)


def unsettled() -> list[tuple[StatementLine, Difference]]:
    """Those of lines of which no person has said wholly what they are, in sight of both amounts; by day."""
    found = differences_of()
    if not found:
        return []
    by_people = StatementMatch.objects.standing().filter(
        line=OuterRef("pk"), confirmed_by__isnull=False
    )
    lines = StatementLine.objects.filter(
        ~Q(explained=F("amount")) | ~Exists(by_people), pk__in=found
    )
    return [
        (line, found[line.pk])
        for line in lines.select_related("account").order_by("booked_on", "pk")
    ]
