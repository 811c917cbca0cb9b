"""The office's lists: pages from row to row, searches and sorting that an index answers, at any number of rows."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.exceptions import ValidationError
from django.db.models import (
    AutoField,
    BooleanField,
    DateField,
    DateTimeField,
    F,
    Func,
    Model,
    Q,
    QuerySet,
)
from django.db.models.constants import LOOKUP_SEP
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.addresses import page_name
from defensefund.paging import LAST, START, NoSuchPlace, Page, keys_of, page_of

ROWS_VAR = "rows"
MANY_ROWS = 100
OURS = (ROWS_VAR,)


class PagedList(ChangeList):
    """A list with links to the pages beside it and at both ends; its address names a row, not a number of pages."""

    page: Page
    list_per_page: int
    _way: tuple[str, str] | None = None

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in OURS}

    def get_results(self, request: HttpRequest) -> None:
        if self.params.get(ROWS_VAR) == str(MANY_ROWS):
            self.list_per_page = MANY_ROWS
        place = request.GET.get(PAGE_VAR, START)
        try:
            self.page = self._page(place)
        except NoSuchPlace:
            messages.warning(request, _("That page is gone. This is the first one."))
            self.page = self._page(START)
        self.result_list = self.page.rows
        # All that can be chosen for an action: those in sight, never those of other pages.
        self.result_count = len(self.page.rows)
        self.full_result_count = self.result_count
        self.show_full_result_count = False
        self.show_admin_actions = bool(self.page.rows)
        self.multi_page = self.can_show_all = self.show_all = False
        self.paginator = None

    def _page(self, place: str) -> Page:
        return page_of(self.queryset, place, size=self.list_per_page, known=self.root_queryset)

    def url_for_result(self, result: Any) -> str:
        """Its page, which leads back to this one."""
        if self._way is None:
            url = reverse(page_name(self.opts), args=(0,))
            back = f"?{self.preserved_filters}" if self.preserved_filters else ""
            self._way = url.rpartition("0")[0], url.rpartition("0")[2] + back
        return f"{self._way[0]}{quote(result.pk)}{self._way[1]}"

    @property
    def is_narrowed(self) -> bool:
        return bool(self.query or self.has_active_filters)

    @property
    def count(self) -> str:
        """How many rows there are on all pages."""
        return self.page.counted

    @property
    def counted_as(self) -> tuple[Any, Any]:
        """What the rows are called, one and several: as the model, or as its admin's `counted_as` says."""
        names = (self.opts.verbose_name, self.opts.verbose_name_plural)
        return getattr(self.model_admin, "counted_as", names)

    def pages(self) -> list[dict[str, str]]:
        """The links: where to, the word for it, and what it is to this page."""
        words = self._words()
        places = (
            ("first", START, self.page.has_before),
            ("prev", self.page.before, self.page.has_before),
            ("next", self.page.after, self.page.has_after),
            ("last", LAST, self.page.has_after),
        )
        return [
            {"rel": rel, "word": word, "url": self.get_query_string({PAGE_VAR: place or None})}
            for (rel, place, is_there), word in zip(places, words, strict=True)
            if is_there
        ]

    def _words(self) -> tuple[str, str, str, str]:
        """First, previous, next and last, by time where the list is in the order of time."""
        key = keys_of(self.queryset)[0]
        if not isinstance(key.field, (DateField, AutoField)):
            return _("First"), _("Previous"), _("Next"), _("Last")
        words = _("Newest"), _("Newer"), _("Older"), _("Oldest")
        return words if key.descending else words[::-1]

    def sizes(self) -> list[tuple[int, str]]:
        """How many rows a page may have, each with its link ("" for what it has); none where all rows are here."""
        few = self.model_admin.list_per_page
        if self.page.count <= few:
            return []
        return [
            (size, "" if size == self.list_per_page else self.get_query_string({ROWS_VAR: value}))
            for size, value in ((few, None), (MANY_ROWS, str(MANY_ROWS)))
        ]


class DayFilter(admin.ListFilter):
    """From one day to another, both included, by the column that the admin's `day_field` names; moments count by their
    day in UTC, as in the books. Takes the place of `date_hierarchy`, which reads the whole table."""

    title = gettext_lazy("days")
    template = "admin/day_filter.html"
    FIRST, LAST = "from", "to"

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.column = model._meta.get_field(model_admin.day_field)
        self.days = {
            name: self._day(request, (params.pop(name, None) or [""])[-1])
            for name in (self.FIRST, self.LAST)
        }
        self.used_parameters = {name: day for name, day in self.days.items() if day}

    @staticmethod
    def _day(request: HttpRequest, text: str) -> date | None:
        try:
            return forms.DateField(required=False, input_formats=["%Y-%m-%d"]).clean(text)  # type: ignore[no-any-return]
        except ValidationError:
            messages.warning(request, _("Write the day as year-month-day, like 2026-05-31."))
            return None

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return [self.FIRST, self.LAST]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = self.days[self.FIRST], self.days[self.LAST]
        if first:
            queryset = queryset.filter(**{f"{self.column.name}__gte": self._begin(first)})
        if last:
            end = self._begin(last + timedelta(days=1))
            queryset = queryset.filter(**{f"{self.column.name}__lt": end})
        return queryset

    def _begin(self, day: date) -> date | datetime:
        is_moment = isinstance(self.column, DateTimeField)
        return datetime.combine(day, time(), UTC) if is_moment else day

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        # What else the address says goes along with the two fields.
        self.others = [
            (name, value) for name, value in changelist.params.items() if name not in self.days
        ]
        today = timezone.now().date()
        month = today.replace(day=1)
        before = (month - timedelta(days=1)).replace(day=1)
        spans = (
            (_("Any day"), None, None),
            (_("This month"), month, today),
            (_("Last month"), before, month - timedelta(days=1)),
            (_("This year"), today.replace(month=1, day=1), today),
        )
        chosen = (self.days[self.FIRST], self.days[self.LAST])
        for words, first, last in spans:
            days = ((self.FIRST, first), (self.LAST, last))
            yield {
                "display": words,
                "selected": chosen == (first, last),
                "query_string": changelist.get_query_string(
                    {name: day.isoformat() if day else None for name, day in days}
                ),
            }


class FixedFilter(admin.SimpleListFilter):
    """One of a few values known beforehand, of the column `parameter_name`: a filter by a column without choices would
    read the whole table to find them."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(**{str(self.parameter_name): value}) if value else queryset


class CurrencyFilter(FixedFilter):
    title = gettext_lazy("currency")
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(currency, currency) for currency in settings.CURRENCIES]


class ListAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Lists of any number of rows. Where a table grows with gifts, say `is_long`: then only what an index delivers in
    order can be sorted by."""

    is_long = False
    list_per_page = 25
    show_full_result_count = False
    # How many each filter would leave is counted from the whole table.
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PagedList

    def get_sortable_by(self, request: HttpRequest) -> Any:
        columns = super().get_sortable_by(request)
        if not self.is_long:
            return columns
        return [name for name in columns if self._is_sorted_by_index(name)]

    def _is_sorted_by_index(self, name: Any) -> bool:
        shown = getattr(self, name, None) if isinstance(name, str) else name
        column = getattr(shown, "admin_order_field", None if shown else name)
        return isinstance(column, str) and is_sorted(self.model, column)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Where all search fields are exact ("=name"), the term is one whole name, as it was copied: rows are looked up by the index
        of each field."""
        fields = self.get_search_fields(request)
        names = [name.removeprefix("=") for name in fields if name.startswith("=")]
        if not search_term.strip() or not names or len(names) < len(fields):
            return super().get_search_results(request, queryset, search_term)
        values = {name: found for name in names if (found := self._values(name, search_term))}
        if not any(LOOKUP_SEP in name for name in values):
            either = (Q(**{f"{name}__in": found}) for name, found in values.items())
            return queryset.filter(reduce(or_, either, Q(pk__in=[]))), False
        # An OR over several tables would read them all; what each has is found by itself.
        rows = self.model._base_manager.order_by()
        first, *others = (
            rows.filter(**{f"{name}__in": found}).values("pk") for name, found in values.items()
        )
        found = first.union(*others, all=True) if others else first
        return among(queryset, found), False

    def _values(self, path: str, term: str) -> list[Any]:
        """What the field at `path` may hold when `term` was typed: as it is, without spaces, in capitals."""
        field = _field_at(self.model, path)
        whole, bare = term.strip(), "".join(term.split())
        values = []
        for text in dict.fromkeys((whole, bare, bare.upper())):
            try:
                value = field.to_python(text)
                field.run_validators(value)
            except ValidationError:
                continue
            values.append(value)
        return values


def among(queryset: QuerySet[Any], found: QuerySet[Any]) -> QuerySet[Any]:
    """The rows whose keys `found` has, which are looked up before the rest, and by an index of theirs."""
    # Put together once: a list asks for it twice, for its rows and for their number.
    sql, params = found.query.sql_with_params()
    # As an array: a subquery in IN is tried on row after row instead, once a list joins much or is sorted.
    any_of = Func(
        F("pk"),
        RawSQL(f"ARRAY({sql})", params),  # noqa: S611 - made by Django just now; what was typed is in `params`
        template="%(expressions)s)",
        arg_joiner=" = ANY(",
        output_field=BooleanField(),
    )
    return queryset.filter(any_of)


def _field_at(model: type[Model], path: str) -> Any:
    """The column at `path` ("pledge__uuid"), of `model` or of what it leads to."""
    *way, last = path.split(LOOKUP_SEP)
    for step in way:
        model = model._meta.get_field(step).related_model  # type: ignore[assignment]
    return model._meta.pk if last == "pk" else model._meta.get_field(last)


def is_sorted(model: type[Model], column: str) -> bool:
    """An index has `model`'s rows in the order of `column`, and of their keys where it is equal."""
    if column in {"pk", "id"}:
        return True
    columns = {field.name: field for field in model._meta.concrete_fields}
    field = columns.get(column)
    return (field is not None and field.unique and not field.null) or any(
        [name.removeprefix("-") for name in index.fields] == [column, "id"]
        for index in model._meta.indexes
        if not index.condition
    )
