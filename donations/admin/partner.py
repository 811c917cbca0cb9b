"""Payments to the partner in the office: asked for on a fund's page, and here approved, paid, and taken back where they never left."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from defensefund.office import ReadOnlyAdmin, require
from defensefund.templatetags.formats import money
from defensefund.verbs import Verb, VerbAdmin

from .. import allocation, ledger
from ..models import AccountKey, PartnerPayment
from .bank_payment import state_tag, why_final, why_not_approve, why_not_pay
from .doubts import why_nothing_doubted
from .downloads import kept_document
from .never_left import DoubtForm, why_no_doubt, why_not_take_back
from .payment_forms import PaidForm
from .proposals import ReasonForm, SeenForm
from .trail import entries_named

State = PartnerPayment.State
REFUSALS: dict[type[Exception], str] = {
    allocation.NoReason: "reason",
    allocation.AllocationError: "",
}


def approve(row: PartnerPayment, data: dict[str, Any], by: User, at: datetime) -> str:
    done = allocation.approve_partner_payment(row, content_hash=data["content_hash"], by=by, at=at)
    if not done.is_approved:
        return _("Approved. It is large: a third person must approve it too.")
    return _("Approved: it may be paid exactly as it is.")


def refuse(row: PartnerPayment, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.refuse_partner_payment(row, reason=data["reason"], by=by, at=at)
    return _("Refused; no money moved.")


def pay(row: PartnerPayment, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.pay_partner(row, by=by, at=at, **data)
    return _("Recorded as paid. The bank's statement will prove it.")


def doubt(row: PartnerPayment, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.request_partner_undo(row, reason=data["reason"], by=by, at=at)
    return _("Asked for: another person takes it back, or keeps it.")


def take_back(row: PartnerPayment, _data: dict[str, Any], by: User, at: datetime) -> str:
    done = allocation.undo_partner_payment(row, by=by, at=at)
    return _("Taken back: %(amount)s is in “%(fund)s” again.") % {
        "amount": money(done.amount, done.currency),
        "fund": done.fund,
    }


def keep(row: PartnerPayment, _data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.keep_partner_payment(row, by=by, at=at)
    return _("It stays as it was recorded.")


def why_not_withdraw(row: Any, by: User) -> str:
    if row.requested_by_id != by.pk:
        return _("Only who asked for it can withdraw it; who approves can refuse it.")
    return why_final(row, by)


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*State.choices, ("doubted", gettext_lazy("said never to have left"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        if value == "doubted":
            return queryset.doubted()
        return queryset.in_state(State(value)) if value in State.values else queryset


@admin.register(PartnerPayment)
class PartnerPaymentAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = (
        "payment_reference", "fund", "partner", "amount_paid", "in_state", "requested_by", "requested_at",
    )  # fmt: skip
    list_filter = (StateFilter,)
    search_fields = ("=payment_reference",)
    search_help_text = gettext_lazy("A payment's reference.")
    list_per_page = 25
    show_full_result_count = False
    fields = ("payment_reference",)
    hides_fields = True
    facts_template = "admin/donations/partnerpayment/_facts.html"
    verbs = (
        Verb(
            "approve",
            gettext_lazy("Approve"),
            gettext_lazy(
                "Open the document and compare partner, payee, account and amount with it. You approve exactly what stands here."
            ),
            "approve_partnerpayment",
            approve,
            SeenForm,
            {allocation.AllocationError: ""},
            starts_over=(allocation.ContentChanged,),
            closed=why_not_approve,
            is_grave=True,
        ),
        Verb(
            "pay",
            gettext_lazy("Record as paid"),
            gettext_lazy(
                "First tell the bank to pay, with the payment reference as its text; then record it here."
            ),
            "pay_partnerpayment",
            pay,
            PaidForm,
            {allocation.WrongDay: "paid_on", allocation.AllocationError: ""},
            closed=why_not_pay,
            is_grave=True,
        ),
        Verb(
            "refuse",
            gettext_lazy("Refuse"),
            gettext_lazy("Ends this request for good; the money stays in its fund."),
            "approve_partnerpayment",
            refuse,
            ReasonForm,
            REFUSALS,
            closed=why_final,
            is_exception=True,
        ),
        Verb(
            "withdraw",
            gettext_lazy("Withdraw"),
            gettext_lazy("Ends your own request for good; the money stays in its fund."),
            "request_partnerpayment",
            refuse,
            ReasonForm,
            REFUSALS,
            closed=why_not_withdraw,
            is_exception=True,
        ),
        Verb(
            "take-back",
            gettext_lazy("Take the payment back"),
            gettext_lazy(
                "First look at the bank itself that the order is not there, done or waiting. Then its entry is reversed: the money "
                "is in its fund again, and the payment can be asked for anew, with all approvals."
            ),
            "undo_partnerpayment",
            take_back,
            refusals={allocation.AllocationError: ""},
            closed=why_not_take_back,
            is_grave=True,
        ),
        Verb(
            "keep",
            gettext_lazy("Keep it as paid"),
            gettext_lazy("Ends the request: it was paid as it was recorded."),
            "undo_partnerpayment",
            keep,
            refusals={allocation.AllocationError: ""},
            closed=why_nothing_doubted,
        ),
        Verb(
            "doubt",
            gettext_lazy("It never left the bank"),
            gettext_lazy(
                "For what was recorded as paid, while the bank never made the payment. When another person has taken it back, the "
                "money is in its fund again. What left and came back is said of its bank line instead."
            ),
            "pay_partnerpayment",
            doubt,
            DoubtForm,
            REFUSALS,
            closed=why_no_doubt,
            is_exception=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PartnerPayment]:
        return PartnerPayment.objects.with_proof().select_related(
            "fund", "bank_account", "payee_account__payee", "requested_by"
        )

    def get_urls(self) -> list[URLPattern]:
        document = self.admin_site.admin_view(require_safe(self.document_view))
        return [
            path("<int:pk>/document/", document, name="donations_partnerpayment_document"),
            *super().get_urls(),
        ]

    def document_view(self, request: HttpRequest, pk: int) -> HttpResponse | FileResponse:
        """The agreement."""
        require(request, "donations.view_partnerpayment")
        row = get_object_or_404(PartnerPayment, pk=pk)
        return kept_document(request, row, name=row.payment_reference, back=self._url(row))

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        lines = {
            match.amount < 0: match
            for match in row.matches.standing().select_related("line", "confirmed_by")
        }
        is_open = not (row.refused_at or row.paid_at)
        return {
            "payment": row,
            "tag": state_tag(row, is_proved=True in lines),
            "why_not_payable": allocation.why_not_payable(row) if is_open else "",
            "proof": lines.get(True),
            "came_back": lines.get(False),
            "free": ledger.free(AccountKey.fund(row.fund, row.currency)),
            "may_unseal": request.user.has_perm("donations.unseal_payee"),
            "entries": entries_named([row.entry_source]),
        }

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_paid(self, row: PartnerPayment) -> str:
        return money(row.amount, row.currency)

    @admin.display(description=gettext_lazy("state"))
    def in_state(self, row: Any) -> SafeString:
        return state_tag(row, is_proved=row.is_proved)
