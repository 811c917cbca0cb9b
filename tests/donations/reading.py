"""What reports and answers hold, for tests to compare."""

import csv
import io


def table(report, key, currency="EUR"):
    (found,) = [t for t in report.tables if (t.key, t.currency) == (key, currency)]
    return found


def rows_of(response):
    return list(csv.DictReader(io.StringIO(response.content.decode())))
