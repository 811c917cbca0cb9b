"""Draws the rows of an office list: as Django's own tag does, with all that is the same in every row found out once."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from html import escape
from typing import Any

from django import template
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.utils import display_for_field, display_for_value, lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import (
    CharField,
    DateField,
    DateTimeField,
    Field,
    ForeignKey,
    IntegerField,
    Model,
    TextField,
    TimeField,
)
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from defensefund.lists import PagedList
from defensefund.templatetags.formats import plain_day

register = template.Library()


@register.inclusion_tag("admin/list_rows.html")
def list_rows(cl: PagedList) -> dict[str, Any]:
    rows = cl.page.rows
    headers = list(result_headers(cl))
    columns = _columns(cl, rows[0]) if rows else []
    return {
        "cl": cl,
        "headers": headers,
        "sorted_by": sum(header["sortable"] and header["sorted"] for header in headers),
        "rows": [_row(columns, row) for row in rows],
    }


def _row(columns: "list[Column]", row: Model) -> SafeString:
    # Each part is escaped or a tag of ours.
    return SafeString("".join(part for column in columns for part in column.parts(row)))


def _columns(cl: PagedList, first: Model) -> "list[Column]":
    linked: Any = cl.list_display_links
    if linked is not None:
        linked = set(linked or cl.list_display[:1])
    columns = []
    has_head = False
    for name in cl.list_display:
        is_link = linked is not None and name in linked
        columns.append(Column(cl, name, first, is_link=is_link, is_head=is_link and not has_head))
        has_head |= is_link
    return columns


def _checkbox() -> Callable[[Model], SafeString]:
    """The admin's own, without a template for each."""
    label = _("Select this object for an action - {}")

    def box(row: Model) -> SafeString:
        value, words = escape(str(row.pk)), escape(label.format(row))
        return SafeString(
            f'<input type="checkbox" name="{ACTION_CHECKBOX_NAME}" value="{value}" class="action-select" '
            f'aria-label="{words}">'
        )

    return box


def _moment_writer(day: Callable[[date], str]) -> Callable[[datetime], str]:
    """Writes moments as `moment` of our own pages does; `day` is found out once for all moments of it."""

    def write(value: datetime) -> str:
        utc = value.astimezone(UTC)
        return f"{day(utc.date())}, {utc:%H:%M} UTC"

    return write


def _writer(field: "Field[Any, Any] | None", empty: Any) -> Callable[[Any], Any] | None:
    """How a column's values are written, where that is found out faster once than for each; as display_for_field does."""
    if field is None:
        return None
    if choices := {value: str(text) for value, text in getattr(field, "flatchoices", ())}:
        return lambda value: choices.get(value, empty)
    if isinstance(field, ForeignKey):
        return lambda value: empty if value is None else value
    # As our own pages write days, whatever Django's way is in the language.
    day = cache(plain_day)
    if isinstance(field, DateTimeField):
        moment = _moment_writer(day)
        return lambda value: moment(value) if value else empty
    if type(field) is DateField:
        return lambda value: day(value) if value else empty
    if isinstance(field, IntegerField):
        number = cache(number_format)
        return lambda value: empty if value is None else number(value)
    if type(field) in {CharField, TextField}:
        return lambda value: (value.strip() or empty) if value else empty
    return None


def _escaped(text: Any) -> str:
    return text.__html__() if hasattr(text, "__html__") else escape(str(text))


class Column:
    """One column of a list. `first` is any row of it; the head of a row is a link to the row's page."""

    def __init__(
        self, cl: PagedList, name: Any, first: Model, *, is_link: bool, is_head: bool
    ) -> None:
        self.admin, self.name, self.is_link = cl.model_admin, name, is_link
        self.url = cl.url_for_result
        try:
            field, attribute, _value = lookup_field(name, first, self.admin)
        except ObjectDoesNotExist:
            field, attribute = None, None
        self.field: Field[Any, Any] | None = None if field is None or field.auto_created else field
        shown = attribute.fget if isinstance(attribute, property) else attribute
        self.is_boolean = bool(getattr(shown, "boolean", False))
        self.empty = getattr(attribute, "empty_value_display", self.admin.get_empty_value_display())
        # A method of the admin's, which most columns are, is called without looking any further.
        method = getattr(self.admin, name, None) if isinstance(name, str) else name
        self.method = method if field is None and name != "__str__" else None
        classes = [f"field-{name if isinstance(name, str) else name.__name__}"]
        if name == "action_checkbox":
            classes = ["action-checkbox"]
            self.method = _checkbox()
        elif isinstance(self.field, (DateField, TimeField, ForeignKey)):
            classes.append("nowrap")
        tag = "th" if is_head else "td"
        self.begin = format_html('<{} class="{}">', tag, " ".join(classes))
        self.end = format_html("</{}>", tag)
        self.write = _writer(self.field, self.empty)

    def parts(self, row: Model) -> tuple[str, ...]:
        """The cell in pieces of safe HTML."""
        text = _escaped(self._text(row))
        if not self.is_link:
            return self.begin, text, self.end
        return (
            self.begin,
            '<a href="',
            escape(self.url(row)),
            '">',
            text,
            "</a>",
            self.end,
        )

    def _text(self, row: Model) -> Any:
        try:
            value = self.method(row) if self.method else self._value(row)
        except ObjectDoesNotExist:
            return self.empty
        if self.field is None:
            return display_for_value(value, self.empty, self.is_boolean)
        if self.write:
            return self.write(value)
        return display_for_field(value, self.field, self.empty, avoid_link=self.is_link)

    def _value(self, row: Model) -> Any:
        return (
            getattr(row, self.name) if self.field else lookup_field(self.name, row, self.admin)[2]
        )
