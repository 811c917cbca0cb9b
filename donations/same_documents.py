"""READ: which documents are with another cost too, and what was asked for or paid there; one bill is not paid twice unseen."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q

from .models import CostDocument, Disbursement, LegalCost

# Two payments of one amount to one payee within this time may be for one bill; agreed instalments are further apart.
SOON = timedelta(days=14)


@dataclass(frozen=True)
class Elsewhere:
    """`document` is with `cost` too, which is not its own; `payments` are asked for or paid there, the first first."""

    document: CostDocument
    cost: LegalCost
    payments: tuple[Disbursement, ...]


def elsewhere(documents: Iterable[CostDocument]) -> list[Elsewhere]:
    """In the order of `documents`, which are of one cost. Two queries, however many.

    The same is what has the same SHA-256, as it was given or as it was cleaned.
    """
    mine = [(document, _hashes(document)) for document in documents]
    if not mine:
        return []
    hashes = set().union(*(of for _document, of in mine))
    others = list(
        CostDocument.objects.filter(Q(sha256__in=hashes) | Q(original_sha256__in=hashes))
        .exclude(cost=mine[0][0].cost_id)
        .select_related("cost")
        .order_by("pk")
    )
    payments: dict[int, list[Disbursement]] = {}
    if others:
        asked = Disbursement.objects.standing().filter(cost__in={each.cost_id for each in others})
        for row in asked.order_by("pk"):
            payments.setdefault(row.cost_id, []).append(row)
    return [
        Elsewhere(document, other.cost, tuple(payments.get(other.cost_id, ())))
        for document, of in mine
        for other in others
        if of & _hashes(other)
    ]


def alike(row: Disbursement) -> list[Disbursement]:
    """Other payments of the same amount to the same payee, asked for within SOON of it; the first first. One query."""
    return list(
        Disbursement.objects.standing()
        .filter(
            payee_account__payee=row.payee_account.payee_id,
            amount=row.amount,
            currency=row.currency,
            requested_at__range=(row.requested_at - SOON, row.requested_at + SOON),
        )
        .exclude(pk=row.pk)
        .select_related("cost")
        .order_by("pk")
    )


def _hashes(document: CostDocument) -> set[str]:
    return {document.sha256, document.original_sha256} - {""}
