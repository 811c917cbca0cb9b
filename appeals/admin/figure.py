"""The editors' desk for figures: proposed by an import or by hand, confirmed by a person, shown with their source."""

import textwrap
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from appeals import consent, publishing
from appeals.models import Figure, FigureText, Source
from defensefund.office import OfficeAdmin
from defensefund.verbs import Verb

from .desk import REFUSALS, OfAppealAdmin, Step, TitleFilter
from .forms import PlainNumberForm, TextForm


class FigureForm(PlainNumberForm):
    number = "value"


class FigureTextInline(admin.StackedInline):  # type: ignore[type-arg]
    model = FigureText
    form = TextForm
    extra = 0
    min_num = 1


class IsConfirmed(admin.SimpleListFilter):
    title = gettext_lazy("confirmed")
    parameter_name = "confirmed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", gettext_lazy("proposed")), ("yes", gettext_lazy("confirmed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Figure]) -> QuerySet[Figure]:
        if self.value() in {"no", "yes"}:
            return queryset.filter(confirmed_at__isnull=self.value() == "no")
        return queryset


def confirm(figure: Figure, _data: dict[str, Any], by: User, at: datetime) -> str:
    publishing.confirm_figure(figure=figure, by=by, at=at)
    return _("The figure is confirmed.")


def why_not_confirm(figure: Figure, _by: User) -> str:
    return _("This figure is confirmed already.") if figure.is_confirmed else ""


@admin.register(Figure)
class FigureAdmin(OfAppealAdmin):
    form = FigureForm
    list_display = (
        "in_words",
        "label",
        "sentence_start",
        "source_start",
        "appeal_title",
        "confirmed_at",
    )
    list_filter = (IsConfirmed, ("appeal", TitleFilter))
    list_select_related = ("source", "appeal")
    ordering = ("-appeal", "position", "pk")
    inlines = (FigureTextInline,)
    actions = ("confirm_selected",)
    facts_template = "admin/appeals/figure/_facts.html"
    verbs = (
        Verb(
            "confirm",
            gettext_lazy("Confirm the figure"),
            gettext_lazy(
                "You compared number, label and source with the text they come from. "
                "From then on it stands on the appeal's page; a change asks for a new confirmation."
            ),
            "confirm_figure",
            confirm,
            refusals=REFUSALS,
            closed=why_not_confirm,
        ),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who only reads it reads the number as it is written in public."""
        fields = super().get_fields(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fields
        return ["number" if name == "value" else name for name in fields]

    def get_queryset(self, request: HttpRequest) -> Any:
        texts = FigureText.objects.best(get_language() or "").filter(figure=OuterRef("pk"))
        own_label = Subquery(texts.values("label")[:1])
        rows: Any = super().get_queryset(request)
        return rows.annotate(own_label=own_label)

    @admin.display(description=gettext_lazy("figure"), ordering="value")
    def in_words(self, figure: Figure) -> str:
        return figure.in_words

    @admin.display(description=gettext_lazy("label"))
    def label(self, figure: Any) -> str:
        return figure.own_label or "–"

    @admin.display(description=gettext_lazy("value"))
    def number(self, figure: Figure) -> str:
        return str(figure)

    def steps(self, row: Figure) -> Iterable[Step]:
        if row.confirmed_at is None:
            return (Step(_("Proposed: waits for somebody to confirm it"), is_done=False),)
        person = {"person": row.confirmed_by}
        return (Step(_("Confirmed by %(person)s") % person, row.confirmed_at),)

    @admin.display(description=gettext_lazy("sentence"))
    def sentence_start(self, figure: Figure) -> str:
        return textwrap.shorten(figure.sentence, 90, placeholder="…")

    @admin.display(description=gettext_lazy("source"), ordering="source")
    def source_start(self, figure: Figure) -> str:
        return textwrap.shorten(str(figure.source), 40, placeholder="…") if figure.source else "–"

    def has_confirm_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("appeals.confirm_figure")

    @admin.action(description=gettext_lazy("Confirm the selected figures"), permissions=["confirm"])
    def confirm_selected(self, request: HttpRequest, figures: QuerySet[Figure]) -> None:
        assert isinstance(request.user, User)
        confirmed = 0
        for figure in figures:
            try:
                publishing.confirm_figure(figure=figure, by=request.user, at=timezone.now())
            except (publishing.NotPublishable, consent.NameInText) as error:
                messages.error(request, f"{figure}: {error}")
            else:
                confirmed += 1
                self.log_change(request, figure, "Confirmed")
        said = ngettext(
            "%(count)s figure is confirmed.", "%(count)s figures are confirmed.", confirmed
        )
        messages.success(request, said % {"count": confirmed})


@admin.register(Source)
class SourceAdmin(OfficeAdmin):
    form = TextForm
    list_display = ("publisher", "title", "url", "retrieved_on", "is_as_cited")
    search_fields = ("publisher", "title")
    actions = None
