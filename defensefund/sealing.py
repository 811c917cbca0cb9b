"""Write-only secrets: sealed here to people's public keys (age, X25519), opened on their own computers alone.

The format is that of https://age-encryption.org/v1, so every age program opens what is sealed here.
"""

from collections.abc import Iterable

import pyrage
from django.utils.translation import gettext as _

SECRET = "AGE-SECRET-KEY-"  # noqa: S105  how every such key begins, not one of them


class WrongKey(ValueError):
    """What was given is no public key, or no key file; the message is a sentence for a person."""


class Unopened(ValueError):
    """The file is not sealed to this key, or was altered."""


def public_key(text: str) -> str:
    """ "age1…" as it is written. Raises WrongKey."""
    text = text.strip()
    if text.upper().startswith(SECRET):
        raise WrongKey(
            _("This is the secret key: never give it to anyone. Paste the public one, age1…")
        )
    try:
        return str(pyrage.x25519.Recipient.from_str(text.lower()))
    except pyrage.RecipientError as error:
        raise WrongKey(
            _("This is no public key: it begins with age1 and has 62 characters.")
        ) from error


def new_key() -> tuple[str, str]:
    """The text of a new key file, as age-keygen writes it, and its public key."""
    identity = pyrage.x25519.Identity.generate()
    public = str(identity.to_public())
    return f"# public key: {public}\n{identity}\n", public


def seal(content: bytes, public_keys: Iterable[str]) -> bytes:
    """`content` for whoever has the secret key of one of `public_keys`, at least one. Raises WrongKey."""
    recipients = [pyrage.x25519.Recipient.from_str(public_key(key)) for key in public_keys]
    if not recipients:
        raise WrongKey(_("There is no key to seal to."))
    return bytes(pyrage.encrypt(content, recipients))


def unseal(sealed: bytes, key_file: str) -> bytes:
    """What was sealed, opened by the keys of a key file's text. Raises WrongKey, Unopened."""
    secrets = [line.strip() for line in key_file.splitlines() if line.strip().startswith(SECRET)]
    if not secrets:
        raise WrongKey(
            _("There is no secret key in this file: its line begins with AGE-SECRET-KEY-.")
        )
    try:
        identities = [pyrage.x25519.Identity.from_str(secret) for secret in secrets]
    except pyrage.IdentityError as error:
        raise WrongKey(
            _("The secret key in this file is damaged: a character is wrong.")
        ) from error
    try:
        return bytes(pyrage.decrypt(sealed, identities))
    except pyrage.DecryptError as error:
        raise Unopened(
            _("This key does not open it: it was sealed to other keys, or is damaged.")
        ) from error
