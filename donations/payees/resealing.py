"""Seal anew when a treasurer came or went. The server cannot open what it keeps: a treasurer does, on their own computer.

All sealed files leave in one bundle with the keys to seal to; `./run reseal` opens and seals each there; the result comes
back. What was sealed is not read here, and need not be: its code (sealed_accounts.py) shows at the next opening whether
it is still what was recorded.
"""

import json
from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from donations.models import PayeeAccount, SealingKey

from .errors import NoKeys, WrongBundle

# How every age file begins.
SEALED = b"age-encryption.org/v1\n"


def bundle() -> str:
    """The current accounts that are not sealed to exactly the keys in use, with those keys, as JSON. Raises NoKeys."""
    keys = SealingKey.objects.in_use()
    seal_to = {key.public_key: str(key.user) for key in keys.select_related("user")}
    if not seal_to:
        raise NoKeys(_("No treasurer's key is in use: there is nobody to seal to."))
    rows = PayeeAccount.objects.sealed_otherwise(keys).select_related("payee")
    return json.dumps(
        {
            "seal_to": seal_to,
            "accounts": {
                str(row.pk): {
                    "payee": row.payee.number,
                    "code": row.code,
                    "sealed": b64encode(row.sealed).decode(),
                }
                for row in rows
            },
        },
        indent=1,
    )


@transaction.atomic
def take_back(content: bytes, *, by: User, at: datetime) -> int:
    """Keeps the files sealed anew in place of the earlier ones, all or none; how many. Raises WrongBundle."""
    keys = {key.public_key: key for key in SealingKey.objects.in_use()}
    try:
        said: dict[str, Any] = json.loads(content)
        sealed_to, accounts = set(said["sealed_to"]), dict(said["accounts"])
        sealed = {int(pk): b64decode(text, validate=True) for pk, text in accounts.items()}
    except (ValueError, TypeError, KeyError) as error:
        raise WrongBundle(_("This is not what ./run reseal wrote.")) from error
    if sealed_to != set(keys):
        raise WrongBundle(
            _(
                "It was sealed to other keys than are in use now: download a new bundle and seal that."
            )
        )
    rows = PayeeAccount.objects.current().select_for_update(of=("self",)).filter(pk__in=sealed)
    if len(rows) != len(sealed) or not sealed:
        raise WrongBundle(
            _(
                "An account was changed meanwhile, or there is none: download a new bundle and seal that."
            )
        )
    for row in rows:
        file = sealed[row.pk]
        # One stanza for each key; more would let somebody else in, fewer leave somebody out.
        if not file.startswith(SEALED) or file.count(b"\n-> X25519 ") != len(keys):
            raise WrongBundle(_("A file in it is not sealed to exactly the keys in use."))
        row.sealed = file
        row.save(update_fields=["sealed"])
        row.sealed_to.set(keys.values())
    return len(rows)
