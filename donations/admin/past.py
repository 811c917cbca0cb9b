"""What happened before these books began: a spreadsheet is looked at, asked for, approved by another person, booked."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from appeals.models import Case, Defendant
from defensefund.office import ReadOnlyAdmin, fieldset, page, require, sent
from defensefund.templatetags.formats import money
from defensefund.verbs import Verb, VerbAdmin

from .. import erasure, past, periods
from ..models import BankAccount, Fund, PastImport, PastRow
from ..spreadsheets import csv_row
from .proposals import ReasonForm, why_decided, why_not_approve, why_not_withdraw

# More than anybody mends before trying again; the count of the rest is said.
SHOWN = 50
# Codes that the page names of each kind.
NAMED = 100
PERSONAL = ("supporter_name", "supporter_email", "note")


class PastForm(forms.Form):
    """A file, or its text carried from the preview; either comes out as `table`."""

    file = forms.FileField(
        label=gettext_lazy("Spreadsheet"),
        required=False,
        help_text=gettext_lazy("An Excel workbook (.xlsx) or CSV in UTF-8, at most 5 MB."),
        error_messages={"empty": gettext_lazy("The file is empty. Choose it again.")},
    )
    table = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)
    name = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    is_seen = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file and file.size > past.LARGEST:
            raise ValidationError(
                _("The file is larger than 5 MB. Import one year after the other.")
            )
        return file

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if file := cleaned.get("file"):
            cleaned["name"] = file.name
            try:
                cleaned["table"] = past.text_of(file.read())
            except past.UnreadableTable as refusal:
                self.add_error("file", str(refusal))
        elif "file" not in self.errors and not cleaned.get("table"):
            self.add_error("file", _("Choose the spreadsheet you filled in."))
        return cleaned


def book(row: PastImport, _data: dict[str, Any], by: User, at: datetime) -> str:
    past.approve(row, by=by, at=at)
    periods.begin_due(at=at)
    return _("The past is booked.")


def refuse(row: PastImport, data: dict[str, Any], by: User, at: datetime) -> str:
    past.refuse(row, reason=data["reason"], by=by, at=at)
    return _("This is refused; nothing was booked, and its rows are not kept.")


def withdraw(row: PastImport, data: dict[str, Any], by: User, at: datetime) -> str:
    past.refuse(row, reason=data["reason"], by=by, at=at)
    return _("This is withdrawn; nothing was booked, and its rows are not kept.")


def forget(row: PastRow, _data: dict[str, Any], _by: User, at: datetime) -> str:
    """The bank line that shows the gift names who gave it, too."""
    with transaction.atomic():
        past.forget(row, at=at)
        for match in row.matches.standing().filter(line__forgotten_at=None).select_related("line"):
            erasure.forget_payer(match.line, at=at)
    return _("Forgotten: the gift stays, and nobody knows whose it was.")


def why_not_forget(row: PastRow, _by: User) -> str:
    if row.kind != PastRow.Kind.GIFT:
        return _("Only a gift has somebody who gave it.")
    if row.forgotten_at:
        return _("This is forgotten already.")
    if not any(getattr(row, name) for name in PERSONAL):
        return _("Nothing is known of who gave it.")
    return ""


REFUSALS: dict[type[Exception], str] = {past.NoReason: "reason", past.PastError: ""}


@admin.register(PastImport)
class PastImportAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = ("name", "requested_by", "requested_at", "approved_by", "state_shown")
    list_select_related = ("requested_by", "approved_by", "refused_by")
    show_full_result_count = False
    fields = ("name",)
    hides_fields = True
    facts_template = "admin/donations/pastimport/_facts.html"
    change_list_template = "admin/donations/pastimport/change_list.html"
    verbs = (
        Verb(
            "approve",
            gettext_lazy("Approve"),
            gettext_lazy("All its rows are booked at once, or none if one does not fit any more."),
            "approve_pastimport",
            book,
            refusals={past.PastError: ""},
            closed=why_not_approve,
            is_grave=True,
        ),
        Verb(
            "refuse",
            gettext_lazy("Refuse"),
            gettext_lazy("Ends this request for good; its rows are not kept."),
            "approve_pastimport",
            refuse,
            ReasonForm,
            REFUSALS,
            closed=why_decided,
            is_exception=True,
        ),
        Verb(
            "withdraw",
            gettext_lazy("Withdraw"),
            gettext_lazy("Ends your own request for good; its rows are not kept."),
            "request_pastimport",
            withdraw,
            ReasonForm,
            REFUSALS,
            closed=why_not_withdraw,
            is_exception=True,
        ),
    )

    @admin.display(description=gettext_lazy("state"))
    def state_shown(self, row: PastImport) -> str:
        return str(row.state.label)

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        reading = None
        if row.state is PastImport.State.TO_APPROVE:
            reading = past.read(row.table, today=timezone.now().date())
        return {
            "past": row,
            "reading": reading,
            "problems": reading.problems[:SHOWN] if reading else (),
            "shown": [_shown(fact) for fact in reading.new[:SHOWN]] if reading else (),
            "more": max(len(reading.new) - SHOWN, 0) if reading else 0,
            "booked": row.rows.count(),
            "sums": _sums(row),
        }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("upload/", view(self.upload_view), name="donations_pastimport_upload"),
            path(
                "template.csv",
                view(require_safe(self.template_view)),
                name="donations_pastimport_template",
            ),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may = request.user.has_perm("donations.request_pastimport")
        return super().changelist_view(request, {**(extra_context or {}), "may_request": may})

    def template_view(self, request: HttpRequest) -> HttpResponse:
        """The columns and an example of each kind of row, to be filled in with any spreadsheet program."""
        require(request, "donations.request_pastimport")
        rows = [past.COLUMNS, *([row.get(name, "") for name in past.COLUMNS] for row in past.EXAMPLES)]  # fmt: skip
        return HttpResponse(
            "".join(csv_row(row) for row in rows),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="past.csv"'},
        )

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """The form; then what the file holds, or what must be mended first, with the button that asks for it."""
        user = require(request, "donations.request_pastimport")
        form = PastForm(*sent(request))
        reading = None
        if form.is_valid():
            text, name = form.cleaned_data["table"], form.cleaned_data["name"]
            try:
                if form.cleaned_data["is_seen"]:
                    row = past.request(text, name=name, by=user, at=timezone.now())
                    messages.success(request, _("Asked for: another person approves it."))
                    return HttpResponseRedirect(
                        reverse("admin:donations_pastimport_change", args=[row.pk])
                    )
                reading = past.read(text, today=timezone.now().date())
            except (past.UnreadableTable, past.PastError) as refusal:
                form.add_error("file", str(refusal))
        return page(
            self,
            request,
            "admin/donations/pastimport/upload.html",
            title=_("Take over the past"),
            form=form,
            fieldset=fieldset(form, "file"),
            codes={} if reading else _codes(),
            reading=reading,
            problems=reading.problems[:SHOWN] if reading else (),
            more_problems=max(len(reading.problems) - SHOWN, 0) if reading else 0,
            shown=[_shown(fact) for fact in reading.new[:SHOWN]] if reading else (),
            more=max(len(reading.new) - SHOWN, 0) if reading else 0,
        )


def _codes() -> dict[str, list[str]]:
    """What a spreadsheet may name, as it has to be written there."""
    names = (
        ("funds", Fund.objects.order_by("code").values_list("code", flat=True)),
        ("places", BankAccount.objects.order_by("code").values_list("code", flat=True)),
        ("cases", Case.objects.order_by("slug").values_list("slug", flat=True)),
        ("defendants", Defendant.objects.order_by("key").values_list("key", flat=True)),
    )
    return {name: [str(code) for code in rows[:NAMED]] for name, rows in names}


def _sums(row: PastImport) -> list[dict[str, Any]]:
    """What of each kind and currency was booked: label, count, amount, currency."""
    sums = row.rows.order_by("kind", "currency").values("kind", "currency")
    return [
        {"label": PastRow.Kind(each["kind"]).label, **each}
        for each in sums.annotate(count=Count("pk"), amount=Sum("amount"))
    ]


def _shown(fact: past.PastFact) -> tuple[int, str, Any, str, str]:
    """A row as a preview shows it, without who gave: row, kind, day, amount, where it goes."""
    where = [fact.fund.name] if fact.fund else [str(fact.case), str(fact.defendant)]
    return (
        fact.row,
        str(fact.kind.label),
        fact.happened_on,
        money(fact.amount, fact.currency),
        ", ".join(where),
    )


@admin.register(PastRow)
class PastRowAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = ("happened_on", "kind", "written", "fund", "past_import", "row")
    list_filter = ("kind", "past_import")
    list_select_related = ("fund", "past_import")
    list_per_page = 50
    show_full_result_count = False
    readonly_fields = ("written",)
    verbs = (
        Verb(
            "forget",
            gettext_lazy("Forget who gave"),
            gettext_lazy(
                "Name, address and note are emptied for good. The gift stays in the books."
            ),
            "forget_pastrow",
            forget,
            refusals={past.PastError: ""},
            closed=why_not_forget,
            is_exception=True,
        ),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who gave is for those who meet supporters, not for who checks the books."""
        hidden = () if request.user.has_perm("donations.view_supporter") else PERSONAL
        names = (
            "past_import", "row", "kind", "happened_on", "written", "fund", "bank_account", "case", "defendant",
            "cost_kind", "donation", "cost", *PERSONAL, "forgotten_at",
        )  # fmt: skip
        return [name for name in names if name not in hidden]

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def written(self, row: PastRow) -> str:
        return money(row.amount, row.currency)
