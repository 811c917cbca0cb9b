"""Refunds in the office: who asked, who approved, and how far each has come."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.lists import DayFilter
from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import money
from defensefund.verbs import Verb, VerbAdmin

from .. import ledger, refunds
from ..models import Account, AccountKey, RefundRequest, StatementMatch
from .proposals import ReasonForm, SeenForm
from .refund_forms import RefundPayForm
from .stripe_words import failure, fraud, refusal

State = RefundRequest.State
TAGS = {
    State.TO_APPROVE: "warning",
    State.TO_SEND: "warning",
    State.TO_PAY: "warning",
    State.TO_PROVE: "warning",
    State.ON_ITS_WAY: "warning",
    State.DONE: "good",
    State.FAILED: "bad",
    State.REFUSED: "bad",
}


def approve(row: RefundRequest, data: dict[str, Any], by: User, at: datetime) -> str:
    row = refunds.approve(row, content_hash=data["content_hash"], by=by, at=at)
    if row.bank_account_id:
        return _("Approved: it may be paid exactly as it is.")
    return _("Approved: Stripe is asked to send it back.")


def refuse(row: RefundRequest, data: dict[str, Any], by: User, at: datetime) -> str:
    refunds.refuse(row, reason=data["reason"], by=by, at=at)
    return _("This refund is refused; the donation stays as it is.")


def withdraw(row: RefundRequest, data: dict[str, Any], by: User, at: datetime) -> str:
    refunds.refuse(row, reason=data["reason"], by=by, at=at)
    return _("This refund is withdrawn; the donation stays as it is.")


def pay(row: RefundRequest, data: dict[str, Any], by: User, at: datetime) -> str:
    refunds.pay(row, paid_on=data["paid_on"], by=by, at=at)
    return _("Recorded as paid. The bank's statement will prove it.")


def why_final(row: Any, _by: User) -> str:
    if row.refused_at:
        return _("This refund was refused: ask for another.")
    if row.failed_at:
        return _("Stripe refused this refund: ask for another.")
    if row.sent_at:
        return _("Stripe was asked for this refund already.")
    return _("This refund is recorded as paid.") if row.paid_at else ""


def why_not_approve(row: Any, by: User) -> str:
    if final := why_final(row, by):
        return final
    if row.is_decided:
        return _("This refund is decided already.")
    if row.requested_by_id == by.pk:
        return _("You asked for this refund yourself: another person must approve it.")
    return ""


def why_not_withdraw(row: Any, by: User) -> str:
    if row.requested_by_id != by.pk:
        return _("Only who asked for it can withdraw it; who approves refunds can refuse it.")
    return why_final(row, by)


def why_not_pay(row: Any, by: User) -> str:
    if not row.bank_account_id:
        return _("This goes back to the card: Stripe sends it.")
    return why_final(row, by) or ("" if row.approved_at else _("This refund is not approved."))


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(State.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        state = self.value()
        return queryset.in_state(State(state)) if state in State.values else queryset


@admin.register(RefundRequest)
class RefundRequestAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = ("requested_at", "donation", "amount_asked", "reason", "asked_by", "state")
    list_filter = (DayFilter, StateFilter, "reason")
    day_field = "requested_at"
    search_fields = ("=payment_reference", "=number", "=refund__stripe_refund_id")
    search_help_text = gettext_lazy("A payment's reference, or Stripe's refund (re_…).")
    fields = ("amount",)
    hides_fields = True
    facts_template = "admin/donations/refundrequest/_facts.html"
    verbs = (
        Verb(
            "approve",
            gettext_lazy("Approve"),
            gettext_lazy(
                "The money goes back exactly as it stands here, and cannot be held back after."
            ),
            "approve_refundrequest",
            approve,
            SeenForm,
            {refunds.RefundError: ""},
            starts_over=(refunds.ContentChanged,),
            closed=why_not_approve,
            is_grave=True,
        ),
        Verb(
            "pay",
            gettext_lazy("Record as paid"),
            gettext_lazy(
                "First tell the bank to pay, with the payment reference as its text; then record it here."
            ),
            "pay_refundrequest",
            pay,
            RefundPayForm,
            {refunds.WrongDay: "paid_on", refunds.RefundError: ""},
            closed=why_not_pay,
            is_grave=True,
        ),
        Verb(
            "refuse",
            gettext_lazy("Refuse"),
            gettext_lazy("Ends this request for good; the donation stays as it is."),
            "approve_refundrequest",
            refuse,
            ReasonForm,
            {refunds.NoReason: "reason", refunds.RefundError: ""},
            closed=why_final,
            is_exception=True,
        ),
        Verb(
            "withdraw",
            gettext_lazy("Withdraw"),
            gettext_lazy("Ends your own request for good; the donation stays as it is."),
            "request_refundrequest",
            withdraw,
            ReasonForm,
            {refunds.NoReason: "reason", refunds.RefundError: ""},
            closed=why_not_withdraw,
            is_exception=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefundRequest]:
        proof = StatementMatch.objects.standing().filter(refund_request=OuterRef("pk"))
        return RefundRequest.objects.annotate(is_proved=Exists(proof)).select_related(
            "donation__fund", "donation__receipt", "bank_account", "refund", "requested_by", "approved_by", "refused_by",
            "paid_by", "fraud_warning",
        )  # fmt: skip

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        donation = row.donation
        fund = AccountKey.fund(donation.fund, row.currency)
        proof = row.matches.standing().select_related("line", "confirmed_by").first()
        state = row.state(is_proved=proof is not None)
        may = request.user.has_perm
        return {
            "refund_request": row,
            "donation": donation,
            "refund": row.refund,
            "warning": getattr(row, "fraud_warning", None),
            "state": state,
            "tag": TAGS[state],
            "proof": proof,
            "error": refusal(row.error),
            "failure": failure(row.refund.failure_reason) if row.refund else "",
            "fraud": fraud(row.fraud_warning.fraud_type) if hasattr(row, "fraud_warning") else "",
            "free": ledger.free(fund),
            "is_frozen": Account.objects.frozen().filter(code=fund.code).exists(),
            "may_see_donation": may("donations.view_donation"),
            # It names who gave: for those who ask, approve and pay, not for who only reads the books.
            "may_see_payee": may("donations.request_refundrequest")
            or may("donations.approve_refundrequest"),
        }

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_asked(self, row: RefundRequest) -> str:
        return money(row.amount, row.currency)

    @admin.display(description=gettext_lazy("requested by"))
    def asked_by(self, row: RefundRequest) -> str:
        return str(row.requested_by or _("the system, upon a warning"))

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: Any) -> SafeString:
        state = row.state(is_proved=row.is_proved)
        return format_html('<span class="tag tag--{}">{}</span>', TAGS[state], state.label)
