"""Rows that are written by one verb on a page of their own."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from defensefund.office import ReadOnlyAdmin, fieldset, page, require, sent
from defensefund.verbs import VerbAdmin, beside_of


class RecordingAdmin(VerbAdmin, ReadOnlyAdmin):
    """`record_form(data)` reads what the verb needs; its `act(by=, at=)` calls it and returns the row."""

    change_list_template = "admin/donations/recording_list.html"
    record_label: Any = ""
    record_explanation: Any = ""
    record_permission = ""
    record_form: type[forms.Form]
    # What the verb refuses with, and the field its sentence stands beside ("" above the form).
    record_refusals: dict[type[Exception], str]

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "record/",
                self.admin_site.admin_view(self.record_view),
                name=f"donations_{self.opts.model_name}_record",
            ),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        extra: dict[str, Any] = {
            "record_url": reverse(f"admin:donations_{self.opts.model_name}_record")
            if request.user.has_perm(f"donations.{self.record_permission}")
            else "",
            "record_label": self.record_label,
        }
        return super().changelist_view(request, extra | (extra_context or {}))

    def record_view(self, request: HttpRequest) -> HttpResponse:
        user = require(request, f"donations.{self.record_permission}")
        data, _files = sent(request)
        form: Any = self.record_form(data)
        if form.is_valid():
            try:
                row = form.act(by=user, at=timezone.now())
            except tuple(self.record_refusals) as refusal:
                beside = beside_of(refusal, self.record_refusals)
                form.add_error(beside or None, str(refusal))
            else:
                self.log_addition(request, row, str(self.record_label))
                messages.success(request, self.said(row))
                return HttpResponseRedirect(self._url(row))
        return page(
            self,
            request,
            "admin/donations/record.html",
            title=self.record_label,
            explanation=self.record_explanation,
            form=form,
            fieldsets=fieldset(form),
        )

    def said(self, row: Any) -> str:
        return _("Recorded.")
