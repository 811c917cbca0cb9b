"""The supporter's private link: signed, so that it cannot be guessed; expiring; good for one gift's page alone."""

from datetime import datetime, timedelta
from uuid import UUID

from django.core import signing
from django.urls import reverse
from django.utils import translation

from .models import Pledge

LIFE = timedelta(days=400)
_signer = signing.Signer(salt="donations.gift", sep=".")


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
        pledge = Pledge.objects.select_related("appeal", "fund", "supporter").get(uuid=uuid)
    except (signing.BadSignature, ValueError, Pledge.DoesNotExist) as error:
        raise InvalidToken("This link is not one of ours: it may have been cut off.") from error
    if at - pledge.created_at > LIFE:
        raise InvalidToken("This link's time is over.")
    return pledge
