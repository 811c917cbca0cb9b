"""Treasurers' public keys: registered by their owner, confirmed by another person, withdrawn when somebody goes."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from defensefund import sealing
from donations.models import PayeeAccount, SealingKey
from donations.sealed_accounts import SealedAccount

from .errors import SamePerson, WrongKey, WrongState


@transaction.atomic
def register_key(*, public_key: str, by: User, at: datetime) -> SealingKey:
    """The public key of `by`; nothing is sealed to it before another person confirms it. Raises WrongKey."""
    try:
        written = sealing.public_key(public_key)
    except sealing.WrongKey as refusal:
        raise WrongKey(str(refusal)) from refusal
    key, is_new = SealingKey.objects.get_or_create(
        public_key=written, defaults={"user": by, "registered_at": at}
    )
    if not is_new:
        raise WrongKey(_("This key is registered already: make a new one for each person."))
    return key


@transaction.atomic
def confirm_key(key: SealingKey, *, by: User, at: datetime) -> SealingKey:
    """From now on accounts are sealed to it. What was recorded before there was any key is sealed at once."""
    key = SealingKey.objects.select_for_update(of=("self",)).select_related("user").get(pk=key.pk)
    if key.confirmed_at or key.withdrawn_at:
        raise WrongState(_("This key is confirmed or withdrawn already."))
    if key.user_id == by.pk:
        raise SamePerson(_("This is your own key: another person must confirm it."))
    key.confirmed_by, key.confirmed_at = by, at
    key.save(update_fields=["confirmed_by", "confirmed_at"])
    _seal_waiting()
    return key


@transaction.atomic
def withdraw_key(key: SealingKey, *, by: User, at: datetime) -> SealingKey:
    """Nothing is sealed to it any more, by its owner or by who may confirm keys; what was sealed stays so until it is
    sealed anew."""
    key = SealingKey.objects.select_for_update().get(pk=key.pk)
    if key.withdrawn_at:
        raise WrongState(_("This key is withdrawn already."))
    key.withdrawn_by, key.withdrawn_at = by, at
    key.save(update_fields=["withdrawn_by", "withdrawn_at"])
    return key


def _seal_waiting() -> None:
    keys = list(SealingKey.objects.in_use())
    if not keys:
        return
    waiting = PayeeAccount.objects.waiting().select_for_update(of=("self",))
    for row in waiting.select_related("payee"):
        content = SealedAccount(row.payee.number, row.name, row.scheme, row.waiting)
        row.sealed = sealing.seal(content.written(), [key.public_key for key in keys])
        row.code, row.waiting = content.code, ""
        row.save(update_fields=["sealed", "code", "waiting"])
        row.sealed_to.set(keys)
