"""Letters to supporters: worded when sent, in their language; nothing outside the opened letter tells of the cause."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation

from .models import BankAccount, Letter
from .tokens import gift_path

logger = logging.getLogger(__name__)

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=4)


@dataclass(frozen=True)
class Words:
    """A letter as it will be read: plain text, `subject` on one line."""

    subject: str
    body: str


def word(letter: Letter) -> Words:
    """The words of `letter` in its pledge's language."""
    pledge = letter.pledge
    with translation.override(pledge.language):
        context = {
            "fund_name": settings.FUND_NAME,
            "pledge": pledge,
            "donation": letter.donation,
            "language": pledge.language,
            "link": f"{settings.SITE_URL}{gift_path(pledge)}",
            # Only the details for a transfer name it.
            "bank": BankAccount.objects.taking_gifts_in(pledge.currency).first()
            if letter.kind == Letter.Kind.TRANSFER_DETAILS
            else None,
        }
        template = f"donations/email/{letter.kind}"
        subject = render_to_string(f"{template}_subject.txt", context)
        return Words(
            subject=" ".join(subject.split()), body=render_to_string(f"{template}.txt", context)
        )


def send_due(*, at: datetime) -> int:
    """Sends every letter due at the instant `at`; returns how many went out.

    Each is sent while its row is held and marked in the same transaction: at least once, and twice only when the
    machine stops between the mail server's yes and our commit. A refused one is tried again after ever longer pauses.
    """
    sent = 0
    tried: list[int] = []
    while True:
        with transaction.atomic():
            letter = (
                Letter.objects.due(at)
                .exclude(pk__in=tried)
                .select_for_update(skip_locked=True, of=("self",))
                .select_related("pledge__supporter", "donation")
                .order_by("pk")
                .first()
            )
            if letter is None:
                return sent
            tried.append(letter.pk)
            sent += _send(letter, at=at)


def _send(letter: Letter, *, at: datetime) -> bool:
    supporter = letter.pledge.supporter
    if supporter is None:
        # The supporter asked to be forgotten after the letter was written.
        letter.sent_at, letter.error = at, "no address"
        letter.save(update_fields=["sent_at", "error"])
        return False
    words = word(letter)
    message = EmailMessage(
        words.subject,
        words.body,
        to=[supporter.email],
        # Mail servers and readers drop a second copy with the same identifier.
        headers={
            "Message-ID": f"<letter-{letter.pk}@{settings.SITE_URL.split('//')[1].split(':')[0]}>"
        },
    )
    try:
        message.send()
    except (SMTPException, OSError) as error:
        letter.attempts += 1
        # The class alone: a mail server's answer repeats the address.
        letter.error = type(error).__name__
        letter.due_at = at + min(FIRST_RETRY * 2 ** min(letter.attempts - 1, 12), LONGEST_RETRY)
        letter.save(update_fields=["attempts", "error", "due_at"])
        logger.warning("letter %s not sent: %s", letter.pk, letter.error)
        return False
    letter.sent_at, letter.error = at, ""
    letter.save(update_fields=["sent_at", "error"])
    return True
