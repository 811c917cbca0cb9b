"""VERB: keep the register of conflicts of interest, and of staff's own accounts; the database keeps both out of payments."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from appeals.models import Defendant

from .account_numbers import WrongNumber, payable_account
from .models import Conflict, Payee, Scheme, StaffAccount
from .models.payee import hash_account


class ConflictError(Exception):
    """An entry that is refused; the message is a sentence for the office."""


class WrongSubject(ConflictError):
    """Names no payee and no defendant, or both."""


class WrongAccount(ConflictError):
    """The number is none of its kind, or its check digits do not fit."""


class SamePerson(ConflictError):
    """Nobody lifts their own conflict, nor takes back their own account."""


class WrongState(ConflictError):
    """Recorded already, or ended already."""


@transaction.atomic
def record(
    *,
    user: User,
    payee: Payee | None,
    defendant: Defendant | None,
    relation: Conflict.Relation,
    by: User,
    at: datetime,
) -> Conflict:
    """From now on `user` keeps out of payments to `payee`, or for `defendant`; approvals they gave and that are not paid
    yet are void, by the database. Raises WrongSubject."""
    if (payee is None) == (defendant is None):
        raise WrongSubject(_("Choose a payee or a defendant: one of them."))
    return Conflict.objects.create(
        user=user,
        payee=payee,
        defendant=defendant,
        relation=relation,
        recorded_by=by,
        recorded_at=at,
    )


@transaction.atomic
def declare_account(*, account: str, scheme: Scheme, by: User, at: datetime) -> StaffAccount:
    """An account of `by`, of which only the keyed hash is kept; that they had none is over. Raises WrongAccount, WrongState."""
    try:
        written = payable_account(account, scheme)
    except WrongNumber as refusal:
        raise WrongAccount(str(refusal)) from refusal
    StaffAccount.objects.said_by(by).filter(account_hash="").update(ended_by=by, ended_at=at)
    try:
        with transaction.atomic():
            return StaffAccount.objects.create(
                user=by, account_hash=hash_account(written), declared_at=at
            )
    except IntegrityError as error:
        raise WrongState(_("You declared this account already.")) from error


@transaction.atomic
def declare_none(*, by: User, at: datetime) -> StaffAccount:
    """The word of `by` that no account is theirs. Raises WrongState where they said so, or declared one."""
    # Held, so that nobody says so twice at once.
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    if StaffAccount.objects.said_by(by).exists():
        raise WrongState(
            _(
                "You declared an account, or that you have none, already: another person ends that first."
            )
        )
    return StaffAccount.objects.create(user=by, account_hash="", declared_at=at)


@transaction.atomic
def end[Row: (Conflict, StaffAccount)](row: Row, *, by: User, at: datetime) -> Row:
    """When a conflict is over, or an account given up; by another person than it is about. Raises SamePerson, WrongState."""
    held = type(row)._default_manager.select_for_update().get(pk=row.pk)
    if held.ended_at:
        raise WrongState(_("This was ended already."))
    if held.user_id == by.pk:
        raise SamePerson(_("This is about yourself: another person ends it."))
    held.ended_by, held.ended_at = by, at
    held.save(update_fields=["ended_by", "ended_at"])
    return held
