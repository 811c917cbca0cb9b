"""A supporter's pledge, and the way from it to Stripe's payment page. Makes no donation: the webhook does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from appeals.models import Appeal

from . import stripe_api
from .models import Checkout, Donation, Fund, Letter, Pledge, Supporter
from .references import new_reference
from .schedule import schedule_of
from .tokens import gift_path

# Stripe takes 30 minutes as the shortest life of a session; a short one leaves card testers little to hold on to.
SESSION_LIFE = timedelta(minutes=31)


class AlreadyPaid(Exception):
    """The gift arrived, or is on its way, or was called off: there is nothing to pay now."""


class TooManyDeclines(Exception):
    """So many cards were declined for this gift that no further one is tried."""


@dataclass(frozen=True)
class Gift:
    """What the form says, checked: `amount` is exact in `currency`; `email` may be empty."""

    appeal: Appeal
    fund: Fund
    method: Pledge.Method
    amount: Decimal
    currency: str
    email: str
    language: str


@transaction.atomic(durable=True)
def promise(gift: Gift, *, uuid: UUID, at: datetime) -> Pledge:
    """Keeps the gift as a pledge under the form's own `uuid`: sending the form twice gives the same pledge.

    Durable: when this returns the row is committed, whatever happens to Stripe or the supporter's connection.
    """
    supporter = (
        Supporter.objects.of_address(gift.email, language=gift.language, at=at)
        if gift.email
        else None
    )
    by_transfer = gift.method == Pledge.Method.TRANSFER
    pledge, is_new = Pledge.objects.get_or_create(
        uuid=uuid,
        defaults={
            "appeal": gift.appeal,
            "fund": gift.fund,
            "supporter": supporter,
            "method": gift.method,
            "frequency": Pledge.Frequency.ONCE,
            "amount": gift.amount,
            "currency": gift.currency,
            "language": gift.language,
            "reference": new_reference() if by_transfer else None,
            "created_at": at,
        },
    )
    if is_new and by_transfer and supporter:
        Letter.objects.create(
            kind=Letter.Kind.TRANSFER_DETAILS, pledge=pledge, created_at=at, due_at=at
        )
    return pledge


def start(pledge: Pledge, *, at: datetime) -> str:
    """The address of Stripe's page where `pledge` is paid.

    Our row and its idempotency key are committed before Stripe is asked, and asked again with the same key Stripe
    answers with the same session: a double click, a second tab or a lost answer never makes a second charge.
    Raises AlreadyPaid, TooManyDeclines, and stripe_api.StripeUnavailable or StripeRefused: nothing was charged then.
    """
    checkout, outdated = _open_checkout(pledge, at=at)
    for other in outdated:
        _close(other, at=at)
    back = f"{settings.SITE_URL}{gift_path(pledge)}"
    session = stripe_api.create_session(
        idempotency_key=checkout.idempotency_key,
        amount=checkout.amount,
        currency=pledge.currency,
        # Stands on Stripe's page and may reach a bank statement: no word of the cause.
        description=settings.FUND_NAME,
        pledge_uuid=pledge.uuid,
        locale=pledge.language,
        success_url=back,
        cancel_url=back,
        email=pledge.supporter.email if pledge.supporter else None,
        expires_at=checkout.expires_at,
    )
    if checkout.stripe_session_id != session.id:
        checkout.stripe_session_id = session.id
        checkout.save(update_fields=["stripe_session_id"])
    return session.url


@transaction.atomic(durable=True)
def _open_checkout(pledge: Pledge, *, at: datetime) -> tuple[Checkout, list[Checkout]]:
    """The checkout in progress for what is missing now, else a new one; and those open for another amount.

    The pledge's row is held meanwhile, so that two tabs get the same.
    """
    pledge = Pledge.objects.select_for_update(no_key=True).get(pk=pledge.pk)
    checkouts = list(pledge.checkouts.order_by("pk"))
    amount = _to_pay(pledge, checkouts, at=at)
    going = [checkout for checkout in checkouts if checkout.is_open(at)]
    fitting = [checkout for checkout in going if checkout.amount == amount]
    checkout = (
        fitting[-1]
        if fitting
        else Checkout.objects.create(
            pledge=pledge,
            amount=amount,
            idempotency_key=f"checkout-{pledge.uuid}-{len(checkouts) + 1}",
            created_at=at,
            expires_at=at + SESSION_LIFE,
        )
    )
    # Without a session nobody was ever shown the page.
    return checkout, [c for c in going if c != checkout and c.stripe_session_id]


def _to_pay(pledge: Pledge, checkouts: Sequence[Checkout], *, at: datetime) -> Decimal:
    """What is to be paid by card now; raises AlreadyPaid, TooManyDeclines."""
    schedule = schedule_of(pledge, at=at)
    if schedule.parts:
        amount = schedule.to_pay
    else:
        amount = Decimal(0) if schedule.received else pledge.total
    confirmed = sum(c.amount for c in checkouts if c.completed_at and not c.failed_at)
    booked = pledge.donations.filter(method=Donation.Method.CARD).aggregate(sum=Sum("amount"))
    if confirmed > (booked["sum"] or 0):
        # A bank debit on its way: paid on Stripe's page, money to follow in days.
        raise AlreadyPaid
    if pledge.cancelled_at or not amount:
        raise AlreadyPaid
    if checkouts and pledge.declines.count() >= Checkout.MOST_DECLINES:
        raise TooManyDeclines
    return amount


def _close(checkout: Checkout, *, at: datetime) -> None:
    """Shuts a page that asks for another amount than is missing now. Raises AlreadyPaid when it was paid meanwhile."""
    assert checkout.stripe_session_id is not None
    try:
        session = stripe_api.expire_session(checkout.stripe_session_id)
    except stripe_api.StripeRefused:
        session = stripe_api.retrieve_session(checkout.stripe_session_id)
    if session.status == "complete":
        raise AlreadyPaid
    Checkout.objects.filter(pk=checkout.pk, completed_at=None, failed_at=None).update(expired_at=at)
