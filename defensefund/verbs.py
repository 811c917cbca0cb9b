"""Buttons of a row: each is a form on a page of its own that shows the facts, calls one verb and says what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from defensefund.addresses import page_name
from defensefund.office import OfficeAdmin, fieldset, page, require, sent
from defensefund.step_up import recent_login_required


class VerbForm(forms.Form):
    """Knows the row its verb is called on."""

    # What to look at before it is sent; a sentence that stands out, above the fields.
    warning = ""

    def __init__(self, row: Any, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)
        self.row = row
        self.prepare()

    def prepare(self) -> None:
        """For choices and first values that depend on the row."""

    def propose(self, values: Mapping[str, str]) -> None:
        """First values that the link to the form names; what the form has no visible field for is passed over."""
        for each in self.visible_fields():
            if each.name in values:
                self.fields[each.name].initial = values[each.name]


@dataclass(frozen=True)
class Made:
    """What there is to say of a verb that made another row, which is the one to go on with."""

    said: str
    row: Model


@dataclass(frozen=True)
class Verb:
    """`act(row, cleaned_data, by, at)` calls the verb and returns the sentence to show."""

    name: str
    label: Any
    explanation: Any
    permission: str  # codename in the app of the row
    act: Callable[[Any, dict[str, Any], User, datetime], str | Made]
    form: type[VerbForm] = VerbForm
    # What the verb refuses with, and the field its sentence stands beside ("" above the form).
    refusals: Mapping[type[Exception], str] = field(default_factory=dict)
    # Refusals after which the page has to be looked at afresh; and those that say it is done already.
    starts_over: tuple[type[Exception], ...] = ()
    is_done: tuple[type[Exception], ...] = ()
    # Why this is not the time for it, in a sentence; empty when it is.
    closed: Callable[[Any, User], str] = lambda row, by: ""
    # Asks for a fresh proof of who is acting.
    is_grave: bool = False
    # For when something went wrong or is over: its button never stands out as the next step.
    is_exception: bool = False


def beside_of(refusal: Exception, refusals: Mapping[type[Exception], str]) -> str:
    """The field that the sentence of a refusal stands beside ("" above the form): as its own kind has it, else a wider one."""
    return next(refusals[kind] for kind in type(refusal).__mro__ if kind in refusals)


class VerbAdmin(OfficeAdmin):
    verbs: tuple[Verb, ...] = ()
    # Stands on the row's page, where it includes the buttons, and on each verb's, there with `is_short`.
    facts_template = "admin/_verbs.html"
    # Where a row is nothing but its facts, the list of its fields is left out.
    hides_fields = False
    change_form_template = "admin/verb_row.html"

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What `facts_template` shows about `row`, on its own page and on each verb's."""
        return {}

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<int:pk>/{verb.name}/",
                self.admin_site.admin_view(partial(self.press, verb)),
                name=self._url_name(verb),
            )
            for verb in self.verbs
        ]
        return own + super().get_urls()

    def _url_name(self, verb: Verb) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{verb.name.replace('-', '_')}"

    def _url(self, row: Any, verb: Verb | None = None) -> str:
        name = f"admin:{self._url_name(verb)}" if verb else page_name(self.opts)
        return reverse(name, args=[row.pk])

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        extra: dict[str, Any] = {"hides_fields": self.hides_fields}
        if row is not None and self.has_view_permission(request, row):
            extra |= self.facts(request, row)
            extra |= {"facts_template": self.facts_template, "verbs": self._open(request, row)}
        return super().change_view(request, object_id, form_url, extra | (extra_context or {}))

    def _permission(self, verb: Verb) -> str:
        return f"{self.opts.app_label}.{verb.permission}"

    def _open(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        """The buttons of `row` for this person now."""
        user = request.user
        assert isinstance(user, User)
        return [
            {"label": verb.label, "url": self._url(row, verb), "is_exception": verb.is_exception}
            for verb in self.verbs
            if user.has_perm(self._permission(verb)) and not verb.closed(row, user)
        ]

    def press(self, verb: Verb, request: HttpRequest, pk: int) -> HttpResponse:
        require(request, self._permission(verb))
        if not self.has_view_permission(request):
            raise PermissionDenied
        view = recent_login_required(self._press) if verb.is_grave else self._press
        return view(request, verb, pk)

    def _press(self, request: HttpRequest, verb: Verb, pk: int) -> HttpResponse:
        user = require(request, self._permission(verb))
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        form = verb.form(row, *sent(request))
        if not form.is_bound:
            form.propose(request.GET)
        if form.is_valid():
            done = self._act(request, verb, row, form, by=user)
            if done is not None:
                return done
        return page(
            self,
            request,
            "admin/verb.html",
            title=verb.label,
            verb=verb,
            original=row,
            form=form,
            fieldsets=fieldset(form) if form.visible_fields() else (),
            closed="" if form.is_bound else verb.closed(row, user),
            facts_template=self.facts_template,
            **self.facts(request, row),
        )

    def _act(
        self, request: HttpRequest, verb: Verb, row: Any, form: VerbForm, *, by: User
    ) -> HttpResponse | None:
        """Where to go after the verb did it; None, with the reason on the form, when it refused."""
        try:
            done = verb.act(row, form.cleaned_data, by, timezone.now())
        except verb.starts_over as refusal:
            messages.warning(request, str(refusal))
            return HttpResponseRedirect(self._url(row, verb))
        except verb.is_done as refusal:
            messages.info(request, str(refusal))
        except tuple(verb.refusals) as refusal:
            beside = beside_of(refusal, verb.refusals)
            why = refusal.messages if isinstance(refusal, ValidationError) else [str(refusal)]
            form.add_error(beside or None, why)
            return None
        else:
            self.log_change(request, row, str(verb.label))
            if isinstance(done, Made):
                messages.success(request, done.said)
                return HttpResponseRedirect(self._url(done.row))
            messages.success(request, done)
        return HttpResponseRedirect(self._url(row))
