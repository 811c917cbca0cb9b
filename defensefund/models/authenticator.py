"""What a staff member proves a login with beside the password: an authenticator app, or a recovery code."""

import hmac
import secrets
from base64 import b32encode
from datetime import datetime, timedelta
from typing import ClassVar
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device
from django_otp.oath import hotp

from defensefund.privacy import EncryptedTextField

STEP_SECONDS = 30
FREE_FAILURES = 3
# Six digits, three of which are right at any time: at one guess in fifteen minutes an intruder who already
# knows the password needs about five years for an even chance. Longer would let him shut the owner out.
LONGEST_WAIT = timedelta(minutes=15)


def new_key() -> str:
    return secrets.token_hex(20)


class Authenticator(Device):  # type: ignore[misc]
    """A time-based one-time password (RFC 6238: SHA-1, 6 digits, 30 seconds), as every authenticator app makes."""

    key = EncryptedTextField(_("secret key"), default=new_key, editable=False)
    last_step = models.BigIntegerField(_("last time step used"), default=-1, editable=False)
    failures = models.PositiveIntegerField(_("wrong codes in a row"), default=0, editable=False)
    failed_at = models.DateTimeField(_("last wrong code"), null=True, blank=True, editable=False)
    set_up_at = models.DateTimeField(_("set up"), editable=False)

    objects: ClassVar[models.Manager["Authenticator"]] = models.Manager()

    class Meta:
        verbose_name = _("authenticator")
        verbose_name_plural = _("authenticators")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(confirmed=True),
                name="authenticator_confirmed_once_per_user",
            ),
        ]

    def locked_until(self) -> datetime | None:
        """When the next code may be tried; None when at once. Doubles from two seconds to LONGEST_WAIT."""
        over = self.failures - FREE_FAILURES
        if over <= 0 or self.failed_at is None:
            return None
        seconds = min(2.0 ** min(over, 20), LONGEST_WAIT.total_seconds())
        return self.failed_at + timedelta(seconds=seconds)

    def step_of(self, code: str, *, at: datetime) -> int | None:
        """The unused time step, at most one off `at`, whose code this is; None when it is none's."""
        now = int(at.timestamp()) // STEP_SECONDS
        found = None
        for step in (now - 1, now, now + 1):
            right = f"{hotp(bytes.fromhex(self.key), step):06d}"
            if hmac.compare_digest(right.encode(), code.encode()) and step > self.last_step:
                found = step
        return found

    def manual_key(self) -> str:
        """The secret as a person types it into an app: base32 in groups of four."""
        text = b32encode(bytes.fromhex(self.key)).decode()
        return " ".join(text[i : i + 4] for i in range(0, len(text), 4))

    def setup_url(self) -> str:
        """What the QR code says (the key URI format authenticator apps share)."""
        issuer = settings.FUND_NAME.replace(":", " ")
        query = urlencode(
            {"secret": self.manual_key().replace(" ", ""), "issuer": issuer}, quote_via=quote
        )
        return f"otpauth://totp/{quote(f'{issuer}:{self.user.get_username()}')}?{query}"


class RecoveryCode(models.Model):
    """One of ten codes for the day the phone is gone; only its keyed hash is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes"
    )
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once_per_user"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.made_at:%Y-%m-%d}"
