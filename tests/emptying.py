"""How the database is emptied after a test with real commits: only what holds rows, and whatever guards it.

Django's own way, TRUNCATE of every table, costs a third of a second each time, and append-only tables refuse it.
"""

from collections.abc import Iterable
from graphlib import TopologicalSorter

from django.core.management.commands import flush
from django.db.backends.postgresql.operations import DatabaseOperations

# Rows that migrations made; every test may count on them.
KEPT = frozenset({"auth_group", "auth_group_permissions", "auth_permission", "django_content_type"})
# The queue's tables are not Django's to clean.
QUEUE = ("procrastinate_jobs", "procrastinate_events", "procrastinate_periodic_defers")
ENABLE = {"O": "ENABLE TRIGGER", "A": "ENABLE ALWAYS TRIGGER", "R": "ENABLE REPLICA TRIGGER"}


def only_what_is_there() -> None:
    """From now on, for the whole run."""
    DatabaseOperations.sql_flush = sql_flush  # type: ignore[method-assign]
    # It would make the content types and permissions that are kept.
    flush.emit_post_migrate_signal = lambda *_args, **_options: None


def sql_flush(self, style, tables, **options):  # type: ignore[no-untyped-def]
    with self.connection.cursor() as cursor:
        filled = _filled(cursor, [*QUEUE, *(table for table in tables if table not in KEPT)])
        guards = _guards(cursor, filled)
        ordered = _what_refers_first(cursor, filled)
    return [
        *(f"ALTER TABLE {table} DISABLE TRIGGER {guard}" for table, guard, _state in guards),
        *(f"DELETE FROM {table}" for table in ordered),
        # A table with checks still to come cannot be altered.
        "SET CONSTRAINTS ALL IMMEDIATE",
        *(f"ALTER TABLE {table} {ENABLE[state]} {guard}" for table, guard, state in guards),
    ]


def _filled(cursor, tables: Iterable[str]) -> list[str]:  # type: ignore[no-untyped-def]
    cursor.execute(
        " UNION ALL ".join(
            f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables
        )
    )
    rows = {table for (table,) in cursor.fetchall()}
    return [table for table in tables if table in rows]


def _what_refers_first(cursor, tables: list[str]) -> list[str]:  # type: ignore[no-untyped-def]
    """For the foreign keys that are checked at once, as those that hold an entry to its accounts' currency."""
    cursor.execute(
        "SELECT confrelid::regclass::text, conrelid::regclass::text FROM pg_constraint"
        " WHERE contype = 'f' AND NOT condeferrable AND conrelid <> confrelid"
        " AND conrelid = ANY(%s::regclass[]) AND confrelid = ANY(%s::regclass[])",
        [tables, tables],
    )
    order = TopologicalSorter[str]({table: set() for table in tables})
    for referred, referring in cursor.fetchall():
        order.add(referred, referring)
    return list(order.static_order())


def _guards(cursor, tables: list[str]) -> list[tuple[str, str, str]]:  # type: ignore[no-untyped-def]
    """(table, trigger, when it fires) of all that are on."""
    cursor.execute(
        "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger"
        " WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgrelid = ANY(%s::regclass[])",
        [tables],
    )
    return [(table, guard, state) for table, guard, state in cursor.fetchall()]
