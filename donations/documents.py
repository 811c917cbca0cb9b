"""Take in the document behind a legal cost: by its content, not by what its name or the browser says."""

import re
from contextlib import ExitStack
from datetime import datetime
from hashlib import file_digest, sha256

from django.contrib.auth.models import User
from django.core.files.base import ContentFile, File
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .models import CostDocument, Exchange, LegalCost

MAX_BYTES = 10 * 1024 * 1024
# The first bytes of each kind, and the endings that fit them.
KINDS = {
    "application/pdf": (b"%PDF-", {"pdf"}),
    "image/jpeg": (b"\xff\xd8\xff", {"jpg", "jpeg"}),
    "image/png": (b"\x89PNG\r\n\x1a\n", {"png"}),
}
# What locks a PDF or lets it act: a bill needs none of it (ISO 32000-1, 7.6 and 12.6.4). Files that are merely
# carried inside are not refused: electronic invoices are such PDFs.
PDF_REFUSED = {
    b"/Encrypt": gettext_lazy("it is locked with a password"),
    b"/JavaScript": gettext_lazy("it contains a script"),
    b"/Launch": gettext_lazy("it starts a program"),
}


class UnfitDocument(Exception):
    """The file is not taken; the message says why and what to do instead."""


class SameDocument(UnfitDocument):
    """The cost has this very file already."""


class Damaged(Exception):
    """The file kept is missing, or not the one that was attached."""


def attach(*, cost: LegalCost, name: str, content: bytes, by: User, at: datetime) -> CostDocument:
    """Keeps the file under a random name outside the web root. Raises UnfitDocument, with nothing kept."""
    content_type = _check(name, content)
    digest = sha256(content).hexdigest()
    document = CostDocument(
        cost=cost,
        content_type=content_type,
        size=len(content),
        sha256=digest,
        uploaded_by=by,
        uploaded_at=at,
    )
    with ExitStack() as undo:
        with transaction.atomic():
            # Held until the end, so that the same file sent twice at once is seen.
            LegalCost.objects.select_for_update(no_key=True).get(pk=cost.pk)
            if cost.documents.filter(sha256=digest).exists():
                raise SameDocument(_("This very document is attached already."))
            document.file.save(name, ContentFile(content), save=False)
            # If the row does not come to be, neither shall the file stay.
            undo.callback(document.file.delete, save=False)
            document.save()
        undo.pop_all()
    return document


def clean(name: str, content: bytes) -> tuple[str, bytes]:
    """The kind of a file that is kept elsewhere, and what is to be kept of it. Raises UnfitDocument."""
    return _check(name, content), content


def open_checked(document: CostDocument | Exchange) -> File:  # type: ignore[type-arg]
    """The file, open at its start, after its hash was compared. Raises Damaged."""
    try:
        file = document.file.storage.open(str(document.file.name))
    except FileNotFoundError as error:
        raise Damaged(
            _("The file of this document is missing: restore it from the backup.")
        ) from error
    if file_digest(file, "sha256").hexdigest() != document.sha256:
        file.close()
        raise Damaged(_("This file is not the one that was attached: restore it from the backup."))
    file.seek(0)
    return file


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
                    _(
                        "The file's name ends in .%(ending)s, but its content is another kind of file."
                    )
                    % {"ending": ending}
                )
            if content_type == "application/pdf":
                _check_pdf(content)
            return content_type
    raise UnfitDocument(_("Only PDF, JPEG and PNG are taken: save the document as PDF."))


def _check_pdf(content: bytes) -> None:
    # Any character of a name may be written as # and its code (ISO 32000-1, 7.3.5).
    plain = re.sub(rb"#([0-9A-Fa-f]{2})", lambda code: bytes.fromhex(code[1].decode()), content)
    for mark, why in PDF_REFUSED.items():
        if mark in plain:
            raise UnfitDocument(
                _("This PDF is not taken, because %(why)s: print it to a new PDF and attach that.")
                % {"why": why}
            )
