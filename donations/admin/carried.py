"""An uploaded bank file on its way through a preview: signed into the page itself, so that nothing of it stays here unimported."""

import base64
import zlib
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.core import signing

SALT = "donations.carried-file"
LIFE_SECONDS = 3600


class NotCarried(Exception):
    """The page is older than an hour, of another person, or was altered."""


@dataclass(frozen=True)
class Carried:
    account_id: int
    name: str
    content: bytes


def carry(file: Carried, *, by: User) -> str:
    """The file as text for a hidden field."""
    packed = base64.b64encode(zlib.compress(file.content)).decode()
    return signing.dumps([by.pk, file.account_id, file.name, packed], salt=SALT)


def carried(token: str, *, by: User) -> Carried:
    """The file `carry` packed for the same person. Raises NotCarried."""
    try:
        owner, account_id, name, packed = signing.loads(token, salt=SALT, max_age=LIFE_SECONDS)
    except signing.BadSignature as error:
        raise NotCarried from error
    if owner != by.pk:
        raise NotCarried
    return Carried(account_id, name, zlib.decompress(base64.b64decode(packed)))
