"""The editors' desk for appeals: texts per language, publishing, import of a file."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from appeals import documents, publishing, text_import
from appeals.models import Appeal, AppealText, Case, Figure
from defensefund.office import RowsInline, fieldset, page, sent
from defensefund.verbs import Verb

from . import previews
from .desk import REFUSALS, Preview, Step, TitledAdmin, published
from .forms import AppealTextFormSet, ImportForm, PlainNumberForm, TextForm


class AppealForm(PlainNumberForm):
    number = "goal_amount"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The goal's currency is one that gifts may have, or the one it has."""
        super().__init__(*args, **kwargs)
        if (field := self.fields.get("goal_currency")) is not None:
            known = dict.fromkeys([*settings.CURRENCIES, self.instance.goal_currency])
            self.fields["goal_currency"] = forms.ChoiceField(
                label=field.label,
                required=False,
                choices=[("", "–"), *((code, code) for code in known if code)],
            )


class AppealTextInline(admin.StackedInline):  # type: ignore[type-arg]
    model = AppealText
    form = TextForm
    formset = AppealTextFormSet
    extra = 0
    min_num = 1


class CaseInline(RowsInline):
    model = Case
    show_change_link = True
    fields = ("__str__", "stage", "court", "docket", "published_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        rows: Any = super().get_queryset(request)
        return rows.titled()


class FigureInline(RowsInline):
    model = Figure
    show_change_link = True
    fields = ("number", "sentence", "source", "confirmed_at")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("value"))
    def number(self, figure: Figure) -> str:
        return figure.in_words


def _paragraphs(count: int) -> str:
    return ngettext(
        "A draft with %(count)s paragraph.", "A draft with %(count)s paragraphs.", count
    ) % {"count": count}


def _proposed(count: int) -> str:
    if not count:
        return _("No figure was found in it.")
    return ngettext(
        "%(count)s figure waits to be confirmed.", "%(count)s figures wait to be confirmed.", count
    ) % {"count": count}


def publish(appeal: Appeal, _data: dict[str, Any], by: User, at: datetime) -> str:
    publishing.publish_appeal(appeal=appeal, by=by, at=at)
    return _("The appeal is public.")


def withdraw(appeal: Appeal, _data: dict[str, Any], by: User, at: datetime) -> str:
    publishing.withdraw_appeal(appeal=appeal)
    return _("The appeal is off the public pages.")


def why_not_publish(row: Appeal | Case, _by: User) -> str:
    return _("This is public already.") if row.is_published else ""


def why_not_withdraw(row: Appeal | Case, _by: User) -> str:
    return "" if row.is_published else _("This is not public.")


@admin.register(Appeal)
class AppealAdmin(TitledAdmin):
    appeal_key = "pk"
    form = AppealForm
    list_display = ("title", "slug", "default_language", "published_at", "published_by")
    list_select_related = ("published_by",)
    search_fields = ("slug", "texts__title")
    inlines = (AppealTextInline, CaseInline, FigureInline)
    change_list_template = "admin/appeals/appeal/change_list.html"
    public_notice = gettext_lazy("This appeal is public: everyone reads what you save.")
    verbs = (
        Verb(
            "publish",
            gettext_lazy("Publish the appeal"),
            gettext_lazy("From then on everyone can read these texts."),
            "publish_appeal",
            publish,
            refusals=REFUSALS,
            closed=why_not_publish,
        ),
        Verb(
            "withdraw",
            gettext_lazy("Take the appeal off the public pages"),
            gettext_lazy("Its cases and its news disappear with it. Nothing is deleted."),
            "publish_appeal",
            withdraw,
            refusals=REFUSALS,
            closed=why_not_withdraw,
            is_exception=True,
        ),
    )

    def steps(self, row: Appeal) -> Iterable[Step]:
        return (published(row),)

    def previews(self, row: Appeal) -> Iterable[Preview]:
        return previews.of_appeal(row)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.import_view)
        return [path("import/", view, name="appeals_appeal_import"), *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(*sent(request))
        if form.is_valid():
            done = self._import(request, form)
            if done is not None:
                return done
        return page(
            self,
            request,
            "admin/appeals/import.html",
            title=_("Import an appeal"),
            form=form,
            fieldsets=fieldset(form),
        )

    def _import(self, request: HttpRequest, form: ImportForm) -> HttpResponse | None:
        file = form.cleaned_data["file"]
        try:
            imported = text_import.import_appeal(
                data=file.read(),
                name=file.name,
                slug=form.cleaned_data["slug"],
                language=form.cleaned_data["language"],
            )
        except (documents.Unreadable, text_import.NotImportable) as error:
            form.add_error(None, str(error))
            return None
        self.log_change(request, imported.appeal, "Imported a text")
        for notice in imported.notices:
            messages.warning(request, notice)
        messages.success(
            request,
            f"{_paragraphs(imported.paragraphs)} {_proposed(imported.proposed)}",
        )
        return HttpResponseRedirect(
            reverse("admin:appeals_appeal_change", args=[imported.appeal.pk])
        )
