"""Conditions in the office: a target and its last day are set once; supporters' cards lie at Stripe until it is decided."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.office import WritableAdmin, names_people, titled_keys
from defensefund.templatetags.formats import money
from defensefund.verbs import Verb, VerbAdmin

from .. import conditional, currencies
from ..models import Condition


class ConditionForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Condition
        fields = ("appeal", "currency", "target", "ends_on")
        widgets = {"ends_on": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})}

    currency = forms.ChoiceField(label=gettext_lazy("Currency"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # There is no form without them but the page that only shows.
        if "currency" in self.fields:
            offered = [(code, code) for code in currencies.offered()]
            self.fields["currency"].choices = offered  # type: ignore[attr-defined]

    def clean_ends_on(self) -> Any:
        ends_on = self.cleaned_data["ends_on"]
        if ends_on < timezone.now().date():
            raise ValidationError(_("This day is behind. Choose today or a later one."))
        return ends_on

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        target, currency = cleaned.get("target"), cleaned.get("currency")
        if target and currency and not currencies.is_exact(target, currency):
            self.add_error("target", _("The amount has more decimals than its currency."))
        if not self.errors:
            self._refuse_a_second(Condition(**cleaned))
            self._refuse_what_is_met(Condition(**cleaned))
        return cleaned

    def _refuse_a_second(self, wanted: Condition) -> None:
        # Django leaves a rule aside that names fields the form has not.
        undecided = Condition.objects.undecided()
        if undecided.filter(appeal=wanted.appeal, currency=wanted.currency).exists():
            self.add_error(
                None,
                _(
                    "This appeal has an open condition in this currency: it has to be decided or called off first."
                ),
            )

    def _refuse_what_is_met(self, wanted: Condition) -> None:
        arrived = conditional.reached(wanted)
        if arrived >= wanted.target:
            self.add_error(
                "target",
                ValidationError(
                    _("%(amount)s have arrived already: write a target above that."),
                    params={"amount": currencies.written(arrived, wanted.currency)},
                ),
            )


def end(row: Condition, data: dict[str, Any], by: User, at: datetime) -> str:
    conditional.call_off(row, by=by, at=at)
    return _("Called off. All supporters are told, and their cards are forgotten within the hour.")


def why_not_end(row: Condition, _by: User) -> str:
    return _("This is decided already.") if row.is_decided else ""


@admin.register(Condition)
class ConditionAdmin(VerbAdmin, WritableAdmin):
    form = ConditionForm
    list_display = ("appeal", "written", "ends_on", "state")
    verbs = (
        Verb(
            "call-off",
            gettext_lazy("Call it off"),
            gettext_lazy(
                "No card is charged; all who promised on this condition are told, and Stripe forgets their cards. "
                "It cannot be taken back."
            ),
            "call_off_condition",
            end,
            refusals={conditional.Decided: ""},
            closed=why_not_end,
            is_grave=True,
            is_exception=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related(*titled_keys(Condition))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ConditionForm.Meta.fields
        # Once it is decided, cards are charged one by one, and what was together then is not kept.
        together = () if obj.is_decided else ("together",)
        shown = (
            "appeal", "written", *together, "ends_on", "state", "met_at", "failed_at", "created_by", "created_at",
        )  # fmt: skip
        return names_people(Condition, shown)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.get_fields(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: supporters agreed to what is written."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.created_by, obj.created_at = request.user, timezone.now()
        super().save_model(request, obj, form, change)

    @admin.display(description=gettext_lazy("target"), ordering="target")
    def written(self, row: Condition) -> str:
        return money(row.target, row.currency)

    @admin.display(description=gettext_lazy("together until now"))
    def together(self, row: Condition) -> str:
        return money(conditional.reached(row), row.currency)

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: Condition) -> str:
        if row.met_at:
            return _("met")
        return _("not met") if row.failed_at else _("open")
