"""The editors' desk for news: written, submitted, reviewed by another person, published."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appeals import publishing
from appeals.models import Case, CaseText, Update, UpdateText
from appeals.models.language import called, titles
from appeals.models.update import UpdateQuerySet
from defensefund.verbs import Verb

from . import previews
from .desk import REFUSALS, Preview, Step, TitledAdmin, TitleFilter, published
from .forms import ReviewForm, TextForm

State = Update.State


class UpdateForm(TextForm):
    """The address may be left to the title, which stands in a text below."""

    class Meta:
        model = Update
        fields = ("appeal", "case", "slug")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:
            self.fields["slug"].required = False
            self.fields["slug"].help_text = _(
                "The last part of the page's address. Left empty, it is made from the title."
            )

    def clean_case(self) -> Case | None:
        case: Case | None = self.cleaned_data["case"]
        appeal = self.cleaned_data.get("appeal")
        if case and appeal and case.appeal_id != appeal.pk:
            raise ValidationError(
                _("This case belongs to another appeal: choose one of this appeal.")
            )
        return case

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if slug:
            return slug
        titles = [
            value for name, value in self.data.items() if re.fullmatch(r"texts-\d+-title", name)
        ]
        made = next((found for title in titles if (found := slugify(title))), "")
        if not made:
            raise ValidationError(
                _("Write a title, or an address of small letters, digits and hyphens.")
            )
        return self._free(made)

    def _free(self, made: str) -> str:
        """`made`, or with a number behind it where the appeal has another update there."""
        taken = set(
            Update.objects.filter(appeal=self.cleaned_data.get("appeal"))
            .exclude(pk=self.instance.pk)
            .values_list("slug", flat=True)
        )
        most = Update._meta.get_field("slug").max_length or 50
        endings = ("", *(f"-{number}" for number in range(2, len(taken) + 3)))
        return next(
            slug
            for ending in endings
            if (slug := made[: most - len(ending)].rstrip("-") + ending) not in taken
        )


class UpdateTextInline(admin.StackedInline):  # type: ignore[type-arg]
    model = UpdateText
    form = TextForm
    extra = 0
    min_num = 1
    readonly_fields = ("writer",)

    @admin.display(description=gettext_lazy("written by"))
    def writer(self, text: UpdateText) -> str:
        """Without a link to that account, which few may open."""
        return str(text.written_by) if text.pk else "–"


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Update]) -> QuerySet[Update]:
        assert isinstance(queryset, UpdateQuerySet)
        match self.value():
            case State.DRAFT:
                return queryset.drafts()
            case State.SUBMITTED:
                return queryset.waiting()
            case State.REVIEWED:
                return queryset.publishable()
            case State.PUBLISHED:
                return queryset.filter(published_at__isnull=False)
        return queryset


def submit(update: Update, _data: dict[str, Any], by: User, at: datetime) -> str:
    publishing.submit(update=update, by=by, at=at)
    return _("The text waits for somebody else's review.")


def review(update: Update, data: dict[str, Any], by: User, at: datetime) -> str:
    publishing.review(update=update, seen_hash=data["seen_hash"], by=by, at=at)
    return _("Reviewed: the text may be published as it is.")


def publish(update: Update, _data: dict[str, Any], by: User, at: datetime) -> str:
    publishing.publish(update=update, by=by, at=at)
    return _("The text is public.")


def withdraw(update: Update, _data: dict[str, Any], by: User, at: datetime) -> str:
    publishing.withdraw(update=update)
    return _("The text is off the public pages.")


def why_not_submit(update: Update, _by: User) -> str:
    return "" if update.state == State.DRAFT else _("This text is submitted already.")


def why_not_review(update: Update, by: User) -> str:
    if update.state == State.DRAFT:
        return _("This is a draft: its author submits it for review first.")
    if update.state != State.SUBMITTED:
        return _("This text is reviewed already.")
    if by.pk in update.writers():
        return _("You wrote some of this text: another person reviews it.")
    return ""


def why_not_publish(update: Update, _by: User) -> str:
    if update.state == State.PUBLISHED:
        return _("This is public already.")
    if update.state == State.REVIEWED:
        return ""
    return _("Nobody has reviewed this text: it is published after a review.")


def why_not_withdraw(update: Update, _by: User) -> str:
    return "" if update.state == State.PUBLISHED else _("This is not public.")


@admin.register(Update)
class UpdateAdmin(TitledAdmin):
    form = UpdateForm
    list_display = (
        "title",
        "appeal_title",
        "case_title",
        "state_display",
        "created_by",
        "reviewed_by",
        "published_at",
    )
    list_filter = (StateFilter, ("appeal", TitleFilter))
    list_select_related = ("appeal", "case", "created_by", "reviewed_by")
    search_fields = ("slug", "texts__title")
    inlines = (UpdateTextInline,)
    public_notice = gettext_lazy(
        "This text is public. Saving a change takes it off the page until somebody has reviewed it again."
    )
    verbs = (
        Verb(
            "submit",
            gettext_lazy("Submit for review"),
            gettext_lazy("Somebody who wrote none of it reads it before it can be published."),
            "change_update",
            submit,
            refusals=REFUSALS,
            closed=why_not_submit,
        ),
        Verb(
            "review",
            gettext_lazy("Review"),
            gettext_lazy(
                "Read every language. The text may say only what the authorities allege, never what "
                "anyone did, and name nobody who has not agreed. Your review is of exactly this text: "
                "any later change makes it void."
            ),
            "review_update",
            review,
            ReviewForm,
            REFUSALS,
            starts_over=(publishing.TextChanged,),
            closed=why_not_review,
        ),
        Verb(
            "publish",
            gettext_lazy("Publish"),
            gettext_lazy("From then on everyone can read this text."),
            "publish_update",
            publish,
            refusals=REFUSALS,
            closed=why_not_publish,
        ),
        Verb(
            "withdraw",
            gettext_lazy("Take it off the public pages"),
            gettext_lazy("The review stays valid as long as the text is not changed."),
            "publish_update",
            withdraw,
            refusals=REFUSALS,
            closed=why_not_withdraw,
            is_exception=True,
        ),
    )

    def steps(self, row: Update) -> Iterable[Step]:
        yield Step(_("Written by %(person)s") % {"person": row.created_by})
        if row.submitted_at is None:
            yield Step(_("Draft: not submitted for review"), is_done=False)
            return
        yield Step(_("Submitted by %(person)s") % {"person": row.submitted_by}, row.submitted_at)
        if row.reviewed_at is None:
            yield Step(_("Waits for another person's review"), is_done=False)
            return
        yield Step(_("Reviewed by %(person)s") % {"person": row.reviewed_by}, row.reviewed_at)
        yield published(row)

    def previews(self, row: Update) -> Iterable[Preview]:
        return previews.of_update(row)

    def get_queryset(self, request: HttpRequest) -> Any:
        cases = titles(CaseText.objects.all(), "case_id")
        return super().get_queryset(request).annotate(title_of_case=cases)

    @admin.display(description=gettext_lazy("case"), ordering="case")
    def case_title(self, update: Any) -> str:
        if update.case is None:
            return "–"
        return called(update.title_of_case, update.case.slug)

    @admin.display(description=gettext_lazy("state"))
    def state_display(self, update: Update) -> str:
        return str(update.state.label)

    def save_model(self, request: HttpRequest, obj: Update, form: Any, change: bool) -> None:
        if not change:
            assert isinstance(request.user, User)
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for text in formset.save(commit=False):
            text.written_by = request.user
            text.save()
        for text in formset.deleted_objects:
            text.delete()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        before = form.instance.state
        super().save_related(request, form, formsets, change)
        after = Update.objects.get(pk=form.instance.pk).state
        if before in {State.REVIEWED, State.PUBLISHED} and after == State.DRAFT:
            messages.warning(
                request,
                _(
                    "The text was changed, so its review is void, and until it is reviewed and published again nobody can read it."
                )
                if before == State.PUBLISHED
                else _("The text was changed, so its review is void: submit it for review again."),
            )
