"""Many rows in one statement: changed ones joined with what is new, and new ones copied in as a stream."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Model

from defensefund.privacy import EncryptedTextField


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


def new_keys(model: type[Model], count: int) -> list[int]:
    """Keys for rows to come, so that rows which name each other are written without reading any of them back."""
    meta = model._meta
    assert meta.pk is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [meta.db_table, meta.pk.column])
        (sequence,) = cursor.fetchone()
        cursor.execute(
            "SELECT nextval(%s::regclass) FROM generate_series(1, %s)", [sequence, count]
        )
        return [key for (key,) in cursor.fetchall()]


def add(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Copies new rows of one model in: `rows` hold the fields `names` in their order, links as the other row's key.

    Fields that are not named get what the database gives them. Rules are the database's own: nothing is cleaned or checked
    here, and only encrypted texts and lists are put into their form. A tenth of what bulk_create costs.
    """
    copy(model, names, formed(model, names, rows))


def formed(
    model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterator[list[Any]]:
    """The rows as the database takes them: encrypted texts and lists are put into their form. Asks the database nothing."""
    fields = (model._meta.get_field(name) for name in names)
    forms = [(at, form) for at, field in enumerate(fields) if (form := _form(field))]
    for row in rows:
        values = list(row)
        for at, form in forms:
            values[at] = form(values[at])
        yield values


def copy(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """`add` for rows that are `formed` already."""
    meta = model._meta
    fields: list[Any] = [meta.get_field(name) for name in names]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{meta.db_table}" ({columns}) FROM STDIN') as stream,
    ):
        for row in rows:
            stream.write_row(row)


def _form(field: Any) -> Callable[[Any], Any] | None:
    if isinstance(field, EncryptedTextField):
        return field.encryptor()
    return _as_list if isinstance(field, ArrayField) else None


def _as_list(texts: Iterable[str] | None) -> str | None:
    """As the database writes a list: the driver would do it element by element, ten times as long."""
    if texts is None:
        return None
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"


def _value(row: Model, field: Any) -> Any:
    """Of a link the other row's key as it is now: that row may have been saved after it was linked."""
    other = field.get_cached_value(row, default=None) if field.is_relation else None
    return other.pk if other else getattr(row, field.attname)


def _type(field: Any) -> str:
    """Without a length: a cast to one would cut off in silence what the column refuses."""
    return str(field.db_type(connection)).split("(")[0]
