"""What one person may say of a bank line alone, and what counts only when another approves it: no money leaves by one word."""

from datetime import datetime
from decimal import Decimal

from django.db.models import F, Q, Sum
from django.utils.translation import gettext as _

from ..models import Policy, StatementLine
from .errors import DoesNotFit

NOTHING = Decimal(0)


class NeedsAnother(DoesNotFit):
    """Another person has to approve it first: `explaining.request_explanation` asks for that."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "Money that left, and is no payment of ours, counts when another person has approved what it was. Ask for that."
            )
        )


def fee_needs_another(line: StatementLine, fee: Decimal, *, at: datetime) -> bool:
    """Whether a bank's fee of `fee`, with those that people booked of the line alone, is above what the policy lets one person
    book. The database refuses the same (the migration "line_explanations")."""
    if fee <= 0:
        return False
    policy = Policy.objects.in_force(on=at.date())
    limit = policy.fee_alone_up_to(line.currency) if policy else NOTHING
    return fee + _booked_alone(line) > limit


def _booked_alone(line: StatementLine) -> Decimal:
    is_fee = Q(amount__lt=0, source__isnull=False) & ~Q(explanation="")
    booked = line.matches.standing().filter(proposal=None)
    fees: dict[str, Decimal] = booked.aggregate(
        charged=Sum(-F("amount"), filter=is_fee, default=NOTHING),
        withheld=Sum("withheld", default=NOTHING),
    )
    return fees["charged"] + fees["withheld"]
