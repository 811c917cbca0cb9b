"""A supporter's pledge, and the way from it to Stripe's payment page. Makes no donation: the webhook does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from appeals.models import Appeal

from . import card_fees, stripe_api
from .models import (
    Checkout,
    Condition,
    Donation,
    Fund,
    Letter,
    Pledge,
    Subscription,
    Supporter,
)
from .references import new_reference
from .schedule import schedule_of
from .stripe_api import CardPage
from .stripe_facts import Session
from .tokens import gift_path

# Stripe takes 30 minutes as the shortest life of a session; a short one leaves card testers little to hold on to.
SESSION_LIFE = timedelta(minutes=33)
# For so long a request may still be on its way, and repeating it is in time for Stripe's shortest life.
ANSWER_AWAITED = timedelta(minutes=2)
# How many payment pages a sweep asks Stripe about.
LOOKED_UP_AT_ONCE = 50


class AlreadyPaid(Exception):
    """The gift arrived, or is on its way, or was called off: there is nothing to pay now."""


class TooManyDeclines(Exception):
    """So many cards were declined for this gift that no further one is tried."""


@dataclass(frozen=True)
class Gift:
    """What the form says, checked: `amount` is exact in `currency`; `email` may be empty.

    Then `supporter` may be who gave before, coming back to choose anew.
    """

    appeal: Appeal
    fund: Fund
    method: Pledge.Method
    amount: Decimal
    currency: str
    email: str
    language: str
    frequency: Pledge.Frequency = Pledge.Frequency.ONCE
    covers_fee: bool = False
    supporter: Supporter | None = None
    # Two capital letters, for what receipts say on taxes; empty: nowhere in particular.
    country: str = ""
    # Then the method is KEPT_CARD.
    condition: Condition | None = None

    @property
    def fee_cover(self) -> Decimal:
        """What is added for the card fees: computed here, whatever a form showed."""
        if not self.covers_fee or self.method != Pledge.Method.CARD:
            return Decimal(0)
        return card_fees.cover_of(self.amount, self.currency) or Decimal(0)


@transaction.atomic(durable=True)
def promise(gift: Gift, *, uuid: UUID, at: datetime) -> Pledge:
    """Keeps the gift as a pledge under the form's own `uuid`: sending the form twice gives the same pledge.

    Durable: when this returns the row is committed, whatever happens to Stripe or the supporter's connection.
    """
    supporter = (
        Supporter.objects.of_address(gift.email, language=gift.language, at=at)
        if gift.email
        else gift.supporter
    )
    by_transfer = gift.method == Pledge.Method.TRANSFER
    pledge, is_new = Pledge.objects.get_or_create(
        uuid=uuid,
        defaults={
            "appeal": gift.appeal,
            "fund": gift.fund,
            "supporter": supporter,
            "method": gift.method,
            "frequency": gift.frequency,
            "amount": gift.amount,
            "fee_cover": gift.fee_cover,
            "condition": gift.condition,
            "currency": gift.currency,
            "language": gift.language,
            "reference": new_reference() if by_transfer else None,
            "country": gift.country,
            "created_at": at,
        },
    )
    if not is_new:
        _correct(pledge, gift, supporter)
    if is_new and by_transfer and supporter:
        Letter.objects.create(
            kind=Letter.Kind.TRANSFER_DETAILS, pledge=pledge, created_at=at, due_at=at
        )
    return pledge


def _correct(pledge: Pledge, gift: Gift, supporter: Supporter | None) -> None:
    """Takes over the address and the country from the form sent again, as long as nothing came of it and nobody was written to."""
    untold = Pledge.objects.filter(pk=pledge.pk, erased_at=None, donations=None).exclude(
        letters__sent_at__isnull=False
    )
    before = pledge.supporter
    if (before, pledge.country) == (supporter, gift.country) or not untold.exists():
        return
    pledge.supporter, pledge.country = supporter, gift.country
    pledge.save(update_fields=["supporter", "country"])
    if before and not before.pledges.exists() and not before.letters.exists():
        before.delete()


def start(pledge: Pledge, *, at: datetime) -> str:
    """The address of Stripe's page where `pledge` is paid.

    Our row and its idempotency key are committed before Stripe is asked, and asked again with the same key Stripe
    answers with the same session: a double click, a second tab or a lost answer never makes a second charge. A page
    opened before is asked after first: one that was paid raises AlreadyPaid, told of yet or not.
    Raises AlreadyPaid, TooManyDeclines, and stripe_api.StripeUnavailable or StripeRefused: nothing was charged then.
    """
    checkout, outdated = _open_checkout(pledge, at=at)
    for other in outdated:
        _close(other, at=at)
    if checkout.stripe_session_id:
        session = stripe_api.retrieve_session(checkout.stripe_session_id)
        if session.status == "complete":
            raise AlreadyPaid
        if session.status == "open":
            return session.url
        checkout.expire(at=at)
        checkout, _outdated = _open_checkout(pledge, at=at)
    page = (_keep_page if checkout.keeps_card else _payment_page)(checkout, pledge)
    if checkout.stripe_session_id != page.id:
        checkout.stripe_session_id = page.id
        checkout.save(update_fields=["stripe_session_id"])
    return page.url


def _payment_page(checkout: Checkout, pledge: Pledge) -> Session:
    return stripe_api.create_session(
        idempotency_key=checkout.idempotency_key,
        amount=checkout.amount - pledge.fee_cover,
        fee_cover=pledge.fee_cover,
        currency=pledge.currency,
        # Stands on Stripe's page and may reach a bank statement: no word of the cause.
        description=settings.FUND_NAME,
        pledge_uuid=pledge.uuid,
        locale=pledge.language,
        success_url=_back_to(pledge),
        cancel_url=_back_to(pledge),
        email=pledge.supporter.email if pledge.supporter else None,
        expires_at=checkout.expires_at,
        monthly=pledge.is_monthly_by_card,
    )


def _keep_page(checkout: Checkout, pledge: Pledge) -> CardPage:
    """Stripe's page on which the card of a gift on condition is left."""
    assert pledge.supporter is not None  # pledge_kept_card_has_its_condition
    return stripe_api.open_keep_page(
        idempotency_key=checkout.idempotency_key,
        currency=pledge.currency,
        pledge_uuid=pledge.uuid,
        locale=pledge.language,
        back=_back_to(pledge),
        email=pledge.supporter.email,
        expires_at=checkout.expires_at,
    )


def _back_to(pledge: Pledge) -> str:
    return f"{settings.SITE_URL}{gift_path(pledge)}"


@transaction.atomic(durable=True)
def _open_checkout(pledge: Pledge, *, at: datetime) -> tuple[Checkout, list[Checkout]]:
    """The checkout in progress for what is missing now, else a new one; and those open for another amount.

    The pledge's row is held meanwhile, so that two tabs get the same.
    """
    pledge = Pledge.objects.select_for_update(no_key=True).get(pk=pledge.pk)
    checkouts = list(pledge.checkouts.order_by("pk"))
    amount = _to_pay(pledge, checkouts, at=at)
    going = [checkout for checkout in checkouts if not checkout.is_over]
    for checkout in going:
        if not checkout.stripe_session_id and checkout.created_at <= at - ANSWER_AWAITED:
            # Stripe's answer is lost, so nobody was sent to its page; and the same is too late for it by now.
            checkout.expire(at=at)
    going = [checkout for checkout in going if not checkout.is_over]
    keeps_card = _keeps_card(pledge, checkouts)
    fitting = [c for c in going if (c.amount, c.keeps_card) == (amount, keeps_card)]
    checkout = (
        fitting[-1]
        if fitting
        else Checkout.objects.create(
            pledge=pledge,
            amount=amount,
            keeps_card=keeps_card,
            idempotency_key=f"checkout-{pledge.uuid}-{len(checkouts) + 1}",
            created_at=at,
            expires_at=at + SESSION_LIFE,
        )
    )
    # Without a session nobody was ever shown the page.
    return checkout, [c for c in going if c != checkout and c.stripe_session_id]


def _keeps_card(pledge: Pledge, checkouts: Sequence[Checkout]) -> bool:
    """Whether the page is for leaving the card of a gift on condition; raises AlreadyPaid when that is done.

    Once the condition is met and Stripe could not charge the card, its supporter pays like anyone else.
    """
    if pledge.condition is None:
        return False
    if pledge.condition.failed_at or pledge.card_charges.filter(declined_at=None).exists():
        raise AlreadyPaid
    if pledge.card_charges.exists():
        return False
    if any(checkout.keeps_card and checkout.completed_at for checkout in checkouts):
        raise AlreadyPaid
    return True


def _to_pay(pledge: Pledge, checkouts: Sequence[Checkout], *, at: datetime) -> Decimal:
    """What is to be paid by card now; raises AlreadyPaid, TooManyDeclines."""
    schedule = schedule_of(pledge, at=at)
    if schedule.parts:
        amount = schedule.to_pay
    else:
        amount = Decimal(0) if schedule.received else pledge.total
    paid = [c for c in checkouts if c.completed_at and not c.failed_at and not c.keeps_card]
    confirmed = sum(checkout.amount for checkout in paid)
    if confirmed > pledge.donations.filter(method=Donation.Method.CARD).total():
        # A bank debit on its way: paid on Stripe's page, money to follow in days.
        raise AlreadyPaid
    if pledge.cancelled_at or not amount:
        raise AlreadyPaid
    if checkouts and pledge.declines.count() >= Checkout.MOST_DECLINES:
        raise TooManyDeclines
    return amount


def _close(checkout: Checkout, *, at: datetime) -> None:
    """Shuts a page that is not wanted any more. Raises AlreadyPaid when it was paid meanwhile."""
    assert checkout.stripe_session_id is not None
    try:
        session = stripe_api.expire_session(checkout.stripe_session_id)
    except stripe_api.StripeRefused:
        session = stripe_api.retrieve_session(checkout.stripe_session_id)
    if session.status == "complete":
        raise AlreadyPaid
    checkout.expire(at=at)


def abandon(pledge: Pledge, *, at: datetime) -> None:
    """Closes the payment page of a gift that its supporter chose anew, and calls off a transfer that was announced.

    A page that cannot be closed expires by itself. Of a monthly gift that has ended nothing is open: to give again is a
    gift of its own. Raises AlreadyPaid when it was paid, and stripe_api.StripeUnavailable.
    """
    subscription: Subscription | None = getattr(pledge, "subscription", None)
    if subscription and not subscription.is_live:
        return
    if pledge.donations.exists():
        raise AlreadyPaid
    if pledge.is_announced_transfer:
        Pledge.objects.filter(pk=pledge.pk, cancelled_at=None).update(cancelled_at=at)
    for checkout in pledge.checkouts.untold().filter(stripe_session_id__isnull=False):
        _close(checkout, at=at)


def look_up(*, at: datetime) -> datetime | None:
    """Asks Stripe after payment pages whose time is over and whose end was never told; notes those nobody paid on.

    Returns since when events must be fetched, because some of them were paid; else None. Raises
    stripe_api.StripeUnavailable.
    """
    overdue = Checkout.objects.untold().filter(expires_at__lt=at - ANSWER_AWAITED)
    overdue.filter(stripe_session_id=None).update(expired_at=F("expires_at"))
    since = None
    due = overdue.filter(Q(look_up_at=None) | Q(look_up_at__lte=at))
    for checkout in due.order_by("-expires_at")[:LOOKED_UP_AT_ONCE]:
        assert checkout.stripe_session_id is not None
        try:
            session = stripe_api.retrieve_session(checkout.stripe_session_id)
        except stripe_api.StripeRefused:
            # Of another account or mode than today's key: nothing can be learned of it any more.
            session = None
        # What stays untold, because its event was refused, is asked about ever more seldom.
        checkout.look_up_at = at + (at - checkout.expires_at)
        checkout.save(update_fields=["look_up_at"])
        if session is None:
            continue
        if session.status == "expired":
            checkout.expire(at=at)
        elif session.status == "complete":
            since = min(since or checkout.created_at, checkout.created_at)
    return since
