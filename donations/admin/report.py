"""The statements in the office: choose what about and which days, read them there, take them away as files."""

from datetime import date, timedelta
from operator import itemgetter
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from appeals.models import Case, Defendant
from defensefund.days import DayField
from defensefund.office import page, require

from .. import reports
from ..models import Entry, Fund
from ..month_days import first_day, months_later
from ..reports import Report, Span, Table

# On the page; the files have all rows.
SHOWN = 400
FORM_LABELS = {"pdf": "PDF", "xlsx": "XLSX", "csv": "CSV"}


class ReportForm(forms.Form):
    """`report()` is what was chosen; without a choice, the books in the month of the day given."""

    subject = forms.ChoiceField(label=gettext_lazy("About"))
    first_on = DayField(label=gettext_lazy("From"))
    last_on = DayField(label=gettext_lazy("To, inclusive"))

    def __init__(self, data: Any, *, today: date) -> None:
        month = reports.month_of(today)
        initial = {
            "subject": "books",
            "first_on": month.first_on.isoformat(),
            "last_on": month.last_on.isoformat(),
        }
        asked = {name: data.get(name) or first for name, first in initial.items()}
        super().__init__(asked, label_suffix="")
        subject = self.fields["subject"]
        assert isinstance(subject, forms.ChoiceField)
        subject.choices = _subjects()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        first_on, last_on = cleaned.get("first_on"), cleaned.get("last_on")
        if first_on and last_on and last_on < first_on:
            self.add_error("last_on", _("The last day lies before the first."))
        return cleaned

    def report(self) -> Report:
        chosen = self.cleaned_data
        span = Span(chosen["first_on"], chosen["last_on"])
        kind, _dash, pk = chosen["subject"].partition("-")
        match kind:
            case "fund":
                return reports.of_fund(Fund.objects.get(pk=pk), span)
            case "case":
                return reports.of_case(Case.objects.get(pk=pk), span)
            case "defendant":
                return reports.of_defendant(Defendant.objects.get(pk=pk), span)
        return reports.of_books(span)


def _subjects() -> list[Any]:
    """Those of whom the books tell something, as they are called today; people by their alias."""
    groups = [
        (_("Funds"), [(f"fund-{fund.pk}", fund.name) for fund in reports.funds().order_by("name")]),
        (_("Cases"), sorted(((reports.case_code(case.pk), str(case)) for case in reports.cases().titled()), key=itemgetter(1))),
        (_("Defendants"), [(reports.defendant_code(each.pk), each.alias) for each in reports.people().order_by("alias", "pk")]),
    ]  # fmt: skip
    return [("books", _("All the books")), *(group for group in groups if group[1])]


@require_safe
def report_view(
    request: HttpRequest, model_admin: "admin.ModelAdmin[Any]", form: str = ""
) -> HttpResponse:
    """The page; with `form`, the file of it in that form."""
    require(request, "donations.view_entry")
    today = timezone.now().date()
    chosen = ReportForm(request.GET, today=today)
    report = chosen.report() if chosen.is_valid() else None
    if report and form:
        content_type, write = reports.FORMS[form]
        name = reports.file_name(report, form)
        return HttpResponse(
            write(report),
            content_type=content_type,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
    names = dict(reports.names_today(report)) if report else {}
    return page(
        model_admin,
        request,
        "admin/donations/account/reports.html",
        title=_title(report, names) if report else _("Statements"),
        chooser=chosen,
        report=report,
        names=names,
        tables=[_shown(table) for table in report.tables] if report else (),
        forms=_forms(chosen) if report else (),
        spans=_spans(chosen, today),
    )


def _title(report: Report, names: dict[str, str]) -> str:
    """Of the page alone: it says also what the subject is called today."""
    called = names.get(report.slug)
    return f"{report.title} · {called}" if called else report.title


def _shown(table: Table) -> dict[str, Any]:
    def written(row: Any) -> list[tuple[str, bool]]:
        return [
            (reports.written(cell, table.currency), column.is_number)
            for cell, column in zip(row, table.columns, strict=True)
        ]

    return {
        "title": f"{table.title}, {table.currency}",
        "columns": table.columns,
        "rows": [written(row) for row in table.rows[:SHOWN]],
        "more": max(len(table.rows) - SHOWN, 0),
        "total": written(table.total) if table.total else (),
    }


def _query(chosen: ReportForm, **changes: Any) -> str:
    return urlencode({name: chosen[name].value() for name in chosen.fields} | changes)


def _forms(chosen: ReportForm) -> list[tuple[str, str]]:
    return [
        (
            label,
            reverse("admin:donations_account_report_file", args=[form]) + "?" + _query(chosen),
        )
        for form, label in FORM_LABELS.items()
    ]


def _spans(chosen: ReportForm, today: date) -> list[tuple[str, str, bool]]:
    """Days often asked for: label, query, and whether they are shown."""
    month = first_day(today)
    year = date(today.year, 1, 1)
    begun = Entry.objects.order_by("booked_on").values_list("booked_on", flat=True).first()
    spans = [
        (_("This month"), month, reports.month_of(today).last_on),
        (_("Last month"), months_later(month, -1), month - timedelta(days=1)),
        (_("This year"), year, date(today.year, 12, 31)),
        (_("Last year"), date(today.year - 1, 1, 1), year - timedelta(days=1)),
        (_("From the beginning"), begun or today, today),
    ]
    now = (chosen["first_on"].value(), chosen["last_on"].value())
    return [
        (
            label,
            _query(chosen, first_on=first.isoformat(), last_on=last.isoformat()),
            now == (first.isoformat(), last.isoformat()),
        )
        for label, first, last in spans
    ]
