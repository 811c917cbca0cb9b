"""The editors' desk for cases: what is alleged, where it stands, when there is a hearing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appeals import publishing
from appeals.models import Appeal, Case, CaseText, Hearing, Update
from defensefund.office import NATIVE_DAYS
from defensefund.verbs import Verb

from . import previews
from .appeal import why_not_publish, why_not_withdraw
from .desk import REFUSALS, Preview, Step, TitledAdmin, TitleFilter, published
from .forms import PublicTextFormSet, TextForm


class CaseForm(TextForm):
    def clean_appeal(self) -> Appeal:
        """A case keeps its appeal once there is news on it, which stands there."""
        appeal: Appeal = self.cleaned_data["appeal"]
        if "appeal" in self.changed_data and Update.objects.filter(case=self.instance.pk).exists():
            raise ValidationError(_("There is news on this case: it stays with its appeal."))
        return appeal


class CaseTextInline(admin.StackedInline):  # type: ignore[type-arg]
    model = CaseText
    form = TextForm
    formset = PublicTextFormSet
    extra = 0
    min_num = 1


class HearingInline(admin.StackedInline):  # type: ignore[type-arg]
    formfield_overrides = NATIVE_DAYS
    model = Hearing
    form = TextForm
    extra = 0


def publish(case: Case, _data: dict[str, Any], by: User, at: datetime) -> str:
    publishing.publish_case(case=case, by=by, at=at)
    if case.appeal.is_published:
        return _("The case is public.")
    return _("The case will be public together with its appeal.")


def withdraw(case: Case, _data: dict[str, Any], by: User, at: datetime) -> str:
    publishing.withdraw_case(case=case)
    return _("The case is off the public pages.")


class HearingFilter(admin.SimpleListFilter):
    title = gettext_lazy("hearing")
    parameter_name = "hearing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("soon", gettext_lazy("within seven days"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "soon":
            return queryset.heard_soon(timezone.now().date())
        return queryset


@admin.register(Case)
class CaseAdmin(TitledAdmin):
    form = CaseForm
    list_display = ("title", "appeal_title", "stage", "court", "docket", "published_at")
    list_filter = (HearingFilter, ("appeal", TitleFilter), "stage")
    list_select_related = ("appeal",)
    search_fields = ("slug", "court", "docket", "texts__title")
    inlines = (CaseTextInline, HearingInline)
    public_notice = gettext_lazy("This case is public: everyone reads what you save.")
    verbs = (
        Verb(
            "publish",
            gettext_lazy("Publish the case"),
            gettext_lazy(
                "From then on everyone can read these texts, and the people in the case stand "
                "there by alias, or by name where they agreed to it."
            ),
            "publish_case",
            publish,
            refusals=REFUSALS,
            closed=why_not_publish,
        ),
        Verb(
            "withdraw",
            gettext_lazy("Take the case off the public pages"),
            gettext_lazy("Its news disappears with it. Nothing is deleted."),
            "publish_case",
            withdraw,
            refusals=REFUSALS,
            closed=why_not_withdraw,
            is_exception=True,
        ),
    )

    def steps(self, row: Case) -> Iterable[Step]:
        return (published(row),)

    def previews(self, row: Case) -> Iterable[Preview]:
        return previews.of_case(row)
