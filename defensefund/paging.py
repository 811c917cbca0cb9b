"""Pages of a queryset from row to row instead of by counting rows off: the last one costs what the first does.

A place says where a page begins: "" at the start, "last" at the end, "after-7" and "before-7" beside the row 7. It names
a row by its key alone, so that an address never holds what stands in a row.
"""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import (
    F,
    Field,
    ForeignObjectRel,
    Func,
    IntegerField,
    Model,
    OrderBy,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.constants import LOOKUP_SEP
from django.db.models.lookups import Exact, GreaterThan, IsNull, LessThan

START, LAST = "", "last"
# A count costs the same at any size: above it pages say "999+".
MOST = 999


class NoSuchPlace(Exception):
    """Not a place at all, or the row it names is gone."""


@dataclass(frozen=True)
class Page:
    """`count` is of all pages together, MOST + 1 when it is more than MOST."""

    rows: list[Any]
    count: int
    has_before: bool
    has_after: bool

    @property
    def counted(self) -> str:
        """`count` to be read: "999+" when it is more."""
        return str(self.count) if self.count <= MOST else f"{MOST}+"

    @property
    def before(self) -> str:
        return f"before-{self.rows[0].pk}" if self.has_before else ""

    @property
    def after(self) -> str:
        return f"after-{self.rows[-1].pk}" if self.has_after else ""


@dataclass(frozen=True)
class Key:
    """One expression that rows are ordered by; the same direction is `descending` and, for empty values, `empty_first`."""

    expression: Any
    descending: bool
    empty_first: bool
    # The column of the model itself that it is, where it is one.
    field: "Field[Any, Any] | None"


def page_of(
    queryset: QuerySet[Any], place: str, *, size: int, known: QuerySet[Any] | None = None
) -> Page:
    """The page of at most `size` rows at `place`; `queryset` must be ordered, to the last row's place.

    `known` are the rows a place may name, for orders by what the queryset annotates; by default all of the model, so
    that a row left out by a filter meanwhile still says where its page was.

    Raises NoSuchPlace.
    """
    counted = queryset.annotate(rows_in_all=_Counted(queryset.order_by().values("pk")[: MOST + 1]))
    word, _dash, name = place.partition("-")
    if place == START:
        return _forward(counted, size, has_before=False)
    if place == LAST:
        return _backward(counted, counted, size, has_after=False)
    if word not in {"after", "before"}:
        raise NoSuchPlace
    everything = queryset.model._base_manager.all() if known is None else known.order_by()
    beyond = _beyond(queryset, everything, _key_of(queryset.model, name), is_after=word == "after")
    if word == "after":
        return _forward(counted.filter(beyond), size, has_before=True)
    return _backward(counted.filter(beyond), counted, size, has_after=True)


def page_or_first(queryset: QuerySet[Any], place: str, *, size: int) -> Page:
    """As `page_of`, for lists that get shorter while one works through them: a place that is gone is the start."""
    try:
        return page_of(queryset, place, size=size)
    except NoSuchPlace:
        return page_of(queryset, START, size=size)


def _forward(rows: QuerySet[Any], size: int, *, has_before: bool) -> Page:
    found = list(rows[: size + 1])
    if has_before and not found:
        raise NoSuchPlace
    return _page(found[:size], has_before=has_before, has_after=len(found) > size)


def _backward(rows: QuerySet[Any], all_rows: QuerySet[Any], size: int, *, has_after: bool) -> Page:
    found = list(rows.reverse()[: size + 1])
    if has_after and not found:
        raise NoSuchPlace
    if has_after and len(found) < size:
        # The first page, but what stands before the place does not fill it.
        return _forward(all_rows, size, has_before=False)
    is_first = len(found) <= size
    return _page(found[:size][::-1], has_before=not is_first, has_after=has_after)


def _page(rows: list[Any], *, has_before: bool, has_after: bool) -> Page:
    return Page(rows, rows[0].rows_in_all if rows else 0, has_before, has_after)


class _Counted(Subquery):
    """How many rows the subquery has, found along with the page."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def _key_of(model: type[Model], name: str) -> Any:
    key = model._meta.pk
    assert key is not None
    try:
        value = key.to_python(name)
        key.run_validators(value)
    except ValidationError as error:
        raise NoSuchPlace from error
    return value


def keys_of(queryset: QuerySet[Any]) -> list[Key]:
    """What `queryset` is ordered by, relations by what they themselves are ordered by."""
    return [
        key for item in queryset.query.order_by for key in _expanded(queryset.model, item, False)
    ]


def _expanded(model: type[Model], item: Any, is_turned: bool, path: str = "") -> list[Key]:
    """The keys of one item of an `order_by`; `is_turned` swaps its direction, `path` leads to `model`."""
    if isinstance(item, str):
        is_down, name = item.startswith("-"), item.removeprefix("-")
        is_down ^= is_turned
        field = _field_of(model, name)
        if field is not None and field.is_relation and name != field.attname:
            related: Any = field.related_model
            return [
                key
                for inner in related._meta.ordering or ["pk"]
                for key in _expanded(related, inner, is_down, f"{path}{name}{LOOKUP_SEP}")
            ]
        own = field if not path else None
        return [Key(F(path + name), is_down, empty_first=is_down, field=own)]
    order = item if isinstance(item, OrderBy) else OrderBy(item)
    is_down = order.descending ^ is_turned
    empty_first = is_down
    if order.nulls_first or order.nulls_last:
        empty_first = bool(order.nulls_first) ^ is_turned
    return [Key(order.expression, is_down, empty_first, None)]


def _field_of(model: type[Model], path: str) -> "Field[Any, Any] | None":
    """The column at `path`, if it is one of `model` itself or a relation to follow."""
    if path == "pk":
        return model._meta.pk
    try:
        field = model._meta.get_field(path)
    except FieldDoesNotExist:
        return None
    return None if isinstance(field, ForeignObjectRel) else field


def _beyond(rows: QuerySet[Any], everything: QuerySet[Any], pk: Any, *, is_after: bool) -> Any:
    """The condition of `rows` that come after (or before) the row `pk`."""
    keys = keys_of(rows)
    if len({key.descending for key in keys}) == 1 and all(
        key.field is not None and not key.field.null for key in keys
    ):
        named = everything.filter(pk=pk)
        values = [
            Value(pk)
            if key.field.primary_key  # type: ignore[union-attr]
            else Subquery(named.values(key.field.attname))  # type: ignore[union-attr]
            for key in keys
        ]
        lookup = LessThan if keys[0].descending == is_after else GreaterThan
        return lookup(_Row(*(key.expression for key in keys)), _Row(*values))
    names = {f"place_{number}": key.expression for number, key in enumerate(keys)}
    found = everything.filter(pk=pk).annotate(**names).values_list(*names).first()
    if found is None:
        raise NoSuchPlace
    condition, same = Q(), Q()
    for key, value in zip(keys, found, strict=True):
        condition |= same & _is_beyond(key, value, is_after=is_after)
        same &= Q(
            IsNull(key.expression, True) if value is None else Exact(key.expression, Value(value))
        )
    return condition


def _is_beyond(key: Key, value: Any, *, is_after: bool) -> Q:
    are_empty_beyond = key.empty_first != is_after
    if value is None:
        return Q(pk__in=[]) if are_empty_beyond else Q(IsNull(key.expression, False))
    lookup = LessThan if key.descending == is_after else GreaterThan
    beyond = Q(lookup(key.expression, Value(value)))
    return beyond | Q(IsNull(key.expression, True)) if are_empty_beyond else beyond


class _Row(Func):
    """`(a, b)`; compared as one, an index on a and b finds it at once."""

    function = ""
    output_field = Field()
