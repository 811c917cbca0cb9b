"""READ: how many payments were made with one approval in an emergency, for the public: a count, never which."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from .models import Disbursement


@dataclass(frozen=True)
class Emergencies:
    """`paid` in all, `unsigned` of them without a third person's approval yet, `overdue` of those beyond the policy's hours."""

    paid: int
    unsigned: int
    overdue: int


def emergencies(*, at: datetime) -> Emergencies:
    late = Disbursement.objects.overdue(at=at).values("pk")
    return Emergencies(
        **Disbursement.objects.emergencies().aggregate(
            paid=Count("pk"),
            unsigned=Count("pk", filter=Q(seconded_at=None)),
            overdue=Count("pk", filter=Q(pk__in=late)),
        )
    )
