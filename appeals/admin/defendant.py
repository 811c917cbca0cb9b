"""The editors' desk for defendants: alias, cases, and the history of what they agreed to have shown."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from appeals import consent
from appeals.models import AppealText, Case, Consent, Defendant, Identity
from appeals.models.language import called, titles
from defensefund.office import RowsInline
from defensefund.verbs import Verb

from .desk import REFUSALS, DeskAdmin
from .forms import ConsentForm, NameForm, TextForm


class ConsentInline(RowsInline):
    """The history; it is written by the buttons alone."""

    model = Consent
    fields = (
        "scope",
        "withdrawn_at",
        "source",
        "evidence",
        "given_on",
        "expires_on",
        "recorded_at",
        "recorded_by",
        "withdrawn_by",
    )
    readonly_fields = fields
    verbose_name_plural = gettext_lazy("what the person agreed to")

    @admin.display(description=gettext_lazy("scope"))
    def scope(self, given: Consent) -> str:
        return given.scope_display()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Consent]:
        return super().get_queryset(request).select_related("recorded_by", "withdrawn_by")


def _titled_cases(request: HttpRequest) -> list[Any]:
    """All cases, called by title, with their appeals' titles: both filters choose from them, and they are read once a page."""
    kept = request.__dict__
    if "titled_cases" not in kept:
        title = titles(AppealText.objects.all(), "appeal_id")
        rows = Case.objects.titled().select_related("appeal").annotate(title_of_appeal=title)
        kept["titled_cases"] = list(rows)
    return kept["titled_cases"]  # type: ignore[no-any-return]


class TitleOfCases(admin.RelatedFieldListFilter):
    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        return [(case.pk, str(case)) for case in _titled_cases(request)]


class AppealOfCases(admin.RelatedFieldListFilter):
    """Of those that have cases; of others there are no defendants."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        named = {
            case.appeal_id: called(case.title_of_appeal, case.appeal.slug)
            for case in _titled_cases(request)
        }
        return sorted(named.items(), key=lambda each: each[1].casefold())


def why_no_forgetting(defendant: Defendant, _by: User) -> str:
    if Identity.objects.filter(defendant=defendant).exists():
        return ""
    return _("No name of this person is kept.")


def why_no_withdrawal(defendant: Defendant, _by: User) -> str:
    if defendant.consents.filter(withdrawn_at__isnull=True).exists():
        return ""
    return _("This person agreed to nothing that could be withdrawn.")


def identify(defendant: Defendant, data: dict[str, Any], by: User, at: datetime) -> str:
    consent.identify(defendant=defendant, name=data["name"])
    return _("The name is kept, encrypted.")


def forget(defendant: Defendant, _data: dict[str, Any], by: User, at: datetime) -> str:
    consent.forget(defendant=defendant)
    return _("The name is erased.")


def record(defendant: Defendant, data: dict[str, Any], by: User, at: datetime) -> str:
    consent.record(defendant=defendant, by=by, at=at, **data)
    said = _("The consent is recorded.")
    nameless = why_no_forgetting(defendant, by) if data["has_name"] else ""
    return f"{said} {nameless}".strip()


def withdraw(defendant: Defendant, _data: dict[str, Any], by: User, at: datetime) -> str:
    result = consent.withdraw(defendant=defendant, by=by, at=at)
    said = ngettext(
        "%(count)s consent is withdrawn: no page shows the name any more.",
        "%(count)s consents are withdrawn: no page shows the name any more.",
        result.ended,
    ) % {"count": result.ended}
    if not result.mentions:
        return said
    places = format_html_join(
        ", ",
        '<a href="{}">{}</a>',
        (
            (reverse(f"admin:appeals_{each.model}_change", args=[each.pk]), each.label)
            for each in result.mentions
        ),
    )
    look = _("Look at these texts, which may still mention the person:")
    return format_html("{} {} {}", said, look, places)


@admin.register(Defendant)
class DefendantAdmin(DeskAdmin):
    form = TextForm
    list_display = ("alias", "key")
    list_filter = (("cases__appeal", AppealOfCases), ("cases", TitleOfCases))
    search_fields = ("alias", "key")
    formfield_overrides = {models.ManyToManyField: {"widget": forms.CheckboxSelectMultiple}}
    inlines = (ConsentInline,)
    verbs = (
        Verb(
            "record_consent",
            gettext_lazy("Record consent"),
            gettext_lazy(
                "Only what the person agreed to, in person or through their lawyer. "
                "A record is never changed afterwards, only withdrawn."
            ),
            "record_consent",
            record,
            ConsentForm,
            REFUSALS,
        ),
        Verb(
            "withdraw_consent",
            gettext_lazy("Withdraw consent"),
            gettext_lazy(
                "Ends everything the person agreed to. The pages show the alias at once; copies of them "
                "that browsers keep do so within a minute."
            ),
            "withdraw_consent",
            withdraw,
            refusals=REFUSALS,
            closed=why_no_withdrawal,
            is_exception=True,
        ),
        Verb(
            "identify",
            gettext_lazy("Write down the name"),
            gettext_lazy("Only if it is needed. It replaces a name that is there."),
            "identify_defendant",
            identify,
            NameForm,
            REFUSALS,
        ),
        Verb(
            "forget",
            gettext_lazy("Erase the name"),
            gettext_lazy("The alias, the cases and the history of consent stay."),
            "identify_defendant",
            forget,
            refusals=REFUSALS,
            closed=why_no_forgetting,
            is_exception=True,
        ),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fields = ("alias", "key", "cases")
        may_read = request.user.has_perm("appeals.identify_defendant")
        return (*fields, "name") if obj is not None and may_read else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name",)

    @admin.display(description=gettext_lazy("name"))
    def name(self, defendant: Defendant) -> str:
        identity = Identity.objects.filter(defendant=defendant).first()
        return identity.name if identity else "–"
