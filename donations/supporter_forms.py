"""The forms of a gift's private page; each asks for one thing."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from defensefund.privacy import keyed_hash

from . import receipts
from .models import Pledge, TaxSentence

# Letters, with spaces, stops, hyphens, apostrophes and & between: no address, number, link or message.
NAME = re.compile(r"[^\W\d_]([^\W\d_]|[ .,'’&-])*")
NO_NAME = _(
    "Write a name: letters, spaces, stops, hyphens and apostrophes, no numbers or addresses."
)


def _email(**options: Any) -> forms.EmailField:
    return forms.EmailField(
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={
            "required": _("Write the e-mail address."),
            "invalid": _("This is no e-mail address. Write it like ana@example.org."),
        },
        **options,
    )


def _name(text: str) -> str:
    name = " ".join(text.split())
    if name and not NAME.fullmatch(name):
        raise forms.ValidationError(NO_NAME)
    return name


class GiftForm(forms.Form):
    """Knows the gift it is about."""

    def __init__(self, data: Any = None, *, pledge: Pledge) -> None:
        super().__init__(data)
        self.pledge = pledge
        self.prepare()
        if self.is_bound:
            for name in self.errors:
                if name in self.fields:
                    self.fields[name].widget.attrs["aria-describedby"] = f"id_{name}_error"

    def prepare(self) -> None:
        """For choices and first values that depend on the gift."""


class AddressForm(GiftForm):
    email = _email(label=_("New e-mail address"))


class NewLinkForm(forms.Form):
    email = _email(label=_("The e-mail address you gave with"))


class VisibilityForm(GiftForm):
    visibility = forms.ChoiceField(
        label=_("What others see of this gift"), widget=forms.RadioSelect, choices=()
    )
    name = forms.CharField(
        label=_("The name to show"),
        required=False,
        max_length=40,
        help_text=_("Yours, a group's or any you like. Everyone can read it, and copies may stay."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def prepare(self) -> None:
        self.fields["visibility"].choices = [  # type: ignore[attr-defined]
            (Pledge.Visibility.SECRET, _("Nothing: it only counts in the sums")),
            (Pledge.Visibility.AMOUNT, _("The amount and the day")),
            (Pledge.Visibility.NAME, _("The amount, the day and a name")),
        ]
        self.fields["visibility"].initial = self.pledge.visibility
        self.fields["name"].initial = self.pledge.public_name

    def clean_name(self) -> str:
        return _name(self.cleaned_data["name"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        wants_name = cleaned.get("visibility") == Pledge.Visibility.NAME
        if wants_name and not cleaned.get("name") and not self.has_error("name"):
            self.add_error("name", _("Write the name to show, or choose that none is shown."))
        return cleaned


class WordingForm(GiftForm):
    purpose = forms.ChoiceField(
        label=_("What the receipt calls your gift"), widget=forms.RadioSelect, choices=()
    )
    name = forms.CharField(
        label=_("Name on the receipt"),
        required=False,
        max_length=80,
        help_text=_("Only if you need one. It is kept encrypted and stands nowhere else."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    country = forms.ChoiceField(
        label=_("Country you pay taxes in"),
        required=False,
        choices=(),
        help_text=_("Decides what the receipt says on taxes."),
    )

    def prepare(self) -> None:
        pledge = self.pledge
        self.fields["purpose"].choices = [  # type: ignore[attr-defined]
            ("neutral", _("Donation")),
            ("fund", receipts.public_title(pledge.fund, pledge.language)),
        ]
        self.fields["purpose"].initial = "fund" if pledge.receipt_names_fund else "neutral"
        self.fields["name"].initial = pledge.receipt_name
        named = TaxSentence.objects.country_choices(also=pledge.country)
        if not named:
            del self.fields["country"]
            return
        self.fields["country"].choices = named  # type: ignore[attr-defined]
        self.fields["country"].initial = pledge.country

    def clean_name(self) -> str:
        return _name(self.cleaned_data["name"])


class ProofForm(GiftForm):
    """Where an address is kept, the data come out only to who knows it: a link found in a history is not enough."""

    email = _email(label=_("The e-mail address you gave with"))

    def prepare(self) -> None:
        if self.pledge.supporter is None:
            del self.fields["email"]

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        supporter = self.pledge.supporter
        if supporter and keyed_hash(email, purpose="email") != supporter.email_hash:
            raise forms.ValidationError(_("This is not the address we hold for this gift."))
        return email


class ForgetForm(GiftForm):
    sure = forms.BooleanField(
        label=_("Yes, forget me. I know that nobody can undo this."),
        error_messages={"required": _("Tick the box if you are sure. Nothing was changed.")},
    )
