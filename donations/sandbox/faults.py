"""What goes wrong on purpose: webhooks twice, late, out of order or never; answers of the API that fail."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min

from .models import SandboxDelivery, SandboxFaults, SandboxObject

# How long webhooks are held back so that the newest of them can go first.
HELD = timedelta(seconds=2)
BEFORE = timedelta(milliseconds=1)
DROPPED = "dropped"


def current() -> SandboxFaults:
    """The faults in force; none where nobody has set any."""
    return SandboxFaults.objects.filter(pk=SandboxFaults.ONLY).first() or SandboxFaults()


def reset() -> None:
    """Nothing goes wrong on purpose any more; what is on its way late stays so."""
    SandboxFaults.objects.all().delete()


def send(event: SandboxObject, *, at: datetime) -> None:
    """Sets an event's webhook on its way, as the faults in force have it."""
    faults = current()
    due = at + timedelta(seconds=faults.late_seconds)
    if faults.is_out_of_order:
        due = _before_all_others(due, at=at)
    copies = 2 if faults.is_twice else 1
    is_dropped = secrets.randbelow(100) < faults.drop_percent
    SandboxDelivery.objects.bulk_create(
        SandboxDelivery(
            event=event,
            due_at=due,
            given_up_at=at if is_dropped else None,
            last_answer=DROPPED if is_dropped else "",
        )
        for _copy in range(copies)
    )


def _before_all_others(due: datetime, *, at: datetime) -> datetime:
    """Just before those that wait for their first try; alone, some seconds late, so that another can overtake."""
    waiting = SandboxDelivery.objects.waiting().filter(attempts=0, due_at__gt=at)
    first: datetime | None = waiting.aggregate(first=Min("due_at"))["first"]
    return first - BEFORE if first else due + HELD


def strike(method: str) -> str:
    """How the API fails for this request ("post" …), one of SandboxFaults.Api; empty when it does not.

    It counts as one of the requests that were to fail, even if what the request does is rolled back.
    """
    concerned = SandboxFaults.objects.filter(api_requests__gt=0)
    if method == "get":
        concerned = concerned.filter(fails_reads=True)
    if not concerned.exists():
        return ""
    with transaction.atomic():
        faults = concerned.select_for_update().first()
        if faults is None:
            return ""
        fault, faults.api_requests = faults.api_fault, faults.api_requests - 1
        if faults.api_requests == 0:
            faults.api_fault = ""
        faults.save(update_fields=["api_requests", "api_fault"])
    return fault
