"""What the office may do about letters and gifts for a supporter who writes in: each logged, none shows an address."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.verbs import Verb, VerbForm

from .. import choices, correspondence
from ..models import Donation, Letter, Pledge


class ReaddressForm(VerbForm):
    email = forms.EmailField(
        label=gettext_lazy("New e-mail address"),
        max_length=254,
        help_text=gettext_lazy(
            "Ask for it in writing, and for the receipt's number or the amount and day."
        ),
    )


def resend(row: Donation, data: dict[str, Any], by: User, at: datetime) -> str:
    correspondence.resend(row, by=by, at=at)
    return _("A copy of the receipt goes out within a minute.")


def readdress(row: Pledge, data: dict[str, Any], by: User, at: datetime) -> str:
    correspondence.readdress(row, email=data["email"], by=by, at=at)
    return _("Letters go there from now on. Older links to the gift are closed.")


def take_name_off(row: Pledge, data: dict[str, Any], by: User, at: datetime) -> str:
    choices.show(row, visibility=Pledge.Visibility.AMOUNT)
    return _("The name is off the public pages within a minute; the amount stays.")


def note_bounce(row: Letter, data: dict[str, Any], by: User, at: datetime) -> str:
    correspondence.note_bounce(row, by=by, at=at)
    return _("Noted: the gift's private page asks for another address.")


def why_not_resend(row: Donation, _by: User) -> str:
    if row.reversed_at:
        return _("This gift turned out to be something else: it has no receipt.")
    has_address = row.pledge is not None and row.pledge.supporter_id is not None
    return "" if has_address else _("We hold no e-mail address for this gift.")


def why_not_readdress(row: Pledge, _by: User) -> str:
    return _("Whoever gave this asked to be forgotten.") if row.erased_at else ""


def why_no_name(row: Pledge, _by: User) -> str:
    return "" if row.visibility == Pledge.Visibility.NAME else _("No name is shown for this gift.")


def why_not_bounced(row: Letter, _by: User) -> str:
    if row.bounced_at:
        return _("It is noted already that this letter came back.")
    return "" if row.sent_at else _("This letter was not sent yet.")


RESEND = Verb(
    name="resend",
    label=gettext_lazy("Send the receipt again"),
    explanation=gettext_lazy("Writes it once more to the address we hold, marked as a copy."),
    permission="resend_letter",
    act=resend,
    refusals={correspondence.CorrespondenceError: ""},
    closed=why_not_resend,
    is_exception=True,
)
READDRESS = Verb(
    name="readdress",
    label=gettext_lazy("Correct the address"),
    explanation=gettext_lazy(
        "Letters about this gift go to another address, and one goes there at once. The one before is told that they go elsewhere, if a letter ever reached it. You do not see it."
    ),
    permission="readdress_pledge",
    act=readdress,
    form=ReaddressForm,
    refusals={correspondence.CorrespondenceError: "email"},
    closed=why_not_readdress,
    is_grave=True,
    is_exception=True,
)
TAKE_NAME_OFF = Verb(
    name="take-name-off",
    label=gettext_lazy("Take the name off the public pages"),
    explanation=gettext_lazy("For names that insult or betray somebody. The amount stays shown."),
    permission="hide_name_pledge",
    act=take_name_off,
    closed=why_no_name,
    is_exception=True,
)
NOTE_BOUNCE = Verb(
    name="bounced",
    label=gettext_lazy("Note that it came back"),
    explanation=gettext_lazy("When the mail returned as undeliverable to the fund's own mailbox."),
    permission="note_bounce_letter",
    act=note_bounce,
    refusals={correspondence.CorrespondenceError: ""},
    closed=why_not_bounced,
    is_exception=True,
)
