"""What happened, as events: kept for who asks, and sent to our door if they are among those we asked Stripe for."""

from datetime import datetime

from donations.stripe_facts import EVENT_TYPES

from . import faults, objects
from .models import SandboxDelivery, SandboxObject
from .objects import Json


def emit(type_: str, subject: Json, *, at: datetime, before: Json | None = None) -> SandboxObject:
    """An event about `subject` as it is now, and `before` as it was, where the event tells of a change.

    Its webhook is due at once, unless something is to go wrong (faults.py), and once what is done here is committed.
    """
    is_sent = type_ in EVENT_TYPES
    event = objects.keep(
        objects.event(type_, subject, webhooks=int(is_sent), at=at, before=before), at=at
    )
    if is_sent:
        faults.send(event, at=at)
    return event


def deliver_again(event: SandboxObject, *, at: datetime) -> SandboxDelivery:
    """One more delivery of an event, at once, whatever became of the others: Stripe too sends some twice."""
    return SandboxDelivery.objects.create(event=event, due_at=at)
