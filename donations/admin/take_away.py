"""The books as files to take away: the journal, streamed, and the bundle for an accountant."""

from tempfile import TemporaryFile
from typing import Any

from django import forms
from django.contrib import admin
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from defensefund.office import fieldset, page, require

from .. import audit_bundle, exports

PERMISSION = "donations.export_entry"
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "beancount": "text/plain; charset=utf-8",
}


class BundleForm(forms.Form):
    with_documents = forms.BooleanField(
        label=gettext_lazy("With the documents themselves"),
        required=False,
        help_text=gettext_lazy(
            "Bills and receipts name people. Without them the bundle has their list and their SHA-256."
        ),
    )


@require_safe
def journal_view(
    request: HttpRequest, model_admin: "admin.ModelAdmin[Any]", form: str
) -> StreamingHttpResponse:
    """Every entry, read and sent a few thousand at a time, however many there are."""
    require(request, PERMISSION)
    if form not in exports.FORMATS:
        raise Http404
    return StreamingHttpResponse(
        exports.FORMATS[form](),
        content_type=TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="entries.{form}"'},
    )


def bundle_view(
    request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
) -> HttpResponse | FileResponse:
    """The page with all the files; sent, it answers with the bundle."""
    user = require(request, PERMISSION)
    may_open = user.has_perm("donations.view_costdocument")
    if request.method == "POST":
        # On disk as it grows; FileResponse closes it, which removes it.
        file = TemporaryFile()  # noqa: SIM115
        wants = may_open and "with_documents" in request.POST
        audit_bundle.write(file, with_documents=wants, at=timezone.now())
        file.seek(0)
        name = f"books-{timezone.now().date()}.zip"
        return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
    form = BundleForm()
    return page(
        model_admin,
        request,
        "admin/donations/entry/take_away.html",
        title=_("Take the books away"),
        form=form,
        fieldsets=fieldset(form) if may_open else (),
        journals=sorted(exports.FORMATS),
    )
