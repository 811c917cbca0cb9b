"""VERB: somebody asks Stripe again for all since a day, and the worker fetches it; one at a time."""

import logging
from datetime import UTC, date, datetime, time, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from defensefund.templatetags.formats import plain_day

from . import catching_up, open_differences, stripe_api
from .models import StripeAsking

logger = logging.getLogger(__name__)

# Longer ago nothing of ours is at Stripe, and a mistyped year would have all of it listed.
FURTHEST = timedelta(days=3653)


class AskingError(Exception):
    """What asking refuses; the message is a sentence for the office."""


class AlreadyAsking(AskingError):
    """Somebody asked, and the worker has not finished."""


class BadDay(AskingError):
    """Nothing can be asked since then."""


@transaction.atomic
def ask(*, since: date, by: User, at: datetime) -> StripeAsking:
    """Has the worker fetch all that Stripe moved and told since the beginning of a day (UTC). Raises AlreadyAsking, BadDay."""
    if since > at.date():
        raise BadDay(_("That day is still to come. Name one that is over, or today."))
    if since < at.date() - FURTHEST:
        raise BadDay(_("Name a day of the last ten years."))
    for before in StripeAsking.objects.unfinished().with_job():
        if before.is_running:
            raise AlreadyAsking(_already(before))
        # Its job failed in a way nobody foresaw, and the log says how; it stands in nobody's way.
        _finish(before, StripeAsking.Outcome.CUT_OFF, at=at)
    try:
        with transaction.atomic():
            asking = StripeAsking.objects.create(since=since, asked_by=by, asked_at=at)
    except IntegrityError as error:
        raise AlreadyAsking(_("Somebody asked Stripe at this very moment.")) from error
    asking.job_id = answer_asking.defer(asking_id=asking.pk)
    asking.save(update_fields=["job_id"])
    return asking


def _already(asking: StripeAsking) -> str:
    return _(
        "Stripe is being asked for all since %(day)s already. Wait until that is finished; nothing is missed."
    ) % {"day": plain_day(asking.since)}


# A job runs again when a worker was killed over it; what it did until then is found done.
@app.task(name="answer_asking")
def answer_asking(asking_id: int) -> None:
    """Fetches what was asked for, says what came of it, and looks afresh for differences."""
    asking = StripeAsking.objects.get(pk=asking_id)
    if asking.outcome:
        return
    start = datetime.combine(asking.since, time.min, UTC)
    try:
        found = catching_up.sync(since=start, at=timezone.now())
    except stripe_api.StripeUnavailable:
        logger.warning("Stripe did not answer question %s", asking.pk)
        _finish(asking, StripeAsking.Outcome.AWAY, at=timezone.now())
        return
    except stripe_api.StripeRefused as error:
        logger.warning("Stripe refused question %s: %s", asking.pk, error)
        _finish(asking, StripeAsking.Outcome.REFUSED, at=timezone.now())
        return
    asking.told = found.told.total() + found.read.total()
    asking.booked = found.booked.total()
    now = timezone.now()
    open_differences.look(at=now)
    _finish(asking, StripeAsking.Outcome.DONE, at=now)


def _finish(asking: StripeAsking, outcome: StripeAsking.Outcome, *, at: datetime) -> None:
    asking.outcome, asking.finished_at = outcome, at
    asking.save(update_fields=["outcome", "finished_at", "told", "booked"])
