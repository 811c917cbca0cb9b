"""Where the books are read and over which days, and what reports and answers hold, for tests to compare."""

import csv
import io
from datetime import date, timedelta

from donations.reports import Span
from tests.factories import TODAY

ADDRESSES = ["/en/books/", "/en/books.json", "/en/books.csv"]
ALL_DAYS = Span(date(2000, 1, 1), TODAY + timedelta(days=4000))


def table(report, key, currency="EUR"):
    (found,) = [t for t in report.tables if (t.key, t.currency) == (key, currency)]
    return found


def rows_of(response):
    return list(csv.DictReader(io.StringIO(response.content.decode())))
