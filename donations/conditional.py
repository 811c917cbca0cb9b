"""VERB: gifts on condition. The card lies at Stripe; it is charged when the target is met by its day, else forgotten.

Decided under a lock on the condition, once. Every charge is committed here with its key before Stripe is asked; one without
an answer is looked up at Stripe before it is asked again. What was paid is booked by the webhook alone.
"""

import logging
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from . import stripe_api
from .models import CardCharge, Checkout, Condition, Donation, KeptCard, Letter, Pledge
from .transparency import came_in_for_appeal

logger = logging.getLogger(__name__)

# Between two tries at a declined card.
TRY_AGAIN = timedelta(days=3)


class Decided(Exception):
    """The condition is met or failed already: nothing was changed."""


def run(*, at: datetime) -> None:
    """All that is due, in the order of a gift's life. Raises stripe_api.StripeUnavailable; the next run goes on there."""
    keep_cards(at=at)
    decide(at=at)
    charge_due(at=at)
    release_due(at=at)


def keep_cards(*, at: datetime) -> int:
    """Notes the cards that were left on Stripe's page since; returns how many."""
    left = Checkout.objects.filter(
        keeps_card=True, completed_at__isnull=False, pledge__kept_card=None
    ).select_related("pledge")
    kept = 0
    for checkout in left:
        assert checkout.stripe_session_id is not None
        if names := stripe_api.kept_card(checkout.stripe_session_id):
            customer, method = names
            _card, is_new = KeptCard.objects.get_or_create(
                pledge=checkout.pledge,
                defaults={
                    "stripe_customer_id": customer,
                    "stripe_payment_method_id": method,
                    "kept_at": at,
                },
            )
            kept += is_new
    return kept


def decide(*, at: datetime) -> int:
    """Decides each condition whose target is met, or whose last day is over; announces it to all. Returns how many."""
    decided = 0
    for pk in list(Condition.objects.undecided().values_list("pk", flat=True)):
        with transaction.atomic():
            condition = _held(pk)
            if condition.is_decided:
                continue
            in_time = at.date() <= condition.ends_on
            if in_time and reached(condition) >= condition.target:
                condition.met_at = at
                condition.save(update_fields=["met_at"])
                _announce(condition, Letter.Kind.CONDITION_MET, at=at)
            elif not in_time:
                _fail(condition, at=at)
            decided += condition.is_decided
    return decided


def reached(condition: Condition) -> Decimal:
    """What arrived for the appeal and what lies promised on the condition, in its currency."""
    arrived = [
        c.arrived for c in came_in_for_appeal(condition.appeal) if c.currency == condition.currency
    ]
    promised = _lying(condition).aggregate(sum=Sum("amount"))["sum"] if condition.pk else None
    return sum(arrived, Decimal(0)) + (promised or Decimal(0))


@transaction.atomic
def call_off(condition: Condition, *, by: User, at: datetime) -> Condition:
    """Ends a condition that is not decided: no card is charged, all are forgotten. Raises Decided."""
    condition = _held(condition.pk)
    if condition.is_decided:
        raise Decided
    _fail(condition, at=at)
    return condition


@transaction.atomic
def withdraw(pledge: Pledge, *, at: datetime) -> Pledge:
    """A supporter takes a gift on condition back before it is decided; the card is forgotten. Raises Decided."""
    assert pledge.condition_id is not None
    if _held(pledge.condition_id).met_at:
        raise Decided
    pledge = Pledge.objects.select_for_update(no_key=True).get(pk=pledge.pk)
    if not pledge.cancelled_at:
        pledge.cancelled_at = at
        pledge.save(update_fields=["cancelled_at"])
    return pledge


def charge_due(*, at: datetime) -> int:
    """Charges each kept card of a met condition once; returns how many went through."""
    standing = Donation.objects.standing().filter(pledge=OuterRef("pk"))
    waiting = Pledge.objects.filter(
        ~Exists(standing),
        condition__met_at__isnull=False,
        kept_card__released_at=None,
        kept_card__isnull=False,
        cancelled_at=None,
    )
    charged = 0
    for pk in list(waiting.values_list("pk", flat=True)):
        charge = _next_charge(pk, at=at)
        charged += charge is not None and _ask(charge, at=at)
    return charged


@transaction.atomic(durable=True)
def _next_charge(pk: int, *, at: datetime) -> CardCharge | None:
    """The try without an outcome, else a new one where it is time for it; committed when this returns."""
    pledge = (
        Pledge.objects.select_for_update(no_key=True, of=("self",))
        .select_related("condition", "kept_card")
        .get(pk=pk)
    )
    charges = list(pledge.card_charges.all())
    last = charges[-1] if charges else None
    if last and last.declined_at is None:
        return None if last.succeeded_at else last
    if _is_given_up(charges) or (last and last.declined_at and at < last.declined_at + TRY_AGAIN):
        return None
    # The supporter pays by hand just now, or did.
    if pledge.cancelled_at or pledge.donations.exists():
        return None
    if pledge.checkouts.filter(keeps_card=False, failed_at=None, expired_at=None).exists():
        return None
    return CardCharge.objects.create(
        pledge=pledge, idempotency_key=f"kept-{pledge.uuid}-{len(charges) + 1}", asked_at=at
    )


def _ask(charge: CardCharge, *, at: datetime) -> bool:
    """Asks Stripe, and notes the outcome. What it is asked a second time it is first asked whether it did already."""
    pledge, card = charge.pledge, charge.pledge.kept_card
    # Stripe forgets a key after a day: with the customer, who is this pledge's alone, it remembers for good.
    made = [p.status for p in stripe_api.payments_of(card.stripe_customer_id)]
    if "succeeded" in made:
        return _note(charge, succeeded_at=at)
    if "processing" in made:
        return False
    try:
        payment = stripe_api.charge_kept_card(
            idempotency_key=charge.idempotency_key,
            customer_id=card.stripe_customer_id,
            payment_method_id=card.stripe_payment_method_id,
            amount=pledge.amount,
            currency=pledge.currency,
            # May reach a bank statement: no word of the cause.
            description=settings.FUND_NAME,
            pledge_uuid=pledge.uuid,
        )
    except stripe_api.StripeRefused as refusal:
        return _declined(charge, str(refusal), at=at)
    return payment.status == "succeeded" and _note(charge, succeeded_at=at)


def _note(charge: CardCharge, *, succeeded_at: datetime) -> bool:
    open_ = CardCharge.objects.filter(pk=charge.pk, declined_at=None, succeeded_at=None)
    return bool(open_.update(succeeded_at=succeeded_at))


def _declined(charge: CardCharge, code: str, *, at: datetime) -> bool:
    with transaction.atomic():
        open_ = CardCharge.objects.filter(pk=charge.pk, declined_at=None, succeeded_at=None)
        if open_.update(declined_at=at, code=code[:100]):
            _write(charge.pledge, Letter.Kind.KEPT_CARD_FAILED, charge.idempotency_key, at=at)
    return False


def release_due(*, at: datetime) -> int:
    """Has Stripe forget each card that is not to be charged any more; returns how many."""
    standing = Donation.objects.standing().filter(pledge=OuterRef("pledge"))
    lying = (
        KeptCard.objects.filter(released_at=None)
        .filter(
            Q(pledge__condition__failed_at__isnull=False)
            | Q(pledge__cancelled_at__isnull=False)
            | Exists(standing)
            | Q(pledge__card_charges__declined_at__isnull=False)
        )
        .distinct()
        .select_related("pledge")
    )
    released = 0
    for card in lying:
        charges = list(card.pledge.card_charges.all())
        is_waiting = bool(charges) and not _is_given_up(charges)
        if any(c.declined_at is None and c.succeeded_at is None for c in charges):
            # A charge is under way: the card is not taken from under it.
            continue
        if is_waiting and not (card.pledge.cancelled_at or card.pledge.donations.exists()):
            continue
        stripe_api.forget_card(
            customer_id=card.stripe_customer_id, payment_method_id=card.stripe_payment_method_id
        )
        released += KeptCard.objects.filter(pk=card.pk, released_at=None).update(released_at=at)
    return released


def _is_given_up(charges: list[CardCharge]) -> bool:
    declined = [charge for charge in charges if charge.declined_at]
    return len(declined) >= CardCharge.MOST or any(charge.asks_supporter for charge in declined)


def _held(pk: int) -> Condition:
    held = Condition.objects.select_for_update(of=("self",))
    return held.select_related("appeal").get(pk=pk)


def _lying(condition: Condition) -> QuerySet[Pledge]:
    return condition.pledges.filter(
        cancelled_at=None, kept_card__isnull=False, kept_card__released_at=None
    )


def _fail(condition: Condition, *, at: datetime) -> None:
    condition.failed_at = at
    condition.save(update_fields=["failed_at"])
    _announce(condition, Letter.Kind.CONDITION_FAILED, at=at)


def _announce(condition: Condition, kind: Letter.Kind, *, at: datetime) -> None:
    for pledge in _lying(condition):
        _write(pledge, kind, "", at=at)


def _write(pledge: Pledge, kind: Letter.Kind, occasion: str, *, at: datetime) -> None:
    if pledge.supporter_id:
        Letter.objects.get_or_create(
            kind=kind,
            pledge=pledge,
            donation=None,
            occasion=occasion,
            defaults={"created_at": at, "due_at": at},
        )
