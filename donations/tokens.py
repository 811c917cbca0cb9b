"""The supporter's private links: signed, so that they cannot be guessed; expiring; good for one purpose alone."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.core import signing
from django.urls import reverse
from django.utils import translation

from .models import Pledge

LIFE = timedelta(days=400)
_signer = signing.Signer(salt="donations.gift", sep=".")
# Good for one thing: to stop the reminders of a promise. It opens nothing.
_stop_signer = signing.Signer(salt="donations.stop-reminders", sep=".")


class Purpose(StrEnum):
    """What a link in a mail may do, and nothing else; the values are the names of the pages it opens."""

    STOP_MONTHLY = "stop_monthly"
    STOP_REMINDERS = "stop_charge_reminders"


class InvalidToken(Exception):
    """No link of ours, or one whose time is over."""


def gift_token(pledge: Pledge) -> str:
    return _signer.sign(pledge.uuid.hex)


def gift_path(pledge: Pledge) -> str:
    """The path of the gift's page, in the supporter's language."""
    with translation.override(pledge.language):
        return reverse("donations:gift", kwargs={"token": gift_token(pledge)})


def pledge_of(token: str, *, at: datetime) -> Pledge:
    """The pledge a link is for; raises InvalidToken."""
    try:
        uuid = UUID(hex=_signer.unsign(token))
        pledge = Pledge.objects.select_related("appeal", "fund", "supporter", "subscription").get(
            uuid=uuid
        )
    except (signing.BadSignature, ValueError, Pledge.DoesNotExist) as error:
        raise InvalidToken("This link is not one of ours: it may have been cut off.") from error
    if at - _last_of(pledge, at=at) > LIFE and not _has_parts_since(pledge, at - LIFE):
        raise InvalidToken("This link's time is over.")
    return pledge


def _has_parts_since(pledge: Pledge, since: datetime) -> bool:
    """A promise over years keeps its link as long as it has parts to pay."""
    return pledge.instalments.filter(due_on__gte=since.date()).exists()


def stop_path(pledge: Pledge) -> str:
    """The path of the page that stops the reminders of a promise, in the supporter's language."""
    with translation.override(pledge.language):
        token = _stop_signer.sign(pledge.uuid.hex)
        return reverse("donations:stop_reminders", kwargs={"token": token})


def reminded_pledge_of(token: str) -> Pledge:
    """The promise whose reminders a link stops, however old it is; raises InvalidToken."""
    try:
        return Pledge.objects.get(uuid=UUID(hex=_stop_signer.unsign(token)))
    except (signing.BadSignature, ValueError, Pledge.DoesNotExist) as error:
        raise InvalidToken("This link is not one of ours: it may have been cut off.") from error


def _last_of(pledge: Pledge, *, at: datetime) -> datetime:
    """From when on a link's time runs: of a monthly gift from its end."""
    subscription = getattr(pledge, "subscription", None)
    if subscription is None:
        return pledge.created_at
    return subscription.ended_at or at


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
