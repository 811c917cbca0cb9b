"""EDGE: what is written into a sealed file about a payee's account, and the code by which it is known without opening it."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from hashlib import sha256

from django.utils.translation import gettext as _


class NotAnAccount(ValueError):
    """What the key opened is not a payee's account."""


@dataclass(frozen=True)
class SealedAccount:
    """A payee's bank data, as sealed: `payee` is its number, `kind` a Scheme, `account` as account_numbers wrote it."""

    payee: str
    name: str
    kind: str
    account: str
    # Without it the code would be a hash that anyone could find by trying all accounts.
    salt: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def code(self) -> str:
        """64 hex digits that only this content gives: kept beside the sealed file, so that an exchanged one is noticed."""
        parts = json.dumps([self.payee, self.name, self.kind, self.account, self.salt])
        return sha256(parts.encode()).hexdigest()

    def written(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()


def read_account(content: bytes) -> SealedAccount:
    """What `SealedAccount.written` wrote. Raises NotAnAccount."""
    try:
        parts = json.loads(content)
        return SealedAccount(**{name: str(value) for name, value in parts.items()})
    except (ValueError, AttributeError, TypeError) as error:
        raise NotAnAccount(_("This file was opened, but it holds no payee's account.")) from error


def short(code: str) -> str:
    """The beginning of a code, in groups that two people can compare."""
    return " ".join(code[at : at + 4] for at in range(0, 16, 4))
