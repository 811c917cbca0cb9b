"""VERB: a way to give is paused and reopened by people; it pauses by itself when the banks decline most cards tried."""

from datetime import datetime, timedelta
from decimal import Decimal
from logging import getLogger

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import Count, Max
from django.utils import translation
from django.utils.translation import gettext as _
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from defensefund.letters import words_of
from defensefund.roles import reachable

from . import stripe_api
from .giving_health import cards_arrived
from .models import Checkout, Decline, PaymentPause

logger = getLogger(__name__)

# So many declined cards within the span, and so much of all the cards tried: people mistype, card testers fail.
# The long span finds those who test slowly.
TOO_MANY = ((timedelta(hours=1), 20), (timedelta(days=1), 60))
TOO_LARGE_A_SHARE = Decimal("0.75")


class PausingError(Exception):
    """What a pause refuses; the message is a sentence for the office."""


class AlreadyPaused(PausingError):
    """It takes no gifts already."""


class AlreadyOpen(PausingError):
    """It takes gifts already."""


class NoReason(PausingError):
    """Why is not said."""


def pause(
    *, method: PaymentPause.Method, currency: str, reason: str, by: User | None, at: datetime
) -> PaymentPause:
    """Shuts a way to give at once, for everybody; `by` None: it shut by itself. Raises AlreadyPaused, NoReason."""
    if not reason.strip():
        raise NoReason(_("Say why."))
    try:
        with transaction.atomic():
            return PaymentPause.objects.create(
                method=method, currency=currency, reason=reason.strip(), paused_by=by, paused_at=at
            )
    except IntegrityError as error:
        raise AlreadyPaused(_("This way to give is paused already.")) from error


@transaction.atomic
def reopen(pause: PaymentPause, *, reason: str, by: User, at: datetime) -> PaymentPause:
    """Takes gifts again; what was declined until now counts no more. Raises AlreadyOpen, NoReason."""
    if not reason.strip():
        raise NoReason(_("Say why."))
    pause = PaymentPause.objects.select_for_update().get(pk=pause.pk)
    if pause.reopened_at:
        raise AlreadyOpen(_("This way to give is open again already."))
    pause.reopened_at, pause.reopened_by, pause.reopening_reason = at, by, reason.strip()
    pause.save(update_fields=["reopened_at", "reopened_by", "reopening_reason"])
    return pause


def pause_what_fails(*, at: datetime) -> list[PaymentPause]:
    """Shuts cards in each currency in which most that were tried lately were declined; tells the treasurers."""
    least = min(least for _span, least in TOO_MANY)
    suspects = (
        Decline.objects.since(at - TOO_MANY[-1][0])
        .order_by()
        .values_list("currency")
        .annotate(Count("pk"))
        .filter(pk__count__gte=least)
    )
    made = []
    for currency in [currency for currency, _count in suspects]:
        if found := _why(currency, at=at):
            try:
                with transaction.atomic():
                    new = pause(
                        method=PaymentPause.Method.CARD,
                        currency=currency,
                        reason=found,
                        by=None,
                        at=at,
                    )
                    _tell(new)
            except AlreadyPaused:
                continue
            made.append(new)
    return made


def _why(currency: str, *, at: datetime) -> str:
    """Why cards in `currency` have to be paused; empty when they need not."""
    ways = PaymentPause.objects.filter(method=PaymentPause.Method.CARD, currency=currency)
    reopened_at = ways.aggregate(at=Max("reopened_at"))["at"]
    for span, least in TOO_MANY:
        since = max(at - span, reopened_at) if reopened_at else at - span
        declined = Decline.objects.since(since).filter(currency=currency).count()
        if declined < least:
            continue
        tried = declined + cards_arrived(since).filter(currency=currency).count()
        if declined >= TOO_LARGE_A_SHARE * tried:
            return PaymentPause.counted(
                declined=declined, tried=tried, hours=span // timedelta(hours=1)
            )
    return ""


def _tell(pause: PaymentPause) -> None:
    logger.warning("%s %s paused by itself", pause.method, pause.currency)
    people = reachable("treasurer")
    if not people:
        logger.error("No treasurer has an address to be told of a pause")
    for person in people:
        # Each letter by itself, so that one bad address holds back no other; all with the pause or not at all.
        tell_of_pause.defer(pause_id=pause.pk, user_id=person.pk)


# A mail server that is away for an afternoon is waited for.
@app.task(name="tell_of_pause", retry=RetryStrategy(max_attempts=10, exponential_wait=4))
def tell_of_pause(pause_id: int, user_id: int) -> None:
    """Writes to a treasurer that a way to give shut by itself. The letter names no donor and no cause."""
    pause = PaymentPause.objects.get(pk=pause_id)
    person = User.objects.get(pk=user_id)
    with translation.override(settings.LANGUAGE_CODE):
        context = {
            "pause": pause,
            "fund_name": settings.FUND_NAME,
            "link": f"{settings.SITE_URL}/admin/donations/paymentpause/",
        }
        words = words_of("donations/email/paused", context)
    EmailMessage(words.subject, words.body, to=[person.email]).send()


def close_tried_pages(*, at: datetime) -> int:
    """Closes Stripe's payment pages on which too many cards were declined; returns how many."""
    tried = (
        Checkout.objects.filter(
            completed_at=None, failed_at=None, expired_at=None, expires_at__gt=at
        )
        .exclude(stripe_session_id=None)
        .annotate(declines=Count("pledge__declines"))
        .filter(declines__gte=Checkout.MOST_DECLINES)
    )
    closed = 0
    for checkout in tried:
        try:
            stripe_api.expire_session(str(checkout.stripe_session_id))
        except stripe_api.StripeRefused:
            # Paid or over in the meantime; its own event says which.
            continue
        closed += 1
    return closed
