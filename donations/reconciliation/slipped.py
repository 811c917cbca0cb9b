"""Lines that nearly carry the reference of an announced gift: counted when a file comes, so that somebody looks."""

from collections.abc import Iterable

from django.db import connection

from ..references import slips

KNOWN = "SELECT reference FROM donations_pledge WHERE reference = ANY(%s)"


def count_slipped(texts: Iterable[str]) -> int:
    """How many of the texts have an announced gift's reference with one slip."""
    repaired = [found for text in texts if (found := {slip.reference for slip in slips(text)})]
    if not repaired:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(KNOWN, [list(set().union(*repaired))])
        known = {reference for (reference,) in cursor.fetchall()}
    return sum(not known.isdisjoint(references) for references in repaired)
