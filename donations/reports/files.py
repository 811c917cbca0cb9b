"""A report as CSV, XLSX and PDF/UA: the same rows and sums as on its page, and the same bytes for the same report."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from textwrap import shorten

from babel.dates import format_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import money, number, page_locale

from ..receipts import compile_pdf
from ..spreadsheets import Cell, Sheet, csv_row, xlsx
from .tables import Report, Table


def written(cell: Cell, currency: str) -> str:
    """A cell as people read it on the page and on paper, in the language in force; no money is a dash."""
    match cell:
        case Decimal():
            return money(cell, currency) if cell else "–"
        case date():
            return str(format_date(cell, format="medium", locale=page_locale()))
        case int():
            return number(cell)
        case str():
            return cell


def as_csv(report: Report) -> str:
    """Each table under a header of its own; the first cells of a row name its table and currency, a sum's "total"."""
    return "".join(_csv_lines(report))


def _csv_lines(report: Report) -> Iterator[str]:
    for position, table in enumerate(report.tables):
        if position:
            yield "\n"
        yield csv_row(["table", "currency", *(column.key for column in table.columns)])
        for row in table.rows:
            yield csv_row([table.key, table.currency, *row], currency=table.currency)
        if table.total:
            yield csv_row([f"{table.key} total", table.currency, *table.total], currency=table.currency)  # fmt: skip


def as_xlsx(report: Report) -> bytes:
    """A sheet for each table; a report without any has one that says so."""
    sheets = [
        Sheet(
            # Of the 31 characters that a sheet's name may have, the currency's are kept.
            f"{shorten(table.title, 27, placeholder='…')} {table.currency}".strip(),
            table.currency,
            tuple(column.label for column in table.columns),
            table.rows,
            table.total,
        )
        for table in report.tables
    ]
    return xlsx(sheets or [Sheet(report.title, "", (_("Nothing is booked here yet."),), ())])


def as_pdf(report: Report) -> bytes:
    """Dated by the last day it is about, so that it is the same whenever it is made."""
    words = {
        "language": get_language() or "en",
        "title": report.title,
        "is_wide": True,
        "facts": report.facts,
        "tables": [_pdf_table(table) for table in report.tables],
        "empty": _("Nothing is booked here yet."),
        "note": report.note,
    }
    at = datetime.combine(report.span.last_on, time.min, UTC)
    return compile_pdf("report.typ", words, at=at)


def _pdf_table(table: Table) -> dict[str, object]:
    def cells(row: tuple[Cell, ...]) -> list[str]:
        return [written(cell, table.currency) for cell in row]

    return {
        "title": f"{table.title}, {table.currency}" if table.currency else table.title,
        "headings": [column.label for column in table.columns],
        "is_number": [column.is_number for column in table.columns],
        "rows": [cells(row) for row in table.rows],
        "total": cells(table.total),
    }


FORMS: dict[str, tuple[str, Callable[[Report], str | bytes]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx),
    "pdf": ("application/pdf", as_pdf),
}


def file_name(report: Report, form: str) -> str:
    return f"{report.slug}-{report.span.first_on}-{report.span.last_on}.{form}"
