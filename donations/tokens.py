"""Private links: signed, so that they cannot be guessed; expiring; each good for one purpose alone (by its salt)."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.core import signing
from django.urls import reverse
from django.utils import translation

from .models import Pledge

LIFE = timedelta(days=400)
STATEMENT_LIFE = timedelta(days=120)
_gift = signing.Signer(salt="donations.gift", sep=".")
_statement = signing.Signer(salt="donations.statement", sep=".")
# Good for one thing: to stop the reminders of a promise. It opens nothing.
_stop = signing.Signer(salt="donations.stop-reminders", sep=".")


class Purpose(StrEnum):
    """What a link in a mail may do, and nothing else; the values are the names of the pages it opens."""

    STOP_MONTHLY = "stop_monthly"
    STOP_REMINDERS = "stop_charge_reminders"


class InvalidToken(Exception):
    """No link of ours, or one whose time is over."""


def gift_token(pledge: Pledge, *, at: datetime | None = None) -> str:
    """Good for LIFE from the instant `at` it is handed out, by default when the gift was announced.

    The same for the same instant: what is sent to Stripe twice must not differ.
    """
    return _gift.sign(f"{_subject(pledge)}-{_last_day(at or pledge.created_at, LIFE)}")


def gift_path(pledge: Pledge, *, at: datetime | None = None) -> str:
    """The path of the gift's page, in the supporter's language."""
    with translation.override(pledge.language):
        return reverse("donations:gift", kwargs={"token": gift_token(pledge, at=at)})


def pledge_of(token: str, *, at: datetime) -> Pledge:
    """The pledge a link is for; raises InvalidToken."""
    pledge, _rest = _opened(_gift, token, parts=3, at=at)
    return pledge


def statement_path(pledge: Pledge, year: int, *, at: datetime) -> str:
    """The path of the year's statement of all gifts of the supporter of `pledge`, good for STATEMENT_LIFE from `at`."""
    signed = _statement.sign(f"{_subject(pledge)}-{year}-{_last_day(at, STATEMENT_LIFE)}")
    with translation.override(pledge.language):
        return reverse("donations:statement", kwargs={"token": signed})


def statement_of(token: str, *, at: datetime) -> tuple[Pledge, int]:
    """The pledge whose supporter the statement is for, and the year; raises InvalidToken."""
    pledge, [year] = _opened(_statement, token, parts=4, at=at)
    if pledge.supporter is None:
        raise InvalidToken("This link's time is over.")
    return pledge, int(year)


def _subject(pledge: Pledge) -> str:
    return f"{pledge.uuid.hex}-{pledge.link_version}"


def _last_day(at: datetime, life: timedelta) -> str:
    """The last day a link opens, in UTC, as 20270414."""
    return f"{(at + life).astimezone(UTC):%Y%m%d}"


def _opened(
    signer: signing.Signer, token: str, *, parts: int, at: datetime
) -> tuple[Pledge, list[str]]:
    """The pledge a signed text begins with, and what stands between it and the last day."""
    try:
        first, version, *rest, last_day = signer.unsign(token).split("-")
        pledge = Pledge.objects.select_related(
            "appeal", "fund", "supporter", "condition", "subscription"
        ).get(uuid=UUID(hex=first))
    except (signing.BadSignature, ValueError, Pledge.DoesNotExist) as error:
        raise InvalidToken("This link is not one of ours: it may have been cut off.") from error
    # What is signed has the parts it was made of; another number of them is another version of this module.
    if len(rest) != parts - 3:
        raise InvalidToken("This link's time is over.")
    if f"{at.astimezone(UTC):%Y%m%d}" > last_day and not _is_going_on(pledge, at - LIFE, at=at):
        raise InvalidToken("This link's time is over.")
    if pledge.erased_at or int(version) != pledge.link_version:
        raise InvalidToken("This link was closed.")
    return pledge, rest


def _is_going_on(pledge: Pledge, since: datetime, *, at: datetime) -> bool:
    """A promise over years keeps its link as long as it has parts to pay, a monthly gift until long after its end."""
    subscription = getattr(pledge, "subscription", None)
    if subscription and (subscription.ended_at or at) >= since:
        return True
    return pledge.instalments.filter(due_on__gte=since.date()).exists()


def stop_path(pledge: Pledge) -> str:
    """The path of the page that stops the reminders of a promise, in the supporter's language."""
    with translation.override(pledge.language):
        token = _stop.sign(pledge.uuid.hex)
        return reverse("donations:stop_reminders", kwargs={"token": token})


def reminded_pledge_of(token: str) -> Pledge:
    """The promise whose reminders a link stops, however old it is; raises InvalidToken."""
    try:
        return Pledge.objects.get(uuid=UUID(hex=_stop.unsign(token)))
    except (signing.BadSignature, ValueError, Pledge.DoesNotExist) as error:
        raise InvalidToken("This link is not one of ours: it may have been cut off.") from error


def purpose_path(pledge: Pledge, purpose: Purpose, *, at: datetime) -> str:
    """The path of the page that does this one thing, good for a while from the instant `at`."""
    token = _purpose_signer(purpose).sign(f"{pledge.uuid.hex}-{int(at.timestamp()):x}")
    with translation.override(pledge.language):
        return reverse(f"donations:{purpose}", kwargs={"token": token})


def pledge_for(purpose: Purpose, token: str, *, at: datetime) -> Pledge:
    """The pledge of a link made for `purpose`; raises InvalidToken."""
    try:
        uuid, made = _purpose_signer(purpose).unsign(token).split("-")
        made_at = datetime.fromtimestamp(int(made, 16), UTC)
        pledge = Pledge.objects.select_related("supporter", "subscription").get(uuid=UUID(hex=uuid))
    except (signing.BadSignature, ValueError, Pledge.DoesNotExist) as error:
        raise InvalidToken("This link is not one of ours: it may have been cut off.") from error
    if at - made_at > LIFE:
        raise InvalidToken("This link's time is over.")
    return pledge


def _purpose_signer(purpose: Purpose) -> signing.Signer:
    return signing.Signer(salt=f"donations.{purpose}", sep=".")
