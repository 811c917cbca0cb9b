"""On a payment's page: that its money never left the bank is said by one, and taken back by another."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.templatetags.formats import money
from defensefund.verbs import Verb, VerbForm

from .. import disbursement
from ..models import Disbursement
from .doubts import why_not_another, why_nothing_doubted


class DoubtForm(VerbForm):
    reason = forms.CharField(
        label=gettext_lazy("How you know that it never left"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "The bank refused the order, or nobody gave it. Kept with the reversal in the books. No names."
        ),
        error_messages={"required": gettext_lazy("Say how you know that the money never left.")},
    )


def doubt(row: Disbursement, data: dict[str, Any], by: User, at: datetime) -> str:
    disbursement.doubt(row, reason=data["reason"], by=by, at=at)
    return _("Asked for: another person takes it back, or keeps it.")


def take_back(row: Disbursement, _data: dict[str, Any], by: User, at: datetime) -> str:
    done = disbursement.take_back(row, by=by, at=at)
    return _("Taken back: %(amount)s is set aside for the cost again.") % {
        "amount": money(done.amount, done.currency)
    }


def keep(row: Disbursement, _data: dict[str, Any], by: User, at: datetime) -> str:
    disbursement.keep(row, by=by, at=at)
    return _("It stays as it was recorded.")


def why_no_doubt(row: Any, _by: User) -> str:
    if row.refused_at or not row.paid_at:
        return _("This payment is not recorded as paid: refuse it instead.")
    return str(row.why_not_asked) or why_proved(row)


def why_not_take_back(row: Any, by: User) -> str:
    return why_not_another(row, by) or why_proved(row)


def why_proved(row: Any) -> str:
    if row.is_proved:
        return _(
            "A bank line shows this payment: it left. If that match is wrong, take it back first."
        )
    return ""


VERBS = (
    Verb(
        "take-back",
        gettext_lazy("Take the payment back"),
        gettext_lazy(
            "First look at the bank itself that the order is not there, done or waiting. Then its entry is reversed: the money "
            "is set aside for the cost again, and the payment can be asked for anew, with all approvals."
        ),
        "undo_disbursement",
        take_back,
        VerbForm,
        {disbursement.DisbursementError: ""},
        closed=why_not_take_back,
        is_grave=True,
    ),
    Verb(
        "keep",
        gettext_lazy("Keep it as paid"),
        gettext_lazy("Ends the request: it was paid as it was recorded."),
        "undo_disbursement",
        keep,
        VerbForm,
        {disbursement.DisbursementError: ""},
        closed=why_nothing_doubted,
    ),
    Verb(
        "doubt",
        gettext_lazy("It never left the bank"),
        gettext_lazy(
            "For what was recorded as paid, while the bank never made the payment. When another person has taken it back, the "
            "money is set aside for the cost again. What left and came back is said of its bank line instead. A wrong day, or a wrong "
            "reference of the bank, needs no taking back: the bank line has the right ones, and is matched all the same."
        ),
        "pay_disbursement",
        doubt,
        DoubtForm,
        {disbursement.NoReason: "reason", disbursement.DisbursementError: ""},
        closed=why_no_doubt,
        is_exception=True,
    ),
)
