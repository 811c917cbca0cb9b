"""Lines that nearly carry the reference of an announced gift: counted when a file comes, so that somebody looks."""

from ..models import Pledge, StatementImport
from ..references import slips, squeeze


def count_slipped(statement: StatementImport) -> int:
    """How many lines of an import that are still open have an announced gift's reference with one slip."""
    lines = statement.lines.unmatched().filter(amount__gt=0).values_list("text", "counterparty")
    repaired = []
    for parts in lines.iterator(chunk_size=2000):
        text = " ".join(parts)
        # Of the letters a slip leaves at least one right; a text without either holds no reference.
        if "R" in (letters := squeeze(text)) or "F" in letters:
            repaired.append({slip.reference for slip in slips(text)})
    known = set(
        Pledge.objects.filter(reference__in=set().union(*repaired)).values_list(
            "reference", flat=True
        )
    )
    return sum(not known.isdisjoint(references) for references in repaired)
