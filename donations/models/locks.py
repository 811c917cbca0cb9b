"""One at a time for what is partly not there yet, and so cannot be locked as a row: a name stands for it."""

from collections.abc import Iterable
from typing import Any

from django.db import connection, models

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


def share(rows: "models.QuerySet[Any]") -> None:
    """Keeps `rows` as they are to the end of the transaction; others may hold them so at the same time."""
    sql, params = rows.order_by("pk").values("pk").query.sql_with_params()
    table = connection.ops.quote_name(rows.model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} FOR SHARE OF {table}", params)
