"""A payout whose movements Stripe never tells, as those made by hand: somebody looked at it and says why that is well."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from donations.models import Payout

from .explaining import NoReason, NotOpen


@transaction.atomic
def accept(payout: Payout, *, reason: str, by: User, at: datetime) -> Payout:
    """Notes once, for good, who looked at it and why it has no movements; books nothing. Raises NotOpen, NoReason."""
    row = Payout.objects.select_for_update().get(pk=payout.pk)
    if why := why_not_accept(row):
        raise NotOpen(why)
    if not reason.strip():
        raise NoReason(
            _("Say why Stripe does not tell its movements, as that it was made by hand.")
        )
    row.accepted_by, row.accepted_at, row.accepted_reason = by, at, reason.strip()
    row.save(update_fields=["accepted_by", "accepted_at", "accepted_reason"])
    return row


def why_not_accept(payout: Payout) -> str:
    """Why there is nothing to accept; empty where there is."""
    if payout.accepted_at:
        return _("Somebody has accepted this payout already.")
    if payout.itemised_at:
        return _("Stripe has said which movements this payout is the sum of.")
    return _("This payout came back to Stripe.") if payout.returned_at else ""
