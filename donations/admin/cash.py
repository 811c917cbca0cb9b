"""Cash and cheques in the office: slips written and printed, cheques cashed, cash brought to the bank, all of it taken back."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from defensefund.lists import DayFilter
from defensefund.office import require
from defensefund.templatetags.formats import money
from defensefund.verbs import Verb

from .. import cash, ledger
from ..models import Account, CashDeposit, CashReceipt, StatementMatch
from ..transparency import titles_of_funds
from .cash_forms import CashInForm, DepositForm, ReasonForm, RecordForm
from .recording import RecordingAdmin
from .statement_line_filters import BankAccountFilter, accounts_to_choose

REFUSALS: dict[type[Exception], str] = {cash.CashError: "", ledger.LedgerError: ""}


def take_in(row: CashReceipt, data: dict[str, Any], by: User, at: datetime) -> str:
    cash.cash_in(row, cashed_on=data["cashed_on"], by=by, at=at)
    return _("The cheque counts as cash now.")


def take_back(row: CashReceipt, data: dict[str, Any], by: User, at: datetime) -> str:
    cash.void(row, reason=data["reason"], by=by, at=at)
    return _("Taken back. The slip keeps its number and says so.")


def take_back_deposit(row: CashDeposit, data: dict[str, Any], by: User, at: datetime) -> str:
    cash.void_deposit(row, reason=data["reason"], by=by, at=at)
    return _("Taken back: the cash is in the box again.")


def why_not_cash_in(row: CashReceipt, _by: User) -> str:
    return "" if row.is_pending else _("This is no pending cheque.")


def why_not_void(row: CashReceipt | CashDeposit, _by: User) -> str:
    return _("This was taken back already.") if row.voided_at else ""


class CashBoxAdmin(RecordingAdmin):
    """Its list says what is in the box."""

    change_list_template = "admin/donations/cash_list.html"
    record_refusals = REFUSALS

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        box = Account.objects.with_balance().filter(place="cash").order_by("currency")
        return super().changelist_view(request, {"in_the_box": box} | (extra_context or {}))


@admin.register(CashReceipt)
class CashReceiptAdmin(CashBoxAdmin):
    list_display = ("number", "received_on", "kind", "fund", "written", "state")
    list_filter = (DayFilter, "kind")
    day_field = "received_on"
    list_select_related = ("fund", "donation")
    fields = (
        "number",
        "kind",
        "received_on",
        "fund",
        "pledge",
        "written",
        "payer",
        "state",
        "donation",
        "recorded_by",
        "recorded_at",
        "voided_by",
        "voided_at",
        "void_reason",
    )
    readonly_fields = ("number", "written", "state")
    record_label = gettext_lazy("Record cash or a cheque")
    record_permission = "record_cashreceipt"
    record_form = RecordForm
    facts_template = "admin/donations/cashreceipt/_facts.html"
    verbs = (
        Verb(
            "cash-in",
            gettext_lazy("Cheque was paid in cash"),
            gettext_lazy(
                "It was paid out over the counter and the money is in the cash box. A cheque that was paid into the "
                "bank account is matched with its bank line instead."
            ),
            "record_cashreceipt",
            take_in,
            CashInForm,
            REFUSALS,
            closed=why_not_cash_in,
        ),
        Verb(
            "void",
            gettext_lazy("Take it back"),
            gettext_lazy(
                "Written by mistake, given back, or a cheque that bounced. What was booked is reversed; the number stays."
            ),
            "void_cashreceipt",
            take_back,
            ReasonForm,
            REFUSALS,
            closed=why_not_void,
            is_exception=True,
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.print_view)
        return [
            path("<int:pk>/print/", view, name="donations_cashreceipt_print"),
            *super().get_urls(),
        ]

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"receipt": row}

    def said(self, row: Any) -> str:
        return _("Slip %(number)s is written. Print it and hand it over.") % {"number": row.number}

    def print_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The slip for the hand of who gave; black on white, on half a page."""
        require(request, "donations.view_cashreceipt")
        row = get_object_or_404(CashReceipt.objects.select_related("fund", "recorded_by"), pk=pk)
        # As supporters are told it, not as the office calls it.
        title = titles_of_funds([row.fund_id], get_language() or "en")[row.fund_id]
        shown = {"receipt": row, "title": title}
        return TemplateResponse(request, "admin/donations/cashreceipt/print.html", shown)

    @admin.display(description=gettext_lazy("number"), ordering="pk")
    def number(self, row: CashReceipt) -> str:
        return row.number

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def written(self, row: CashReceipt) -> str:
        return money(row.amount, row.currency)

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: CashReceipt) -> str:
        if row.voided_at:
            return _("taken back")
        return _("cheque, not paid yet") if row.is_pending else _("booked")


@admin.register(CashDeposit)
class CashDepositAdmin(CashBoxAdmin):
    list_display = ("deposited_on", "bank_account", "written", "state")
    list_filter = (BankAccountFilter,)
    list_select_related = ("bank_account",)
    fields = (
        "deposited_on",
        "bank_account",
        "written",
        "state",
        "deposited_by",
        "deposited_at",
        "voided_by",
        "voided_at",
    )
    readonly_fields = ("written", "state")
    record_label = gettext_lazy("Record cash brought to the bank")
    record_permission = "record_cashdeposit"
    record_form = DepositForm
    verbs = (
        Verb(
            "void",
            gettext_lazy("Take it back"),
            gettext_lazy("The cash did not go to the bank: it is in the box again."),
            "record_cashdeposit",
            take_back_deposit,
            ReasonForm,
            REFUSALS,
            closed=why_not_void,
            is_exception=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        arrived = StatementMatch.objects.standing().filter(deposit=OuterRef("pk"))
        rows = super().get_queryset(request)
        return rows.annotate(accounts=accounts_to_choose(), has_arrived=Exists(arrived))

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def written(self, row: CashDeposit) -> str:
        return money(row.amount, row.currency)

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: Any) -> str:
        if row.voided_at:
            return _("taken back")
        return _("found on a bank line") if row.has_arrived else _("on its way")
