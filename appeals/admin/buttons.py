"""Buttons on an admin page: a form on a page of its own that calls one verb and says what came of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from appeals.consent import NameInText
from appeals.publishing import NotPublishable

# What verbs raise when something is missing: shown above the form, nothing was changed.
REFUSALS = (NotPublishable, NameInText, ValidationError)


class Confirm(forms.Form):
    """Nothing to fill in: the page itself is the question."""


@dataclass(frozen=True)
class Preview:
    """A text as readers will see it."""

    language: str
    title: str
    body: SafeString


@dataclass(frozen=True)
class Button:
    """One verb on one row. `act(row, cleaned_data, by, at)` calls it and returns the sentence to show."""

    name: str
    label: Any
    explanation: Any
    permission: str  # codename of this app
    act: Callable[[Any, dict[str, Any], User, datetime], Any]
    applies: Callable[[Any], bool] = lambda row: True
    form: type[forms.BaseForm] = Confirm
    initial: Callable[[Any], dict[str, Any]] = lambda row: {}
    previews: Callable[[Any], Iterable[Preview]] = lambda row: ()


def fieldsets(form: forms.BaseForm) -> AdminForm:
    """The visible fields as the office's own templates draw them."""
    names = [field.name for field in form.visible_fields()]
    return AdminForm(form, [(None, {"fields": names})], {})  # type: ignore[arg-type]


class ButtonAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Saves only what was changed, so that a form never writes back steps the database took meanwhile."""

    buttons: tuple[Button, ...] = ()
    # Said above the form of a row that is public, e.g. what saving does to it.
    public_notice: Any = ""
    change_form_template = "admin/appeals/change_form.html"
    actions: Any = None

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        columns = {field.name for field in obj._meta.concrete_fields}
        if not change:
            obj.save()
        elif changed := columns & set(form.changed_data):
            obj.save(update_fields=changed)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<int:pk>/{button.name}/",
                self.admin_site.admin_view(partial(self.press, button)),
                name=self._url_name(button),
            )
            for button in self.buttons
        ]
        return own + super().get_urls()

    def _url_name(self, button: Button) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{button.name}"

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        """Only where there is a page to view."""
        return super().get_view_on_site_url(obj) if getattr(obj, "published_at", None) else None

    def may_press(self, request: HttpRequest, button: Button) -> bool:
        return self.has_view_permission(request) and request.user.has_perm(
            f"{self.opts.app_label}.{button.permission}"
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        shown = [
            {
                "label": button.label,
                "url": reverse(f"admin:{self._url_name(button)}", args=[row.pk]),
            }
            for button in self.buttons
            if row is not None and self.may_press(request, button) and button.applies(row)
        ]
        notice = (
            self.public_notice if row is not None and getattr(row, "published_at", None) else ""
        )
        extra = {"buttons": shown, "notice": notice, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra)

    def press(self, button: Button, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.may_press(request, button):
            raise PermissionDenied
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        form = button.form(
            request.POST if request.method == "POST" else None, initial=button.initial(row)
        )
        if request.method == "POST" and form.is_valid():
            done = self._act(button, request, row, form)
            if done is not None:
                return done
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "title": button.label,
            "button": button,
            "form": form,
            "fieldsets": fieldsets(form),
            "previews": list(button.previews(row)),
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "admin/appeals/button.html", context)

    def _act(
        self, button: Button, request: HttpRequest, row: Any, form: forms.BaseForm
    ) -> HttpResponse | None:
        """The redirect after the verb did it; None, with the reason on the form, when it refused."""
        assert isinstance(request.user, User)
        try:
            said = button.act(row, form.cleaned_data, request.user, timezone.now())
        except REFUSALS as error:
            sentences = error.messages if isinstance(error, ValidationError) else [str(error)]
            form.add_error(None, sentences)
            return None
        self.log_change(request, row, str(button.label))
        messages.success(request, str(said))
        opts = self.opts
        return HttpResponseRedirect(
            reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])
        )
