"""VERB: accept a dispute as lost, where the bank is not answered: asked for by a person, told to Stripe afterwards."""

import logging
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from . import stripe_api
from .models import Dispute
from .retries import next_try

logger = logging.getLogger(__name__)

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)


class DisputeError(Exception):
    """A step of a dispute that is refused; the message is a sentence for the office."""


class WrongState(DisputeError):
    """It has ended, was accepted already, or is an inquiry."""


class NoReason(DisputeError):
    """Money is given up with a reason."""


@transaction.atomic
def accept(dispute: Dispute, *, reason: str, by: User, at: datetime) -> Dispute:
    """Decides that the dispute is not answered: it is lost for good, as soon as Stripe has been told. Raises DisputeError's
    kinds."""
    row = Dispute.objects.select_for_update().get(pk=dispute.pk)
    if not row.is_open:
        raise WrongState(_("This dispute has ended."))
    if row.is_inquiry:
        raise WrongState(_("The bank only asks so far: send the money back, or answer at Stripe."))
    if row.accepted_at and not row.error:
        raise WrongState(_("This dispute is accepted already."))
    if not reason.strip():
        raise NoReason(_("Say why the dispute is not answered."))
    row.accepted_by, row.accepted_at, row.acceptance_reason = by, at, reason.strip()
    row.due_at, row.error = at, ""
    row.save(update_fields=["accepted_by", "accepted_at", "acceptance_reason", "due_at", "error"])
    return row


def send_due(*, at: datetime) -> int:
    """Tells Stripe of every dispute that was accepted; returns how many it took. Not within a transaction."""
    told = 0
    for pk in Dispute.objects.unsent(at).order_by("pk").values_list("pk", flat=True):
        if row := _mark(pk, at=at):
            told += _send(row, at=at)
    return told


@transaction.atomic
def _mark(pk: int, *, at: datetime) -> Dispute | None:
    row = Dispute.objects.unsent(at).select_for_update(skip_locked=True).filter(pk=pk).first()
    if row is None:
        return None
    row.attempts += 1
    row.due_at = next_try(at, row.attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)
    row.save(update_fields=["due_at", "attempts"])
    return row


def _send(dispute: Dispute, *, at: datetime) -> bool:
    name = dispute.stripe_dispute_id
    try:
        facts = stripe_api.close_dispute(name, idempotency_key=f"accept-{name}")
    except stripe_api.StripeUnavailable:
        logger.warning("Stripe does not answer; dispute %s follows", name)
        return False
    except stripe_api.StripeRefused as refusal:
        # It may have ended meanwhile, which its event tells; or be past answering.
        Dispute.objects.filter(pk=dispute.pk).update(error=str(refusal)[:100])
        return False
    with transaction.atomic():
        row = Dispute.objects.select_for_update().get(pk=dispute.pk)
        if row.hear(facts, at=at):
            row.save(update_fields=Dispute.TOLD)
    return True
