"""What the pages share on which one person asks and another decides: forms, and why a button is closed (models/proposal.py)."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.verbs import VerbForm


class SeenForm(VerbForm):
    """Carries what the page showed, so that exactly that is approved."""

    content_hash = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def prepare(self) -> None:
        self.fields["content_hash"].initial = self.row.content_hash


class ReasonForm(VerbForm):
    """A decision that ends something is explained."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=gettext_lazy("Kept with the decision. No names."),
        error_messages={"required": gettext_lazy("Say why.")},
    )


def why_decided(row: Any, _by: User) -> str:
    return _("This is decided already.") if row.approved_at or row.refused_at else ""


def why_not_approve(row: Any, by: User) -> str:
    if why := why_decided(row, by):
        return why
    if row.requested_by_id == by.pk:
        return _("You asked for this yourself: another person must approve it.")
    return ""


def why_not_withdraw(row: Any, by: User) -> str:
    if row.requested_by_id != by.pk:
        return _("Only who asked for it can withdraw it; who approves can refuse it.")
    return why_decided(row, by)
