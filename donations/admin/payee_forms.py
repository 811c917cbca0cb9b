"""What people fill in for the register of payees and for sealing keys: each form reads the input of one verb."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy

from defensefund.verbs import VerbForm

from .. import payees
from ..models import Payee, Scheme, SealingKey
from ..models.payee import new_payee_number

TYPED: dict[str, Any] = {"autocomplete": "off", "spellcheck": "false", "size": 40}


def _name() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Account holder"),
        max_length=120,
        widget=forms.TextInput(attrs=TYPED),
        help_text=gettext_lazy("The name the account is in, as on the bill."),
        error_messages={"required": gettext_lazy("Write whose account it is.")},
    )


def _scheme() -> forms.ChoiceField:
    return forms.ChoiceField(
        label=gettext_lazy("Kind of number"), choices=Scheme.choices, initial=Scheme.IBAN.value
    )


def _account(help_text: Any) -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Account"),
        max_length=100,
        widget=forms.TextInput(attrs=TYPED),
        help_text=help_text,
        error_messages={"required": gettext_lazy("Write the account number.")},
    )


SEALED_AT_ONCE = gettext_lazy(
    "Checked, then sealed to the treasurers' keys: nobody can read it here afterwards. Of a British account, the sort "
    "code and then the number; of Pix, the key."
)


class RecordPayeeForm(forms.Form):
    # Made beforehand, so that the same form sent twice is one payee.
    number = forms.CharField(widget=forms.HiddenInput, max_length=20, initial=new_payee_number)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Payee.Kind.choices)
    name = _name()
    scheme = _scheme()
    account = _account(SEALED_AT_ONCE)

    def act(self, *, by: User, at: datetime) -> Payee:
        said = self.cleaned_data
        return payees.record(
            kind=Payee.Kind(said["kind"]),
            name=said["name"],
            scheme=Scheme(said["scheme"]),
            account=said["account"],
            number=said["number"],
            by=by,
            at=at,
        )


class ChangeAccountForm(VerbForm):
    name = _name()
    scheme = _scheme()
    account = _account(SEALED_AT_ONCE)

    def prepare(self) -> None:
        if self.row.account:
            self.fields["name"].initial = self.row.account.name
            self.fields["scheme"].initial = self.row.account.scheme


class ConfirmPayeeForm(VerbForm):
    account = _account(
        gettext_lazy(
            "Type it from the payee's own paper, or ask the payee by a way you know: not from what a colleague sent you."
        )
    )


class RegisterKeyForm(forms.Form):
    public_key = forms.CharField(
        label=gettext_lazy("Your public key"),
        max_length=100,
        widget=forms.TextInput(attrs=TYPED | {"size": 64, "placeholder": "age1…"}),
        error_messages={"required": gettext_lazy("Paste your public key.")},
    )

    def act(self, *, by: User, at: datetime) -> SealingKey:
        return payees.register_key(public_key=self.cleaned_data["public_key"], by=by, at=at)


class ResealForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("What ./run reseal wrote"),
        error_messages={
            "required": gettext_lazy("Choose the file."),
            "empty": gettext_lazy("This file is empty."),
        },
    )
