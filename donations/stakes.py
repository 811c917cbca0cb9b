"""READ: who may take part in a payment, and whether its payee may be paid; why not, in sentences, "" where nothing is in the way.

The database refuses the same (the migrations "people", "declared" and "partner_rules").
"""

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils.translation import gettext as _

from .models import Conflict, PayeeAccount, StaffAccount


def why_undeclared(by: User) -> str:
    """Else nobody could see that a payee's account is theirs."""
    if StaffAccount.objects.said_by(by).exists():
        return ""
    return _(
        "Say first under “Accounts of staff” which account is yours, or that you have none: nothing is paid to an "
        "account of who works here, and that is looked at for each payment."
    )


def why_staff_account(account: PayeeAccount) -> str:
    if StaffAccount.objects.standing().filter(account_hash=account.account_hash).exists():
        return _("The payee's account is one of a member of staff: nothing is paid there.")
    return ""


def why_stake(subject: Q, people: Sequence[User]) -> str:
    """`subject` names the payee and the defendants of the payment as a conflict does; the first of `people` is who acts now."""
    standing = Conflict.objects.standing().filter(subject, user__in=people)
    conflict = standing.select_related("user").first()
    if conflict is None:
        return ""
    if conflict.user_id == people[0].pk:
        return _(
            "You have a stake in this payment by the register of conflicts: somebody else has to do this."
        )
    return _(
        "%(person)s has a stake in this payment by the register of conflicts, and keeps out of it."
    ) % {"person": conflict.user}


def why_retired(account: PayeeAccount) -> str:
    return _("This payee is retired: refuse the payment.") if account.payee.retired_at else ""


def why_unsealed(account: PayeeAccount) -> str:
    if account.sealed:
        return ""
    return _(
        "This payee's account is not sealed yet: a treasurer registers a sealing key, and another person confirms it."
    )


def why_unconfirmed(account: PayeeAccount) -> str:
    if account.confirmed_at:
        return ""
    return _(
        "Nobody has confirmed this payee's account yet: a second person does, in the register of payees."
    )
