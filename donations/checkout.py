"""A supporter's pledge, and the way from it to Stripe's payment page. Makes no donation: the webhook does."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction

from appeals.models import Appeal
from defensefund.privacy import keyed_hash

from . import stripe_api
from .models import Checkout, Fund, Letter, Pledge, Supporter
from .references import new_reference
from .tokens import gift_path

# Stripe takes 30 minutes as the shortest life of a session; a short one leaves card testers little to hold on to.
SESSION_LIFE = timedelta(minutes=31)


class AlreadyPaid(Exception):
    """The gift arrived: there is nothing left to pay."""


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
    supporter = _supporter(gift, at=at) if gift.email else None
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


def _supporter(gift: Gift, *, at: datetime) -> Supporter:
    supporter, _is_new = Supporter.objects.get_or_create(
        email_hash=keyed_hash(gift.email, purpose="email"),
        defaults={"email": gift.email, "language": gift.language, "created_at": at},
    )
    return supporter


def start(pledge: Pledge, *, at: datetime) -> str:
    """The address of Stripe's page where `pledge` is paid.

    Our row and its idempotency key are committed before Stripe is asked, and asked again with the same key Stripe
    answers with the same session: a double click, a second tab or a lost answer never makes a second charge.
    Raises AlreadyPaid, and stripe_api.StripeUnavailable or StripeRefused: nothing was charged then.
    """
    checkout = _open_checkout(pledge, at=at)
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
def _open_checkout(pledge: Pledge, *, at: datetime) -> Checkout:
    """The checkout in progress, else a new one. The pledge's row is held meanwhile, so that two tabs get the same."""
    Pledge.objects.select_for_update(no_key=True).get(pk=pledge.pk)
    if pledge.donations.exists():
        raise AlreadyPaid
    checkouts = list(pledge.checkouts.order_by("pk"))
    if checkouts and checkouts[-1].completed_at and not checkouts[-1].failed_at:
        # A bank debit on its way: paid on Stripe's page, money to follow in days.
        raise AlreadyPaid
    if checkouts and checkouts[-1].is_open(at):
        return checkouts[-1]
    return Checkout.objects.create(
        pledge=pledge,
        amount=pledge.amount,
        idempotency_key=f"checkout-{pledge.uuid}-{len(checkouts) + 1}",
        created_at=at,
        expires_at=at + SESSION_LIFE,
    )
