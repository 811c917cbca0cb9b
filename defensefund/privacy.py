"""Personal data at rest: encrypted fields, and keyed hashes to find a row without reading it."""

import base64
import hmac
import os
from collections.abc import Callable
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class Undecipherable(Exception):
    """No key of FIELD_KEYS opens this value: an old key was removed before its rows were re-encrypted."""


def decode_key(text: str) -> bytes:
    """The 32 bytes of one key of FIELD_KEYS; ValueError when it is not 32 bytes of URL-safe base64."""
    key = base64.urlsafe_b64decode(text.encode())
    if len(key) != 32:
        raise ValueError("a field key has 32 bytes")
    return key


@cache
def _keys(texts: tuple[str, ...]) -> dict[str, AESGCM]:
    try:
        keys = [decode_key(text) for text in texts]
    except ValueError as error:
        raise ImproperlyConfigured(
            "FIELD_KEYS: each key is 32 random bytes in URL-safe base64; make one with ./run new_field_key."
        ) from error
    # The first characters of a key's own hash name it inside each value, so that reading needs no trial.
    return {hmac.digest(key, b"key id", "sha256").hex()[:8]: AESGCM(key) for key in keys}


def encrypt(text: str, *, context: str = "") -> str:
    """`text` as "<key id>:<base64 of nonce and AES-256-GCM ciphertext>", bound to `context`."""
    return encryptor(context=context)(text)


def encryptor(*, context: str) -> Callable[[str], str]:
    """`encrypt` for many texts of one context: what is the same for all of them is looked up once."""
    key_id, key = next(iter(_keys(tuple(settings.FIELD_KEYS)).items()))
    bound = context.encode()

    def seal(text: str) -> str:
        nonce = os.urandom(12)
        sealed = nonce + key.encrypt(nonce, text.encode(), bound)
        return f"{key_id}:{base64.urlsafe_b64encode(sealed).decode()}"

    return seal


def decrypt(value: str, *, context: str = "") -> str:
    """The text of `encrypt`; Undecipherable when its key is gone or it was moved from another field."""
    key_id, _, sealed = value.partition(":")
    key = _keys(tuple(settings.FIELD_KEYS)).get(key_id)
    if key is None:
        raise Undecipherable("FIELD_KEYS lacks the key this value was written with.")
    raw = base64.urlsafe_b64decode(sealed)
    try:
        return key.decrypt(raw[:12], raw[12:], context.encode()).decode()
    except InvalidTag as error:
        raise Undecipherable("The value was altered, or belongs to another field.") from error


def keyed_hash(text: str, *, purpose: str) -> str:
    """64 hex digits that are equal for equal texts (case and outer spaces aside), useless without SECRET_KEY."""
    return _hasher(settings.SECRET_KEY, purpose)(text.strip().casefold().encode()).hex()


@lru_cache(maxsize=100)
def _hasher(secret: str, purpose: str) -> Callable[[bytes], bytes]:
    return hmac_sha256(hmac.digest(secret.encode(), f"keyed hash: {purpose}".encode(), "sha256"))


def hmac_sha256(key: bytes) -> Callable[[bytes], bytes]:
    """`hmac.digest` with one key of up to 64 bytes for many messages (RFC 2104): it would prepare the key anew for each of
    them, which takes three times as long as the rest."""
    if len(key) > 64:
        raise ValueError("the key is longer than a block")
    block = key.ljust(64, b"\0")
    inside, outside = (sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))

    def digest(message: bytes) -> bytes:
        inner, outer = inside.copy(), outside.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()

    return digest


# models.TextField is generic only for type checkers.
class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is ciphertext in the database; it cannot be filtered on. Empty stays empty."""

    def _context(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return encrypt(value, context=self._context()) if value else value

    def encryptor(self) -> Callable[[str], str]:
        """What `get_prep_value` does, for many texts."""
        seal = encryptor(context=self._context())
        return lambda text: seal(text) if text else text

    def from_db_value(
        self, value: str | None, expression: object, connection: BaseDatabaseWrapper
    ) -> str | None:
        return decrypt(value, context=self._context()) if value else value

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name in {"isnull", "exact"}:  # exact only serves `field=""`
            return super().get_lookup(lookup_name)
        raise TypeError(f"{self.name} is encrypted and cannot be searched by {lookup_name}.")
