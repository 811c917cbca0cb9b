"""One at a time for what is partly not there yet, and so cannot be locked as a row: a name stands for it."""

from collections.abc import Iterable

from django.db import connection

# One after the other in the order of the numbers, whoever asks for which: so no two wait for each other.
HOLD = """
SELECT pg_advisory_xact_lock(hashtext('donations'), number)
FROM (SELECT DISTINCT hashtext(name) AS number FROM unnest(%s::text[]) AS name ORDER BY number) numbers
"""


def hold(names: Iterable[str]) -> None:
    """Waits until nobody else holds any of the names, and holds them to the end of the transaction.

    Only once in a transaction, and before what the names stand for is read: then it is what the others left.
    """
    held = sorted(set(names))
    if held:
        with connection.cursor() as cursor:
            cursor.execute(HOLD, [held])
