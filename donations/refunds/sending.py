"""Asks Stripe for what was decided: our row says so first, under its own number, until Stripe has said yes or no."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from donations import stripe_api
from donations.models import Refund, RefundRequest, locks
from donations.retries import next_try

logger = logging.getLogger(__name__)

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)
Reason = RefundRequest.Reason
# Stripe's words; "fraudulent" also bars the card.
STRIPE_REASONS = {Reason.FRAUD: "fraudulent", Reason.DUPLICATE: "duplicate"}
# Stripe is busy with this very request: no answer yet.
NO_ANSWER = frozenset({"idempotency_key_in_use", "lock_timeout"})


def send_due(*, at: datetime) -> int:
    """Asks Stripe for every decided refund by card that it has not answered; returns how many it did.

    Not within a transaction: each is marked as sent, and committed, before Stripe is asked. A lost answer is asked for
    again under the same number, later after ever longer pauses; meanwhile the webhook may tell it too.
    """
    answered = 0
    for pk in RefundRequest.objects.due(at).order_by("pk").values_list("pk", flat=True):
        if request := _mark(pk, at=at):
            answered += _send(request, at=at)
    return answered


@transaction.atomic
def _mark(pk: int, *, at: datetime) -> RefundRequest | None:
    """The request, marked as sent; None when another process has it, or it needs nothing any more."""
    row = (
        RefundRequest.objects.due(at)
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("donation")
        .filter(pk=pk)
        .first()
    )
    if row is None:
        return None
    row.attempts += 1
    row.due_at = next_try(at, row.attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)
    row.sent_at = row.sent_at or at
    row.save(update_fields=["due_at", "attempts", "sent_at"])
    return row


def _send(request: RefundRequest, *, at: datetime) -> bool:
    try:
        facts = _ask(request)
    except stripe_api.StripeUnavailable:
        logger.warning("Stripe does not answer; refund request %s follows", request.pk)
        return False
    except stripe_api.StripeRefused as refusal:
        if str(refusal) in NO_ANSWER:
            return False
        RefundRequest.objects.filter(pk=request.pk, refund=None).update(
            failed_at=at, error=str(refusal)[:100]
        )
        return True
    _note(request, facts)
    return True


def _ask(request: RefundRequest) -> Mapping[str, Any]:
    payment = str(request.donation.stripe_payment_intent_id)
    # Stripe forgets a key after a day, but not what it did under it.
    if request.attempts > 1:
        for facts in stripe_api.refunds_of(payment):
            if facts.get("metadata", {}).get("refund") == str(request.number):
                return facts
    return stripe_api.refund(
        idempotency_key=request.idempotency_key,
        number=request.number,
        payment_intent_id=payment,
        currency=request.currency,
        amount=request.amount,
        reason=STRIPE_REASONS.get(Reason(request.reason), "requested_by_customer"),
    )


@transaction.atomic
def _note(request: RefundRequest, facts: Mapping[str, Any]) -> None:
    """Keeps Stripe's answer, unless its event has told it already. The money is booked from its balance."""
    # Stripe tells of it within moments.
    locks.hold([str(facts["id"])])
    told = Refund.told(facts, request.donation)
    refund, is_new = Refund.objects.get_or_create(
        stripe_refund_id=told.stripe_refund_id,
        defaults={
            name: getattr(told, name)
            for name in ("donation", "amount", "refunded_at", "status", "reason", "failure_reason")
        },
    )
    if not is_new and refund.hear(facts):
        refund.save(update_fields=["status", "failure_reason"])
    RefundRequest.objects.link([(facts, refund)])
