"""Letters to supporters: worded when sent, in their language; nothing outside the opened letter tells of the cause."""

import logging
from datetime import datetime, timedelta
from email.message import Message
from email.policy import Policy, default
from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.utils import translation

from defensefund.letters import Words, words_of

from . import receipts
from .gift_state import state_of
from .models import Letter, Pledge, Refund, Subscription, Supporter
from .retries import next_try
from .schedule import schedule_of, to_remind_of
from .tokens import Purpose, gift_path, purpose_path, statement_path, stop_path

logger = logging.getLogger(__name__)

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=4)
# Their occasion is the invoice.
ABOUT_A_CHARGE = frozenset({Letter.Kind.PAYMENT_FAILED, Letter.Kind.ACTION_REQUIRED})
# Gifts that one letter with new links holds, the newest.
MOST_LINKS = 25


class LongLines(EmailMessage):
    """Leaves a header on one line up to what mail allows: a long link would else go out encoded, and mail programs miss it."""

    def message(self, *, policy: Policy = default) -> Message:  # type: ignore[override]
        return super().message(policy=policy.clone(max_line_length=998))


def word(letter: Letter, *, at: datetime) -> Words:
    """The words of `letter` in its pledge's language, as things stand at the instant `at`."""
    pledge = letter.pledge
    with translation.override(pledge.language):
        context: dict[str, Any] = {
            "fund_name": settings.FUND_NAME,
            "pledge": pledge,
            "donation": letter.donation,
            "letter": letter,
            "language": pledge.language,
            "link": f"{settings.SITE_URL}{gift_path(pledge, at=at)}",
        }
        context |= _details(letter, at=at)
        context |= _of_monthly(letter, at=at)
        return words_of(f"donations/email/{letter.kind}", context)


def _of_monthly(letter: Letter, *, at: datetime) -> dict[str, object]:
    """What letters of a monthly gift tell beside, with the ways to stop it; {} for all others."""
    subscription: Subscription | None = getattr(letter.pledge, "subscription", None)
    if subscription is None:
        return {}
    return {
        "subscription": subscription,
        "charge": subscription.charges.filter(stripe_invoice_id=letter.occasion).first()
        if letter.kind in ABOUT_A_CHARGE
        else None,
        "stop_link": _link(letter, Purpose.STOP_MONTHLY, at=at) if subscription.is_live else "",
        "stop_reminders_link": _link(letter, Purpose.STOP_REMINDERS, at=at)
        if letter.kind == Letter.Kind.UPCOMING_CHARGE
        else "",
    }


def _link(letter: Letter, purpose: Purpose, *, at: datetime) -> str:
    return f"{settings.SITE_URL}{purpose_path(letter.pledge, purpose, at=at)}"


def unsubscribe_link(letter: Letter, *, at: datetime) -> str:
    """What the mail program's own button posts to (RFC 8058): it stops what brought the letter; "" for other letters."""
    if letter.kind == Letter.Kind.REMINDER:
        return f"{settings.SITE_URL}{stop_path(letter.pledge)}"
    subscription: Subscription | None = getattr(letter.pledge, "subscription", None)
    if subscription is None or not subscription.is_live:
        return ""
    reminds = letter.kind == Letter.Kind.UPCOMING_CHARGE
    return _link(letter, Purpose.STOP_REMINDERS if reminds else Purpose.STOP_MONTHLY, at=at)


def _is_moot(letter: Letter, *, at: datetime) -> bool:
    """Whether a letter was overtaken since it was queued: the gift was called off, paused or stopped, or reminders are not wanted."""
    if letter.kind == Letter.Kind.TRANSFER_DETAILS:
        return letter.pledge.cancelled_at is not None
    if letter.kind == Letter.Kind.REMINDER:
        return not is_still_due(letter, at=at)
    if letter.kind != Letter.Kind.UPCOMING_CHARGE:
        return False
    subscription: Subscription | None = getattr(letter.pledge, "subscription", None)
    return subscription is None or not (
        subscription.is_live and subscription.is_reminder_wanted and not subscription.paused_at
    )


def _details(letter: Letter, *, at: datetime) -> dict[str, Any]:
    """What letters of its kind tell beyond the gift itself."""
    pledge = letter.pledge
    match letter.kind:
        case Letter.Kind.RECEIPT | Letter.Kind.RECEIPT_COPY:
            assert letter.donation is not None  # letter_receipt_names_its_donation
            return {"purpose": receipts.purpose(pledge, letter.donation.fund)}
        case Letter.Kind.TRANSFER_DETAILS:
            return {"transfer": state_of(pledge, at=at).transfer}
        case Letter.Kind.PROMISE | Letter.Kind.REMINDER:
            return {
                "schedule": schedule_of(pledge, at=at),
                "stop_link": f"{settings.SITE_URL}{stop_path(pledge)}",
                "transfer": state_of(pledge, at=at).transfer,
            }
        case Letter.Kind.REFUND:
            return {"refund": Refund.objects.get(source=letter.occasion)}
        case Letter.Kind.NEW_LINK:
            return {"gifts": _links(pledge, at=at)}
        case Letter.Kind.STATEMENT:
            path = statement_path(pledge, int(letter.occasion), at=at)
            return {"statement_link": f"{settings.SITE_URL}{path}"}
    return {}


def _links(pledge: Pledge, *, at: datetime) -> list[tuple[Pledge, str]]:
    """The newest gifts of the same supporter, each with a fresh link."""
    gifts = [pledge]
    if pledge.supporter:
        gifts = list(pledge.supporter.pledges.order_by("-pk")[:MOST_LINKS])
    return [(gift, f"{settings.SITE_URL}{gift_path(gift, at=at)}") for gift in gifts]


def send_due(*, at: datetime) -> int:
    """Sends every letter due at the instant `at`; returns how many went out.

    Each is sent while its row is held and marked in the same transaction: at least once, and twice only when the
    machine stops between the mail server's yes and our commit. A refused one is tried again after ever longer pauses,
    for as long as it takes; only an address the mail server says does not exist is not tried again.
    """
    receipts.issue_due(at=at)
    # What was queued since has its receipt issued by the next turn.
    ready = ~Q(kind__in=[Letter.Kind.RECEIPT, Letter.Kind.RECEIPT_COPY]) | Q(
        donation__receipt__isnull=False
    )
    sent = 0
    tried: list[int] = []
    while True:
        with transaction.atomic():
            letter = (
                Letter.objects.due(at)
                .filter(ready)
                .exclude(pk__in=tried)
                .select_for_update(skip_locked=True, of=("self",))
                .select_related(
                    "pledge__supporter",
                    "pledge__subscription",
                    "supporter",
                    "donation__receipt",
                    "donation__fund",
                )
                .order_by("pk")
                .first()
            )
            if letter is None:
                return sent
            tried.append(letter.pk)
            sent += _send(letter, at=at)


def _send(letter: Letter, *, at: datetime) -> bool:
    supporter = letter.supporter or letter.pledge.supporter
    if supporter is None:
        # The supporter asked to be forgotten after the letter was written.
        letter.sent_at, letter.error = at, "no address"
        letter.save(update_fields=["sent_at", "error"])
        return False
    if _is_moot(letter, at=at):
        letter.sent_at, letter.error = at, "not due any more"
        letter.save(update_fields=["sent_at", "error"])
        return False
    words = word(letter, at=at)
    message = LongLines(
        words.subject, words.body, to=[supporter.email], headers=_headers(letter, at=at)
    )
    try:
        message.send()
    except (SMTPException, OSError) as error:
        letter.attempts += 1
        # The class alone: a mail server's answer repeats the address.
        letter.error = type(error).__name__
        letter.due_at = next_try(at, letter.attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)
        letter.bounced_at = at if _is_unknown(error) else None
        letter.save(update_fields=["attempts", "error", "due_at", "bounced_at"])
        logger.warning("letter %s not sent: %s", letter.pk, letter.error)
        if letter.bounced_at:
            _let_go(letter)
        return False
    letter.sent_at, letter.error = at, ""
    letter.save(update_fields=["sent_at", "error"])
    _let_go(letter)
    return True


def is_still_due(letter: Letter, *, at: datetime) -> bool:
    """Whether a reminder still has something to remind of: not paid, paused, stopped or called off since it was queued."""
    wanted = Pledge.objects.reminded().filter(pk=letter.pledge_id).exists()
    return wanted and to_remind_of(letter.pledge, at=at) > 0


def _headers(letter: Letter, *, at: datetime) -> dict[str, str]:
    host = settings.SITE_URL.split("//")[1].split(":")[0]
    # Mail servers and readers drop a second copy with the same identifier.
    headers = {"Message-ID": f"<letter-{letter.pk}@{host}>"}
    if link := unsubscribe_link(letter, at=at):
        # RFC 8058: the mail program's own button stops them with one POST.
        headers["List-Unsubscribe"] = f"<{link}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _is_unknown(error: Exception) -> bool:
    """Whether the mail server says that there is no such address (RFC 3463, 5.1.x): all other refusals may pass."""
    return isinstance(error, SMTPRecipientsRefused) and all(
        code >= 500 and answer.startswith(b"5.1.") for code, answer in error.recipients.values()
    )


def _let_go(letter: Letter) -> None:
    """Forgets an address that was kept for nothing but to tell it that letters go elsewhere."""
    supporter = letter.supporter
    if supporter is None:
        return
    letter.supporter = None
    letter.save(update_fields=["supporter"])
    Supporter.objects.filter(pk=supporter.pk, pledges=None, letters=None).delete()
