"""Of what somebody says to be wrong (models/undoing.py): the form for it, and why it cannot be decided now; "" where it can."""

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy

from defensefund.verbs import VerbForm

from ..models.undoing import Undoing


class DoubtForm(VerbForm):
    reason = forms.CharField(
        label=gettext_lazy("What was wrong about it"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Kept with the reversal in the books. No names."),
        error_messages={"required": gettext_lazy("Say what was wrong about it.")},
    )


def why_nothing_doubted(row: Undoing, _by: User) -> str:
    return row.why_not_decided


def why_not_another(row: Undoing, by: User) -> str:
    return row.why_not_decided or row.why_not_by(by)
