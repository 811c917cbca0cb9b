"""What time alone brings: pages close, regular gifts are billed, failed cards are tried again."""

from datetime import datetime

from django.db import transaction

from donations.sandbox.models import SandboxObject

from .checkout import expire_due
from .invoices import pay_invoice
from .subscriptions import renew

# At most so many at one turn: the next comes within a minute.
AT_ONCE = 100


def pass_time(*, at: datetime) -> None:
    """Does all that has fallen due by `at`."""
    expire_due(at=at)
    for kind, act in (("subscription", renew), ("invoice", pay_invoice)):
        due = SandboxObject.objects.of_kind(kind).due(at)
        for object_id in list(due.values_list("id", flat=True)[:AT_ONCE]):
            with transaction.atomic():
                held = SandboxObject.objects.select_for_update().get(id=object_id)
                if held.due_at and held.due_at <= at:
                    act(object_id, at=at)
