"""Which of the database's rules a statement broke."""

from django.db import IntegrityError
from psycopg.errors import IntegrityError as PostgresIntegrityError


def broken_rule(error: IntegrityError) -> str:
    """The name of the constraint, or the one that a trigger of ours gives; empty where there is none."""
    cause = error.__cause__
    return (cause.diag.constraint_name or "") if isinstance(cause, PostgresIntegrityError) else ""
