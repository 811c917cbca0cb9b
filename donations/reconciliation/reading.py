"""All that lines could be, read in one query: each module names the rows it asks for, and gets them back as the objects they are."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import BinaryField, Field, Model, QuerySet
from django.db.models.functions import JSONObject

from defensefund.privacy import EncryptedTextField

from ..models import StatementLine

# The lines that are asked about, for every part of the query to be joined with.
LINES = """
line AS (
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[], %s::text[], %s::date[], %s::text[])
    AS line (id, account_id, amount, currency, booked_on, payer_hash)
)
"""
# One row, by the names of its columns.
Facts = dict[str, Any]
# By kind, all rows of it.
Known = dict[str, list[Facts]]


@dataclass(frozen=True)
class Wanted:
    """Rows to be known by their `kind`, under which later parts of the query find them too."""

    kind: str
    sql: str
    params: Sequence[Any] = ()


def read(lines: Sequence[StatementLine], wanted: Iterable[Wanted | None]) -> Known:
    """The rows of all parts, in one query. Amounts are exact."""
    parts = [part for part in wanted if part is not None]
    known: Known = defaultdict(list)
    if not lines or not parts:
        return known
    columns: list[Any] = [
        [line.pk for line in lines],
        [line.account_id for line in lines],
        [line.open_amount for line in lines],
        [line.currency for line in lines],
        [line.booked_on for line in lines],
        [line.payer_hash for line in lines],
    ]
    tables = ", ".join([LINES, *(f"{part.kind} AS ({part.sql})" for part in parts)])
    rows = " UNION ALL ".join(
        f"SELECT '{part.kind}', to_jsonb({part.kind}) FROM {part.kind}"  # noqa: S608  names of our own
        for part in parts
    )
    params = [*columns, *(each for part in parts for each in part.params)]
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {tables} {rows}", params)
        for kind, facts in cursor.fetchall():
            known[kind].append(json.loads(facts, parse_float=Decimal))
    return known


def rows_of(kind: str, queryset: "QuerySet[Any]", *also: str, **related: Any) -> Wanted | None:
    """A queryset's rows with all columns, those it annotates as `also`, and `related` ones; None where there can be none."""
    named = queryset.order_by().values(*columns_of(queryset.model), *also, **related)
    try:
        sql, params = named.query.sql_with_params()
    except EmptyResultSet:
        return None
    return Wanted(kind, sql, params)


def columns_of(model: type[Model]) -> list[str]:
    """Files are not read along."""
    return [
        field.attname for field in model._meta.concrete_fields if not isinstance(field, BinaryField)
    ]


def related_by(path: str, *columns: str) -> JSONObject:
    """Columns of the row a foreign key leads to."""
    return JSONObject(**{column: f"{path}__{column}" for column in columns})


def revived[M: Model](model: type[M], facts: Facts, **related: Model) -> M:
    """The object whose columns `facts` are, as if it had been read alone; what is not among them is read when it is needed."""
    known = {
        field.attname: _value(field, facts[field.attname])
        for field in model._meta.concrete_fields
        if field.attname in facts
    }
    row = model.from_db(DEFAULT_DB_ALIAS, list(known), list(known.values()))
    for name, other in related.items():
        setattr(row, name, other)
    return row


def _value(field: "Field[Any, Any]", value: Any) -> Any:
    if isinstance(field, EncryptedTextField):
        return field.from_db_value(value, None, connection)
    return field.to_python(value)
