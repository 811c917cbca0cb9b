"""The one way into the security log; what an intruder would do is also told to the person by letter."""

from datetime import datetime
from logging import getLogger

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.utils import translation
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from defensefund.letters import words_of
from defensefund.models import SecurityEvent

Kind = SecurityEvent.Kind
log = getLogger("defensefund.security")

TOLD = frozenset(Kind) - {Kind.LOGGED_IN}


@transaction.atomic
def record(kind: Kind, *, user: User, by: User | None, at: datetime) -> SecurityEvent:
    """Keep the event, and write it to the process's log too: that copy leaves the machine, and shows a hole here.

    `user` is whose access it concerns; `by` is who did it, None when nobody had logged in. The letter leaves only
    if the surrounding transaction is kept.
    """
    event = SecurityEvent.objects.create(kind=kind, user=user, by=by, at=at)
    log.info("%s: user %s, by %s, event %s", kind, user.pk, by.pk if by else "unknown", event.pk)
    if kind in TOLD and user.email:
        tell.defer(event_id=event.pk)
    return event


# A mail server that is away for an afternoon is waited for.
@app.task(name="tell_of_security_event", retry=RetryStrategy(max_attempts=10, exponential_wait=4))
def tell(event_id: int) -> None:
    """Write to the person whose access it was. The letter names neither the cause nor who did it."""
    event = SecurityEvent.objects.select_related("user").get(pk=event_id)
    with translation.override(settings.LANGUAGE_CODE):
        context = {"event": event, "link": f"{settings.SITE_URL}/admin/second-factor/"}
        words = words_of("staff/email/security_event", context)
    EmailMessage(words.subject, words.body, to=[event.user.email]).send()


def first_broken() -> int | None:
    """The number of the first event that does not follow from the one before; None when the whole log holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM (
                SELECT e.id, e.chain, defensefund_event_hash(lag(e.chain, 1, '') OVER (ORDER BY e.id), e) AS due
                FROM defensefund_securityevent e
            ) chained
            WHERE chain <> due ORDER BY id LIMIT 1
            """
        )
        row = cursor.fetchone()
    return row[0] if row else None


@app.periodic(cron="41 3 * * *")
@app.task(name="check_security_log", queueing_lock="check_security_log")
def check(timestamp: int) -> None:
    """Every night: a log that was altered says so in the process's log, where others see it."""
    broken = first_broken()
    if broken is not None:
        log.error("The security log was altered: event %s does not follow", broken)
