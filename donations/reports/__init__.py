"""READ: statements of the books, of a fund, a case or a defendant over a span of days, as a page and as files.

Each is built once, as tables (tables.py, statements.py), and written from those in every form (files.py).
"""

from .files import FORMS, as_csv, as_pdf, as_xlsx, file_name, written
from .months import MonthSums, canonical, in_and_out, month_of
from .movements import balances, named
from .statements import of_books, of_case, of_defendant, of_fund
from .subjects import (
    case_code,
    cases,
    defendant_code,
    fund_code,
    funds,
    names_today,
    people,
)
from .tables import Column, Report, Span, Table

__all__ = [
    "FORMS",
    "Column",
    "MonthSums",
    "Report",
    "Span",
    "Table",
    "as_csv",
    "as_pdf",
    "as_xlsx",
    "balances",
    "canonical",
    "case_code",
    "cases",
    "defendant_code",
    "file_name",
    "fund_code",
    "funds",
    "in_and_out",
    "month_of",
    "named",
    "names_today",
    "of_books",
    "of_case",
    "of_defendant",
    "of_fund",
    "people",
    "written",
]
