"""Many rows, made within the database."""

from django.db import connection


def multiply(row, count, *, every=1, start=0, **columns):
    """Copies a row `count` times within the database, with SQL of n for some columns."""
    model = type(row)
    names = [
        connection.ops.quote_name(field.column)
        for field in model._meta.concrete_fields
        if not field.primary_key
    ]
    values = [columns.get(name.strip('"'), name) for name in names]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) SELECT {', '.join(values)} "
            f"FROM {model._meta.db_table} CROSS JOIN "
            f"(SELECT (m + {start}) * {every} AS n FROM generate_series(1, {count}) m) numbers WHERE id = {row.pk}"
        )


def settle(*tables):
    """What the server would else do behind many new rows while the next ones are measured; of all tables where none is named."""
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {', '.join(tables)}")
        cursor.execute("CHECKPOINT")
