"""Take in the document behind a legal cost: by its content, not by what its name or the browser says."""

from datetime import datetime
from hashlib import sha256

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .models import CostDocument, LegalCost

MAX_BYTES = 10 * 1024 * 1024
# The first bytes of each kind, and the endings that fit them.
KINDS = {
    "application/pdf": (b"%PDF-", {"pdf"}),
    "image/jpeg": (b"\xff\xd8\xff", {"jpg", "jpeg"}),
    "image/png": (b"\x89PNG\r\n\x1a\n", {"png"}),
}
# What makes a PDF act or hide: a bill needs none of it (PDF 32000-1, 7.6, 12.6).
PDF_REFUSED = {
    b"/Encrypt": gettext_lazy("it is locked with a password"),
    b"/JavaScript": gettext_lazy("it contains a script"),
    b"/OpenAction": gettext_lazy("it does something when opened"),
    b"/EmbeddedFile": gettext_lazy("it carries other files inside"),
    b"/Launch": gettext_lazy("it starts a program"),
}


class UnfitDocument(Exception):
    """The file is not taken; the message says why and what to do instead."""


def attach(*, cost: LegalCost, name: str, content: bytes, by: User, at: datetime) -> CostDocument:
    """Keeps the file under a random name outside the web root. Raises UnfitDocument, with nothing kept."""
    content_type = _check(name, content)
    digest = sha256(content).hexdigest()
    if cost.documents.filter(sha256=digest).exists():
        raise UnfitDocument(_("This very document is attached already."))
    document = CostDocument(
        cost=cost,
        content_type=content_type,
        size=len(content),
        sha256=digest,
        uploaded_by=by,
        uploaded_at=at,
    )
    document.file.save(name, ContentFile(content), save=False)
    try:
        with transaction.atomic():
            document.save()
    except DatabaseError:
        # The row did not come to be: neither shall the file stay.
        document.file.delete(save=False)
        raise
    return document


def _check(name: str, content: bytes) -> str:
    if not content:
        raise UnfitDocument(_("This file is empty."))
    if len(content) > MAX_BYTES:
        raise UnfitDocument(_("This file is larger than 10 MB: scan it in fewer colours."))
    ending = name.rpartition(".")[2].lower()
    for content_type, (magic, endings) in KINDS.items():
        if content.startswith(magic):
            if ending not in endings:
                raise UnfitDocument(
                    _("The file's name ends in .%(ending)s, but it is another kind of file.")
                    % {"ending": ending}
                )
            if content_type == "application/pdf":
                _check_pdf(content)
            return content_type
    raise UnfitDocument(_("Only PDF, JPEG and PNG are taken: save the document as PDF."))


def _check_pdf(content: bytes) -> None:
    for mark, why in PDF_REFUSED.items():
        if mark in content:
            raise UnfitDocument(
                _("This PDF is not taken, because %(why)s: print it to a new PDF and attach that.")
                % {"why": why}
            )
