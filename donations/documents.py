"""Take in the document behind a legal cost, cleaned; hand it out as it was taken in."""

from contextlib import ExitStack
from datetime import datetime
from hashlib import file_digest, sha256

from django.contrib.auth.models import User
from django.core.files.base import ContentFile, File
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from .cleaning import UnfitDocument, clean
from .models import CostDocument, Exchange, LegalCost, PartnerPayment


class SameDocument(UnfitDocument):
    """The cost has this very file already."""


class Damaged(Exception):
    """The file kept is missing, or not the one that was attached."""


def attach(
    *,
    cost: LegalCost,
    name: str,
    content: bytes,
    by: User,
    at: datetime,
    kind: str = CostDocument.Kind.BILL,
) -> CostDocument:
    """Keeps what cleaning.py makes of the file, under a random name outside the web root. Raises UnfitDocument, with
    nothing kept.

    `kind` says what it is, as the policy asks for it; the same file attached as another kind is kept as that from then on.
    Approvals are bound to the hash of the file kept; that of the file given is noted, to compare with the sender's.
    """
    cleaned = clean(name, content)
    digest, original = sha256(cleaned.content).hexdigest(), sha256(content).hexdigest()
    document = CostDocument(
        cost=cost,
        kind=kind,
        content_type=cleaned.content_type,
        size=len(cleaned.content),
        sha256=digest,
        original_sha256=original,
        uploaded_by=by,
        uploaded_at=at,
    )
    with ExitStack() as undo:
        with transaction.atomic():
            # Approvals of payments become void (the migration "spending"): held before the cost, as by who
            # changes a payment.
            waiting = cost.disbursements.open().select_for_update(of=("self",)).order_by("pk")
            list(waiting.values_list("pk"))
            # Held until the end, so that the same file sent twice at once is seen.
            LegalCost.objects.held(cost)
            known = cost.documents.filter(Q(sha256=digest) | Q(original_sha256=original)).first()
            if known is not None and known.kind != kind:
                known.kind = kind
                known.save(update_fields=["kind"])
                return known
            if known is not None:
                raise SameDocument(_("This very document is attached already."))
            document.file.save(name, ContentFile(cleaned.content), save=False)
            # If the row does not come to be, neither shall the file stay.
            undo.callback(document.file.delete, save=False)
            document.save()
        undo.pop_all()
    return document


def open_checked(document: CostDocument | Exchange | PartnerPayment) -> File:  # type: ignore[type-arg]
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
