"""READ: everything we hold about a gift and whoever gave it, for themselves. Complete by construction: it follows every relation."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Field, ForeignKey, Model

from .models import Donation, Pledge, StatementLine, StatementMatch

# From where relations are followed on; what else refers to these is told as it is.
FOLLOWED: tuple[type[Model], ...] = (Pledge, Donation, StatementMatch)


def of(pledge: Pledge) -> dict[str, Any]:
    """Plain values by field, for JSON: the supporter's row, and the gift with all that hangs on it; no staff."""
    supporter = pledge.supporter
    return {
        "supporter": _fields(supporter) if supporter else None,
        "other_gifts_with_this_address": supporter.pledges.count() - 1 if supporter else 0,
        "gift": _row(pledge),
    }


def _row(row: Model) -> dict[str, Any]:
    told = _fields(row)
    for relation in row._meta.related_objects:
        name = relation.get_accessor_name()
        if name is None or relation.hidden:
            continue
        if relation.one_to_one:
            found = [getattr(row, name)] if hasattr(row, name) else []
        else:
            found = list(getattr(row, name).order_by("pk"))
        told[name] = [_row(each) if isinstance(each, FOLLOWED) else _fields(each) for each in found]
    if isinstance(row, StatementMatch):
        told["line"] = _fields(row.line)
    return told


def _fields(row: Model) -> dict[str, Any]:
    return {
        field.name: _value(row, field)
        for field in row._meta.concrete_fields
        if not field.primary_key and not _is_left_out(field, row)
    }


def _is_left_out(field: "Field[Any, Any]", row: Model) -> bool:
    """Staff, what leads back to where we come from, and the bank's own bookkeeping of a line."""
    back = isinstance(field, ForeignKey) and issubclass(
        field.related_model, (User, *FOLLOWED, StatementLine)
    )
    return back or (
        isinstance(row, StatementLine)
        and field.name
        in {"statement", "account", "key", "explained", "batch_of", "payer_hash", "forgotten_at"}
    )


def _value(row: Model, field: "Field[Any, Any]") -> Any:
    if isinstance(field, ForeignKey):
        other = getattr(row, field.name)
        return None if other is None else str(other)
    return field.value_from_object(row)
