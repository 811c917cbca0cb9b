"""Where the books are read and over which days, and what reports and answers hold, for tests to compare."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

from donations.models.cost_figures import Figures
from donations.reports import Span
from tests.factories import TODAY

ADDRESSES = ["/en/books/", "/en/books.json", "/en/books.csv"]
ALL_DAYS = Span(date(2000, 1, 1), TODAY + timedelta(days=4000))


def table(report, key, currency="EUR"):
    (found,) = [t for t in report.tables if (t.key, t.currency) == (key, currency)]
    return found


def told(columns, cells):
    """What the cells of a table's row say, by the column's key."""
    return {column.key: cell for column, cell in zip(columns, cells, strict=True)}


def figures_of(table, cells):
    """Of a row of costs; what no row has, a statement leaves out."""
    said = told(table.columns, cells)
    keys = ["owed", "paid", "bail", "came_back", "set_aside", "missing", "not_needed"]
    return Figures(*(said.get(key, Decimal(0)) for key in keys))


def rows_of(response):
    return list(csv.DictReader(io.StringIO(response.content.decode())))
