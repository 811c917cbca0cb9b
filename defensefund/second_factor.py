"""The second factor of staff logins: set it up, prove it, renew it, remove it."""

import secrets
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from defensefund import security_log
from defensefund.models import Authenticator, RecoveryCode, SecurityEvent
from defensefund.privacy import keyed_hash

CODES = 10
SET_UP_WITHIN = timedelta(hours=1)
CODE_LENGTH = 10
# Nothing that can be misread on paper: no 0 o, 1 i l.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


class WrongCode(Exception):
    """The code is not the one expected now, or was used before."""


class TooManyWrongCodes(Exception):
    """Refused unread: wait until `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"until {until:%H:%M:%S}")
        self.until = until


class AlreadySetUp(Exception):
    """The account has a second factor, and this login has not proved it."""


def begin(*, user: User, at: datetime) -> Authenticator:
    """A new secret, of no use until `confirm`. Every set-up gets its own: one seen earlier by another is worth nothing."""
    Authenticator.objects.filter(
        user=user, confirmed=False, set_up_at__lt=at - SET_UP_WITHIN
    ).delete()
    return Authenticator.objects.create(user=user, name="app", confirmed=False, set_up_at=at)


@transaction.atomic
def confirm(*, authenticator: Authenticator, code: str, replace: bool, at: datetime) -> list[str]:
    """Make `authenticator` its user's second factor, and return ten new recovery codes to be shown once.

    `replace` says that the person has proved the present one; else an account that has one raises AlreadySetUp.
    Sessions proved with the replaced one are no longer verified. Raises WrongCode.
    """
    user = authenticator.user
    step = authenticator.step_of(_plain(code), at=at)
    if step is None:
        raise WrongCode
    User.objects.select_for_update().get(pk=user.pk)
    others = Authenticator.objects.filter(user=user).exclude(pk=authenticator.pk)
    if not replace and others.filter(confirmed=True).exists():
        raise AlreadySetUp
    others.delete()
    # Gone when another set-up of this account, begun beside this one, was confirmed first.
    if not Authenticator.objects.filter(pk=authenticator.pk).update(
        confirmed=True, last_step=step, set_up_at=at
    ):
        raise AlreadySetUp
    security_log.record(SecurityEvent.Kind.SET_UP, user=user, by=user, at=at)
    return renew_codes(user=user, at=at)


def prove(*, user: User, code: str, at: datetime) -> Authenticator:
    """The authenticator that `code` (of the app, or a recovery code) proves; the code is spent.

    Raises WrongCode, or TooManyWrongCodes. A wrong code is counted whatever the caller does next.
    """
    plain = _plain(code)
    if len(plain) == CODE_LENGTH:
        return _prove_by_recovery_code(user=user, code=plain, at=at)
    with transaction.atomic():
        found = Authenticator.objects.select_for_update().filter(user=user, confirmed=True).first()
        if found is None:
            raise WrongCode
        until = found.locked_until()
        if until is not None and at < until:
            raise TooManyWrongCodes(until)
        step = found.step_of(plain, at=at)
        if step is not None:
            found.last_step, found.failures, found.failed_at = step, 0, None
        else:
            found.failures, found.failed_at = found.failures + 1, at
        found.save(update_fields=["last_step", "failures", "failed_at"])
    if step is None:
        raise WrongCode
    return found


def _prove_by_recovery_code(*, user: User, code: str, at: datetime) -> Authenticator:
    # One UPDATE decides: of two that come at once, the database lets one find the code unused.
    spent = RecoveryCode.objects.filter(
        user=user, digest=_digest(user, code), used_at__isnull=True
    ).update(used_at=at)
    found = Authenticator.objects.filter(user=user, confirmed=True).first()
    if not spent or found is None:
        raise WrongCode
    security_log.record(SecurityEvent.Kind.CODE_USED, user=user, by=user, at=at)
    return found


@transaction.atomic
def renew_codes(*, user: User, at: datetime) -> list[str]:
    """Ten new recovery codes, as a person copies them ("abcde-fghjk"); all earlier ones are void."""
    User.objects.select_for_update().get(pk=user.pk)
    RecoveryCode.objects.filter(user=user).delete()
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)) for _ in range(CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, digest=_digest(user, code), made_at=at) for code in codes
    )
    security_log.record(SecurityEvent.Kind.CODES_MADE, user=user, by=user, at=at)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


@transaction.atomic
def remove(*, user: User, by: User, at: datetime) -> None:
    """Take the second factor away, for someone who lost phone and codes: the next login sets up a new one."""
    Authenticator.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    security_log.record(SecurityEvent.Kind.REMOVED, user=user, by=by, at=at)


def _plain(code: str) -> str:
    return "".join(c for c in code.casefold() if c.isalnum())


def _digest(user: User, code: str) -> str:
    return keyed_hash(code, purpose=f"recovery code of user {user.pk}")
