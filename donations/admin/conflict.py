"""The register of conflicts of interest in the office, and staff's own accounts, of which only a hash is kept."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appeals.models import Defendant
from defensefund.verbs import Verb

from .. import conflicts
from ..models import Conflict, Payee, Scheme, StaffAccount
from .payee_forms import TYPED
from .recording import RecordingAdmin

REFUSALS: dict[type[Exception], str] = {
    conflicts.WrongSubject: "payee",
    conflicts.WrongAccount: "account",
    conflicts.ConflictError: "",
}
STEPS: dict[type[Exception], str] = {conflicts.ConflictError: ""}


class RecordConflictForm(forms.Form):
    user = forms.ModelChoiceField(
        User.objects.filter(is_staff=True, is_active=True).order_by("username"),
        label=gettext_lazy("Member of staff"),
        error_messages={"required": gettext_lazy("Choose the person.")},
    )
    relation = forms.ChoiceField(
        label=gettext_lazy("This person"), choices=Conflict.Relation.choices
    )
    payee = forms.ModelChoiceField(
        Payee.objects.active().with_account(),
        label=gettext_lazy("Payee"),
        required=False,
        help_text=gettext_lazy("A payee, or a defendant below."),
    )
    defendant = forms.ModelChoiceField(
        Defendant.objects.all(), label=gettext_lazy("Defendant"), required=False
    )

    def act(self, *, by: User, at: datetime) -> Conflict:
        return conflicts.record(by=by, at=at, **self.cleaned_data)


class DeclareAccountForm(forms.Form):
    scheme = forms.ChoiceField(
        label=gettext_lazy("Kind of number"), choices=Scheme.choices, initial=Scheme.IBAN.value
    )
    account = forms.CharField(
        label=gettext_lazy("Your account"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs=TYPED),
        help_text=gettext_lazy("Not kept: only a hash, by which the same number is known again."),
    )
    has_none = forms.BooleanField(
        label=gettext_lazy("I have no bank account"),
        required=False,
        help_text=gettext_lazy("Instead of an account. Once you have one, declare it here."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if bool(cleaned.get("account")) == bool(cleaned.get("has_none")) and not self.errors:
            self.add_error(
                "account", _("Write the account number, or say that you have none: one of the two.")
            )
        return cleaned

    def act(self, *, by: User, at: datetime) -> StaffAccount:
        said = self.cleaned_data
        if said["has_none"]:
            return conflicts.declare_none(by=by, at=at)
        return conflicts.declare_account(
            account=said["account"], scheme=Scheme(said["scheme"]), by=by, at=at
        )


def end(row: Any, _data: dict[str, Any], by: User, at: datetime) -> str:
    conflicts.end(row, by=by, at=at)
    return _("Ended. The entry stays in the register.")


def why_not_end(row: Any, by: User) -> str:
    if row.ended_at:
        return _("This was ended already.")
    return _("This is about yourself: another person ends it.") if row.user_id == by.pk else ""


@admin.register(Conflict)
class ConflictAdmin(RecordingAdmin):
    list_display = ("user", "relation", "payee", "defendant", "recorded_at", "ended_at")
    list_display_links = ("relation",)
    list_filter = ("relation",)
    show_full_result_count = False
    list_per_page = 50
    fields = (
        "user", "relation", "payee", "defendant", "recorded_by", "recorded_at", "ended_by", "ended_at",
    )  # fmt: skip
    record_label = gettext_lazy("Record a conflict of interest")
    record_explanation = gettext_lazy(
        "Who is, or is close to, a payee or a defendant keeps out of their payments. Approvals they gave and that are not "
        "paid yet become void."
    )
    record_permission = "record_conflict"
    record_form = RecordConflictForm
    record_refusals = REFUSALS
    verbs = (
        Verb(
            "end",
            gettext_lazy("End"),
            gettext_lazy("When it is over. Nobody ends their own."),
            "end_conflict",
            end,
            refusals=STEPS,
            closed=why_not_end,
            is_exception=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return Conflict.objects.select_related(
            "user", "payee__account", "defendant", "recorded_by", "ended_by"
        )

    def said(self, row: Conflict) -> str:
        return _("Recorded: this person keeps out of these payments.")


@admin.register(StaffAccount)
class StaffAccountAdmin(RecordingAdmin):
    list_display = ("user", "declared", "declared_at", "ended_at")
    show_full_result_count = False
    list_per_page = 50
    fields = ("user", "account_hash", "declared_at", "ended_by", "ended_at")
    record_label = gettext_lazy("Declare my account")
    record_explanation = gettext_lazy(
        "Nothing is ever paid to an account of somebody who works here. Declare each of yours, so that a mistake, or a "
        "fraud in your name, is stopped. Who has declared none, and not said that there is none, asks for no payment and approves none."
    )
    record_permission = "declare_staffaccount"
    record_form = DeclareAccountForm
    record_refusals = REFUSALS
    verbs = (
        Verb(
            "end",
            gettext_lazy("End"),
            gettext_lazy("When its owner gave it up. Nobody ends their own."),
            "end_staffaccount",
            end,
            refusals=STEPS,
            closed=why_not_end,
            is_exception=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return StaffAccount.objects.select_related("user", "ended_by")

    def said(self, row: StaffAccount) -> str:
        if not row.account_hash:
            return _("Noted: you have no account.")
        return _("Declared: nothing is paid there.")

    @admin.display(description=gettext_lazy("declared"))
    def declared(self, row: StaffAccount) -> str:
        return _("an account") if row.account_hash else _("that there is none")
