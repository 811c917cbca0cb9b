"""Many changed rows in one statement: the database joins what is new, instead of choosing it row by row."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model


def write(rows: Iterable[Model], names: Sequence[str]) -> None:
    """Writes the fields `names` of rows of one model that are there already; nothing where there are none.

    As bulk_update does, which builds an expression for every value: of a batch of events that cost three quarters of
    the time.
    """
    rows = list(rows)
    if not rows:
        return
    meta = type(rows[0])._meta
    assert meta.pk is not None
    fields: list[Any] = [meta.pk, *(meta.get_field(name) for name in names)]
    columns = [
        [field.get_db_prep_save(_value(row, field), connection) for row in rows] for field in fields
    ]
    new = ", ".join(f'"{field.column}"' for field in fields)
    changed = ", ".join(f'"{field.column}" = new."{field.column}"' for field in fields[1:])
    arrays = ", ".join(f"%s::{_type(field)}[]" for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{meta.db_table}" AS old SET {changed} FROM unnest({arrays}) AS new ({new}) '  # noqa: S608  names of our own models
            f'WHERE old."{meta.pk.column}" = new."{meta.pk.column}"',
            columns,
        )


def _value(row: Model, field: Any) -> Any:
    """Of a link the other row's key as it is now: that row may have been saved after it was linked."""
    other = field.get_cached_value(row, default=None) if field.is_relation else None
    return other.pk if other else getattr(row, field.attname)


def _type(field: Any) -> str:
    """Without a length: a cast to one would cut off in silence what the column refuses."""
    return str(field.db_type(connection)).split("(")[0]
