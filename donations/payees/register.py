"""Payees: recorded with their account by one person, confirmed by another, changed, retired."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from defensefund.sealing import seal
from donations.account_numbers import WrongNumber, payable_account
from donations.models import (
    BankAccount,
    Conflict,
    Payee,
    PayeeAccount,
    Scheme,
    SealingKey,
    StaffAccount,
)
from donations.models.payee import hash_account, hash_payee, masked
from donations.sealed_accounts import SealedAccount

from .errors import (
    AlreadyDone,
    Conflicted,
    NoKeys,
    NotTheSame,
    SamePerson,
    WrongAccount,
    WrongState,
)


@transaction.atomic
def record(
    *,
    kind: Payee.Kind,
    name: str,
    scheme: Scheme,
    account: str,
    by: User,
    at: datetime,
    number: str,
    is_sample: bool = False,
) -> Payee:
    """A new payee, whose account waits for a second person. Raises NoKeys, WrongAccount, Conflicted.

    With the same `number` (made beforehand, new_payee_number) sent twice it is recorded once (AlreadyDone).
    """
    written = _written(account, scheme)
    _check_not_of_staff(hash_account(written))
    _check_not_ours(written)
    payee, is_new = Payee.objects.get_or_create(
        number=number,
        defaults={"kind": kind, "recorded_by": by, "recorded_at": at, "is_sample": is_sample},
    )
    if not is_new:
        raise AlreadyDone(_("This was sent twice: the payee was recorded once."))
    return _seal(payee, name=name, scheme=scheme, account=written, by=by, at=at)


@transaction.atomic
def change_account(
    payee: Payee, *, name: str, scheme: Scheme, account: str, by: User, at: datetime
) -> Payee:
    """Another name or account takes the place of the present one: it waits for a second person again, and every approval
    of a payment that is not made yet is void (so does the database). Raises NoKeys, WrongAccount, WrongState, Conflicted."""
    written = _written(account, scheme)
    _check_not_of_staff(hash_account(written))
    _check_not_ours(written)
    payee = _locked(payee)
    if payee.retired_at:
        raise WrongState(_("This payee is retired: record a new one."))
    if payee.account and payee.account.payee_hash == hash_payee(name.strip(), written):
        raise WrongState(_("This is the name and the account that are recorded already."))
    return _seal(payee, name=name, scheme=scheme, account=written, by=by, at=at)


@transaction.atomic
def confirm(payee: Payee, *, account: str, by: User, at: datetime) -> Payee:
    """A second person gives the account from the payee's own paper; it must be the one recorded.

    Raises SamePerson, Conflicted, NotTheSame, WrongState, WrongAccount.
    """
    payee = _locked(payee)
    row = payee.account
    if payee.retired_at:
        raise WrongState(_("This payee is retired: record a new one."))
    if row is None:
        raise WrongState(str(Payee.NOBODY_YET))
    if row.confirmed_at:
        raise WrongState(_("This account is confirmed already."))
    if row.given_by_id == by.pk:
        raise SamePerson(_("You recorded this account yourself: another person must confirm it."))
    if hash_account(_written(account, Scheme(row.scheme))) != row.account_hash:
        raise NotTheSame(
            _(
                "This is not the account that was recorded. Look at the payee's own paper again; if it says so, "
                "the account has to be changed."
            )
        )
    _check_not_of_staff(row.account_hash)
    _check_stake(payee, by)
    row.confirmed_by, row.confirmed_at = by, at
    row.save(update_fields=["confirmed_by", "confirmed_at"])
    return payee


@transaction.atomic
def retire(payee: Payee, *, by: User, at: datetime) -> Payee:
    """Nobody is paid there any more; what was paid stays."""
    payee = _locked(payee)
    if payee.retired_at:
        raise WrongState(_("This payee is retired already."))
    payee.retired_by, payee.retired_at = by, at
    payee.save(update_fields=["retired_by", "retired_at"])
    return payee


def _locked(payee: Payee) -> Payee:
    return (
        Payee.objects.select_for_update(no_key=True, of=("self",)).with_account().get(pk=payee.pk)
    )


def _check_not_of_staff(account_hash: str) -> None:
    """The database refuses the same (the migrations "people" and "payee_not_of_staff")."""
    if StaffAccount.objects.standing().filter(account_hash=account_hash).exists():
        raise Conflicted(_("This is the account of a member of staff: nothing is paid there."))


def _check_not_ours(account: str) -> None:
    for ours in BankAccount.objects.only("number", "sort_code", "pix_key"):
        if account in {ours.number, f"{ours.sort_code} {ours.number}", ours.pix_key}:
            raise WrongAccount(
                _("This is an account of the fund itself. Ask the payee for theirs.")
            )


def _check_stake(payee: Payee, by: User) -> None:
    if Conflict.objects.standing().filter(payee=payee, user=by).exists():
        raise Conflicted(
            _(
                "By the register of conflicts %(person)s has a stake in this payee: another person confirms it."
            )
            % {"person": by}
        )


def _written(account: str, scheme: Scheme) -> str:
    try:
        return payable_account(account, scheme)
    except WrongNumber as refusal:
        raise WrongAccount(str(refusal)) from refusal


def _seal(
    payee: Payee, *, name: str, scheme: Scheme, account: str, by: User, at: datetime
) -> Payee:
    keys = list(SealingKey.objects.in_use())
    if not keys:
        raise NoKeys(
            _(
                "There is no key to seal the account to: a treasurer registers a sealing key first, and another person "
                "confirms it."
            )
        )
    content = SealedAccount(payee.number, name.strip(), scheme, account)
    row = PayeeAccount.objects.create(
        payee=payee,
        name=content.name,
        scheme=scheme,
        tail=masked(account),
        account_hash=hash_account(account),
        payee_hash=hash_payee(content.name, account),
        code=content.code,
        sealed=seal(content.written(), [key.public_key for key in keys]),
        given_by=by,
        given_at=at,
    )
    row.sealed_to.set(keys)
    payee.account = row
    payee.save(update_fields=["account"])
    return payee
