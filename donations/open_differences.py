"""VERB: keep how many differences are open, for the office's first page; the list itself is computed afresh."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from . import differences
from .differences import Difference
from .models import OpenDifference

# The first page says "999+" above that.
MOST = 1_000


@transaction.atomic
def note(found: Sequence[Difference], *, at: datetime) -> None:
    """Keeps `found`, the whole work list, in place of what was kept before."""
    with connection.cursor() as cursor:
        # Two at once would keep both lists.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('donations.open_differences'))")
    OpenDifference.objects.all().delete()
    OpenDifference.objects.bulk_create(
        OpenDifference(kind=item.kind, name=item.name[:300], found_at=at) for item in found[:MOST]
    )


def look(*, at: datetime) -> list[Difference]:
    """The work list, computed and noted."""
    found = differences.work_list(at=at)
    note(found, at=at)
    return found
