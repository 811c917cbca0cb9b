"""The fund's policy in the office: a draft is a form, an enacted version is read, and a second person makes one the other."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.auth.models import User
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from appeals.admin.forms import TextForm
from appeals.consent import NameInText
from defensefund.days import DayField
from defensefund.office import WritableAdmin
from defensefund.templatetags.formats import plain_day
from defensefund.verbs import Made, Verb, VerbAdmin, VerbForm

from .. import policy, policy_changes
from ..models import Policy, PolicyCap, PolicyKind, PolicyLimit, PolicyText
from .policy_forms import CapForm, KindForm, LimitForm, PolicyForm, currencies
from .proposals import SeenForm


class RulesFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    @classmethod
    def get_deletion_widget(cls) -> Any:
        return forms.CheckboxInput(attrs={"aria-label": _("Delete")})


class RulesInline(InlineModelAdmin):  # type: ignore[type-arg]
    """Rows of a draft; whoever may change the policy may take them out again. Two stand ready for who has no scripts."""

    extra = 2
    classes = ("rules-rows",)
    formset = RulesFormSet

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """The currencies are asked for once, not by each row. In a table the column's head alone names no field to who
        does not see it."""
        formset = super().get_formset(request, obj, **kwargs)
        fields = formset.form.base_fields
        if "currency" in fields:
            fields["currency"] = forms.ChoiceField(
                label=fields["currency"].label, choices=currencies()
            )
        for field in fields.values():
            # A group of ticks has a label at each.
            if not isinstance(field.widget, forms.CheckboxSelectMultiple):
                field.widget.attrs["aria-label"] = field.label
        return formset

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_change(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_change(request, obj)


def _may_change(request: HttpRequest, obj: Any) -> bool:
    is_draft = obj is None or not obj.is_enacted
    return is_draft and request.user.has_perm("donations.change_policy")


class KindInline(RulesInline, admin.TabularInline):  # type: ignore[type-arg]
    model = PolicyKind
    form = KindForm
    fields = ("kind", "documents", "is_admin")


class CapInline(RulesInline, admin.TabularInline):  # type: ignore[type-arg]
    model = PolicyCap
    form = CapForm
    fields = ("kind", "currency", "amount")


class LimitInline(RulesInline, admin.TabularInline):  # type: ignore[type-arg]
    model = PolicyLimit
    form = LimitForm
    fields = ("currency", "third_person_above", "emergency_up_to", "fee_alone_up_to")


class TextInline(RulesInline, admin.StackedInline):  # type: ignore[type-arg]
    model = PolicyText
    form = TextForm
    fieldsets = [(None, {"fields": ["language", "body"]})]
    extra = 1


class DraftForm(VerbForm):
    in_force_from = DayField(label=gettext_lazy("In force from"))

    def prepare(self) -> None:
        self.fields["in_force_from"].initial = timezone.now().date()


def enact(row: Policy, data: dict[str, Any], by: User, at: datetime) -> str:
    done = policy.enact(row, content_hash=data["content_hash"], by=by, at=at)
    return _("%(version)s is enacted, in force from %(day)s. Everybody can read it now.") % {
        "version": done,
        "day": plain_day(done.in_force_from),
    }


def draft(row: Policy, data: dict[str, Any], by: User, at: datetime) -> Made:
    made = policy.draft(in_force_from=data["in_force_from"], by=by, at=at)
    return Made(_("A draft with all these rules is made. Change what shall be different."), made)


def why_not_enact(row: Policy, by: User) -> str:
    if row.is_enacted:
        return _("This version is enacted already.")
    if row.drafted_by_id == by.pk:
        return _("You drafted this version, or changed it last: another person must enact it.")
    return ""


def why_no_draft(row: Policy, _by: User) -> str:
    if not row.is_enacted:
        return _("This is a draft: change it here.")
    if row != Policy.objects.enacted().order_by("-version").first():
        return _("There is a newer version: draft the next one from it.")
    return ""


@admin.register(Policy)
class PolicyAdmin(VerbAdmin, WritableAdmin):
    form = PolicyForm
    list_display = ("__str__", "in_force_from", "drafted_by", "enacted_by", "enacted_at")
    list_select_related = ("drafted_by", "enacted_by")
    list_per_page = 25
    show_full_result_count = False
    inlines = (KindInline, CapInline, LimitInline, TextInline)
    facts_template = "admin/donations/policy/_facts.html"
    verbs = (
        Verb(
            "enact",
            gettext_lazy("Enact"),
            gettext_lazy(
                "From its day on, costs and payments are measured by exactly what stands here, and gifts keep it. "
                "Nobody can change it afterwards: another version takes its place."
            ),
            "enact_policy",
            enact,
            SeenForm,
            {policy.PolicyError: "", NameInText: ""},
            starts_over=(policy.ContentChanged,),
            closed=why_not_enact,
            is_grave=True,
        ),
        Verb(
            "draft",
            gettext_lazy("Draft the next version"),
            gettext_lazy("A draft with all these rules, to be changed and then enacted."),
            "change_policy",
            draft,
            DraftForm,
            closed=why_no_draft,
        ),
    )

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """With its rules, which the list of versions does not show."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            prefetch_related_objects([row], *Policy.RULES)
        return row

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of drafts alone: an enacted version stays."""
        is_draft = obj is None or not obj.is_enacted
        return is_draft and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Whoever changes a draft, its rules too, is the one who drafted it: another person enacts it."""
        obj.drafted_by, obj.drafted_at = request.user, timezone.now()
        form.changed_data.extend(["drafted_by", "drafted_at"])
        super().save_model(request, obj, form, change)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A version is read as supporters read it; only a draft is also a form, for whoever may change it."""
        row = self.get_object(request, object_id)
        extra = {"hides_fields": row is not None and not self.has_change_permission(request, row)}
        return super().change_view(request, object_id, form_url, extra | (extra_context or {}))

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        """Back to the draft, which says what is different now."""
        return HttpResponseRedirect(self._url(obj))

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        before = Policy.objects.with_rules().before(row)
        return {
            "policy": row,
            "text": row.text(get_language() or "en"),
            "nobody": {},
            "earlier": before,
            "changes": policy_changes.changes(before, row) if before else [],
        }
