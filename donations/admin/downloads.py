"""How files that came from outside leave the office: as a download alone, and inert should a browser open it after all."""

from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect

from .. import documents
from ..models import CostDocument, Exchange, PartnerPayment

# A browser takes the file for what it is called, runs nothing in it, and lets no other site load it.
INERT = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def download(file: Any, *, name: str, content_type: str) -> FileResponse:
    """`file`, opened and checked, to be saved as `name`."""
    return FileResponse(
        file, as_attachment=True, filename=name, content_type=content_type, headers=INERT
    )


def kept_document(
    request: HttpRequest, row: CostDocument | Exchange | PartnerPayment, *, name: str, back: str
) -> HttpResponse | FileResponse:
    """The document of `row`, saved under `name`, its hash and its ending; a damaged one is said on the page `back`."""
    try:
        file = documents.open_checked(row)
    except documents.Damaged as damage:
        messages.error(request, str(damage))
        return HttpResponseRedirect(back)
    ending = CostDocument.EXTENSIONS[row.content_type]
    return download(file, name=f"{name}-{row.sha256[:8]}.{ending}", content_type=row.content_type)
