"""Answers a card's bank that suspects fraud: money is sent back before it becomes a dispute, which costs a fee too."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from donations.models import Donation, FraudWarning, RefundRequest

Answer = FraudWarning.Answer


def answer_warnings(*, at: datetime) -> int:
    """Asks, as the system itself, for a refund of all that is left of each donation a bank warned of; returns how many.

    Up to FRAUD_REFUND_LIMITS that is enough and it is sent; above, a person approves it (with one click) or refuses.
    """
    asked = 0
    for pk in FraudWarning.objects.unanswered().order_by("pk").values_list("pk", flat=True):
        asked += _answer(pk, at=at)
    return asked


@transaction.atomic
def _answer(pk: int, *, at: datetime) -> bool:
    warning = (
        FraudWarning.objects.unanswered().select_for_update(skip_locked=True).filter(pk=pk).first()
    )
    if warning is None:
        return False
    donation = Donation.objects.select_for_update(no_key=True).get(pk=warning.donation_id)
    left = donation.refundable()
    if not warning.is_actionable:
        warning.answer = Answer.NOT_ACTIONABLE
    elif left <= 0:
        warning.answer = Answer.NOTHING_LEFT
    else:
        warning.answer = Answer.REFUND
        warning.request = RefundRequest.objects.create(
            donation=donation,
            amount=left,
            currency=donation.currency,
            reason=RefundRequest.Reason.FRAUD,
            alone_limit=settings.FRAUD_REFUND_LIMITS.get(donation.currency, Decimal(0)),
            requested_at=at,
            due_at=at,
        )
    warning.answered_at = at
    warning.save(update_fields=["answer", "answered_at", "request"])
    return warning.answer == Answer.REFUND
