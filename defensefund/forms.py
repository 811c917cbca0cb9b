"""What staff type to prove who they are."""

from django import forms
from django.utils.translation import gettext_lazy as _


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code from your authenticator app"),
        max_length=20,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "autofocus": True,
                "spellcheck": "false",
            }
        ),
        error_messages={"required": _("Type the six digits your authenticator app shows now.")},
    )


class RecoveryCodeForm(forms.Form):
    code = forms.CharField(
        label=_("Recovery code"),
        max_length=20,
        help_text=_("One of the ten you kept on paper, like abcde-fghjk. Each works once."),
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "autofocus": True,
                "spellcheck": "false",
            }
        ),
        error_messages={"required": _("Type one of your recovery codes.")},
    )


class ProofForm(forms.Form):
    proof = forms.CharField(
        label=_("Your password, or the code your authenticator app shows"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(
            attrs={"autocomplete": "current-password", "autofocus": True}, render_value=False
        ),
        error_messages={"required": _("Type your password or a code.")},
    )
