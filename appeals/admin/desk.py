"""What the editors' desk shares: rows the public may read, and the texts as readers will see them beside each verb."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.forms import model_to_dict
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appeals.consent import NameInText
from appeals.models import AppealText
from appeals.models.language import called, titles
from appeals.publishing import NotPublishable, unknown_people
from defensefund.verbs import VerbAdmin

# What the desk's verbs raise when something is missing: said above the form, nothing was changed.
REFUSALS: dict[type[Exception], str] = {NotPublishable: "", NameInText: "", ValidationError: ""}


@dataclass(frozen=True)
class Preview:
    """A text as readers will see it."""

    language: str
    title: str
    body: SafeString


@dataclass(frozen=True)
class Step:
    """Something done, with its instant where that is kept; or, `is_done` false, still to do."""

    words: str
    at: datetime | None = None
    is_done: bool = True


def published(row: Any) -> Step:
    """Whether the public reads `row`, and whose decision that was."""
    if row.published_at is None:
        return Step(_("Not public"), is_done=False)
    return Step(_("Published by %(person)s") % {"person": row.published_by}, row.published_at)


class TitleFilter(admin.RelatedFieldListFilter):
    """Of appeals, by their titles."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        rows = field.related_model.objects.titled()
        ordering = self.field_admin_ordering(field, request, model_admin)
        return [(row.pk, str(row)) for row in (rows.order_by(*ordering) if ordering else rows)]


class DeskAdmin(VerbAdmin):
    facts_template = "admin/appeals/_facts.html"
    # Said above the form of a row that is public, e.g. what saving does to it.
    public_notice: Any = ""

    def previews(self, row: Any) -> Iterable[Preview]:
        """What the person who decides reads first; looked up only where it is shown."""
        return ()

    def steps(self, row: Any) -> Iterable[Step]:
        """The way of the row so far and what is next, in order."""
        return ()

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        is_public = getattr(row, "published_at", None) is not None
        is_told = is_public and self.has_change_permission(request, row)
        return {
            "notice": self.public_notice if is_told else "",
            "previews": self.previews(row),
            "steps": self.steps(row),
        }

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        """Only where there is a page to view."""
        return super().get_view_on_site_url(obj) if getattr(obj, "published_at", None) else None


class WrittenAdmin(DeskAdmin):
    """Of rows that have texts: who is named in them by key is looked up when they are saved."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Saved as it is, since a person may be entered later; but said at once, not only at the review."""
        super().save_related(request, form, formsets, change)
        row = form.instance
        texts = [
            value
            for text in row.texts.all()
            for value in model_to_dict(text).values()
            if isinstance(value, str)
        ]
        if why := unknown_people(getattr(row, "appeal", row), texts):
            sentence = _("%(why)s Saved, but it cannot be published like that.") % {"why": why}
            messages.warning(request, sentence)


class OfAppealAdmin(WrittenAdmin):
    """Of rows that stand under an appeal, which is called by its title."""

    # Where the key of the row's appeal stands.
    appeal_key = "appeal_id"

    def get_queryset(self, request: HttpRequest) -> Any:
        title = titles(AppealText.objects.all(), self.appeal_key)
        return super().get_queryset(request).annotate(title_of_appeal=title)

    @admin.display(description=gettext_lazy("appeal"), ordering="appeal")
    def appeal_title(self, row: Any) -> str:
        return called(row.title_of_appeal, row.appeal.slug)


class TitledAdmin(OfAppealAdmin):
    """Of rows whose texts have titles: they are called by them."""

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).titled()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """What is said of it next calls it by the title that it has now."""
        super().save_related(request, form, formsets, change)
        row = form.instance
        row.own_title = (
            self.model.objects.titled().values_list("own_title", flat=True).get(pk=row.pk)
        )

    # The log says which row it was whatever its texts say later, so not by its title.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return super().log_addition(request, obj.by_address(), message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return super().log_change(request, obj.by_address(), message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        plain: Any = [row.by_address() for row in queryset]
        return super().log_deletions(request, plain)

    @admin.display(description=gettext_lazy("title"))
    def title(self, row: Any) -> str:
        """Where nothing is written yet, its address."""
        return str(row)
