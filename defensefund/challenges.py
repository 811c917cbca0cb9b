"""A small price for one attempt: some seconds of a browser's work or, where no script runs, a minute's patience.

The work is that of ALTCHA's first version (find the number whose SHA-256 behind a salt is known), which a browser does
with nothing but its own Web Crypto. Nothing is stored for a challenge; whoever takes one counts its use (limits.py).
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from django.core import signing

# The number is at most this: 0.5 to 5 seconds of a browser's time, half of it on average.
LARGEST = 100_000
WAIT = timedelta(minutes=1)
LIFE = timedelta(minutes=30)
# Longer texts are not looked at.
LONGEST = 600
_signer = signing.Signer(salt="challenge")


class NoChallenge(Exception):
    """Not set by us, for something else, or too old."""


@dataclass(frozen=True)
class Challenge:
    """`digest` is the SHA-256 of `salt` and a number up to `largest`, written one behind the other, in hex."""

    subject: str
    salt: str
    digest: str
    largest: int
    set_at: datetime

    @property
    def text(self) -> str:
        """What goes to the page and comes back with the answer."""
        return _signer.sign_object(
            [self.subject, self.salt, self.digest, self.largest, int(self.set_at.timestamp())]
        )

    def is_solved_by(self, solution: str) -> bool:
        if not solution.isascii() or not solution.isdecimal() or len(solution) > 10:
            return False
        return hmac.compare_digest(_digest(self.salt, int(solution)), self.digest)

    def seconds_left(self, at: datetime) -> int:
        """How long one without a solution still has to wait; 0 when it is worth as much as a solved one."""
        return max(0, int((self.set_at + WAIT - at).total_seconds()))


def pose(subject: str, *, at: datetime) -> Challenge:
    """A fresh challenge, good for one `subject` (what is being attempted) alone."""
    salt, number = secrets.token_hex(12), secrets.randbelow(LARGEST + 1)
    return Challenge(subject, salt, _digest(salt, number), LARGEST, at.replace(microsecond=0))


def read(text: str, *, subject: str, at: datetime) -> Challenge:
    """The challenge we set for `subject`; raises NoChallenge."""
    if not text or len(text) > LONGEST:
        raise NoChallenge
    try:
        theirs, salt, digest, largest, set_at = _signer.unsign_object(text)
    except (signing.BadSignature, ValueError) as error:
        raise NoChallenge from error
    challenge = Challenge(theirs, salt, digest, largest, datetime.fromtimestamp(set_at, UTC))
    if theirs != subject or not timedelta(0) <= at - challenge.set_at < LIFE:
        raise NoChallenge
    return challenge


def _digest(salt: str, number: int) -> str:
    return sha256(f"{salt}{number}".encode()).hexdigest()
