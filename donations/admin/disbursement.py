"""Payments in the office: who asked, who approved, who paid, and what proves it; each step on its own page."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import money, plain_moment
from defensefund.verbs import Verb, VerbAdmin

from .. import disbursement, ledger
from ..exchange_gains import gains_of_payment, is_awaited
from ..models import AccountKey, Disbursement
from ..same_documents import alike, elsewhere
from . import never_left
from .bank_payment import state_tag, why_final, why_not_approve, why_not_pay
from .legal_cost import CONTENT_REFUSALS
from .payment_forms import AmendForm, AnswerForm, ObjectForm, PayForm, RefuseForm
from .proposals import SeenForm
from .trail import entries_named

State = Disbursement.State


def approve(row: Disbursement, data: dict[str, Any], by: User, at: datetime) -> str:
    done = disbursement.approve(row, content_hash=data["content_hash"], by=by, at=at)
    if done.paid_at:
        return _("Signed: the emergency has its second approval.")
    if not done.is_approved:
        return _("Approved. It is large: a third person must approve it too.")
    return _("Approved: it may be paid exactly as it is.")


def refuse(row: Disbursement, data: dict[str, Any], by: User, at: datetime) -> str:
    disbursement.refuse(row, reason=data["reason"], by=by, at=at)
    return _("Refused: the money is free for the cost again.")


def pay(row: Disbursement, data: dict[str, Any], by: User, at: datetime) -> str:
    disbursement.pay(row, by=by, at=at, **data)
    return _("Recorded as paid. The bank's statement will prove it.")


def amend(row: Disbursement, data: dict[str, Any], by: User, at: datetime) -> str:
    disbursement.amend(row, by=by, at=at, **data)
    return _("Changed: another person approves it as it is now.")


def object_to(row: Disbursement, data: dict[str, Any], by: User, at: datetime) -> str:
    disbursement.object_to(row, reason=data["reason"], by=by, at=at)
    return _("Your objection is kept. It stays on the office's first page until somebody answers.")


def answer(row: Disbursement, data: dict[str, Any], by: User, at: datetime) -> str:
    disbursement.answer(row, text=data["answer"], by=by, at=at)
    return _("The answer is kept beside the objection.")


def why_no_objection(row: Any, _by: User) -> str:
    if not (row.is_emergency and row.paid_at):
        return _("Only a payment made in an emergency is objected to; refuse any other.")
    return ""


def why_no_answer(row: Any, by: User) -> str:
    open_ones = row.objections.open()
    if not open_ones.exists():
        return _("No objection waits for an answer.")
    if not open_ones.exclude(by=by).exists():
        return _("The objection is yours: another person answers it.")
    return ""


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            *State.choices,
            ("unsigned", gettext_lazy("emergency, to be signed")),
            ("objected", gettext_lazy("objected to")),
            ("doubted", gettext_lazy("said never to have left")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        state = self.value()
        if state == "unsigned":
            return queryset.unsigned()
        if state == "objected":
            return queryset.objected()
        if state == "doubted":
            return queryset.doubted()
        return queryset.in_state(State(state)) if state in State.values else queryset


@admin.register(Disbursement)
class DisbursementAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = (
        "payment_reference",
        "cost",
        "amount_asked",
        "state",
        "requested_by",
        "requested_at",
    )
    list_filter = (StateFilter,)
    search_fields = ("=payment_reference", "=cost__number")
    search_help_text = gettext_lazy("A payment's reference or a cost's number.")
    fields = ("payment_reference",)
    hides_fields = True
    facts_template = "admin/donations/disbursement/_facts.html"
    verbs = (
        Verb(
            "approve",
            gettext_lazy("Approve"),
            gettext_lazy(
                "Open the documents and compare payee, account and amount with them. You approve exactly "
                "what stands here: any later change, and any document that comes later, makes your approval void."
            ),
            "approve_disbursement",
            approve,
            SeenForm,
            {disbursement.DisbursementError: ""},
            starts_over=(disbursement.ContentChanged,),
            closed=why_not_approve,
            is_grave=True,
        ),
        Verb(
            "pay",
            gettext_lazy("Record as paid"),
            gettext_lazy(
                "First tell the bank to pay, with the payment reference as its text; then record it here."
            ),
            "pay_disbursement",
            pay,
            PayForm,
            {
                disbursement.WrongDay: "paid_on",
                disbursement.WrongAmount: "received",
                disbursement.DisbursementError: "",
            },
            closed=why_not_pay,
            is_grave=True,
        ),
        Verb(
            "amend",
            gettext_lazy("Change"),
            gettext_lazy(
                "An approval becomes void, and you become the one who asked. It goes to the payee's account as it is "
                "recorded now."
            ),
            "request_disbursement",
            amend,
            AmendForm,
            CONTENT_REFUSALS,
            closed=why_final,
            is_exception=True,
        ),
        Verb(
            "refuse",
            gettext_lazy("Refuse"),
            gettext_lazy("Ends this payment for good; the money stays set aside for the cost."),
            "approve_disbursement",
            refuse,
            RefuseForm,
            {disbursement.NoReason: "reason", disbursement.DisbursementError: ""},
            closed=why_final,
            is_exception=True,
        ),
        Verb(
            "answer",
            gettext_lazy("Answer the objection"),
            gettext_lazy("Objection and answer both stay with the payment."),
            "answer_disbursement",
            answer,
            AnswerForm,
            {disbursement.NoReason: "answer", disbursement.DisbursementError: ""},
            closed=why_no_answer,
        ),
        Verb(
            "object",
            gettext_lazy("Object"),
            gettext_lazy(
                "It was paid with one approval, as an emergency. What you say against it stays on the office's first page "
                "until another person answers; no money moves."
            ),
            "object_disbursement",
            object_to,
            ObjectForm,
            {disbursement.NoReason: "reason", disbursement.DisbursementError: ""},
            is_done=(disbursement.AlreadyDone,),
            closed=why_no_objection,
            is_exception=True,
        ),
        *never_left.VERBS,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Disbursement]:
        # Who did what with it is looked up where it was done: to plan all these joins took longer than to ask again.
        return (
            Disbursement.objects.with_proof()
            .with_sign_by()
            .select_related(
                "cost__defendant",
                "document",
                "bank_account",
                "payee_account__payee",
                "requested_by",
            )
        )

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        lines = {
            match.amount < 0: match
            for match in row.matches.standing().select_related("line", "confirmed_by")
        }
        proof = lines.get(True)
        attached = row.cost.documents.order_by("pk")
        return {
            "payment": row,
            "now": timezone.now(),
            "cost": row.cost,
            "tag": state_tag(row, is_proved=proof is not None),
            "why_not_payable": ""
            if row.refused_at or row.paid_at
            else disbursement.why_not_payable(row),
            "proof": proof,
            "came_back": lines.get(False),
            "documents": attached,
            "elsewhere": elsewhere(attached),
            "alike": [] if row.refused_at or row.paid_at else alike(row),
            "objections": row.objections.select_related("by", "answered_by"),
            "may_open": request.user.has_perm("donations.view_costdocument"),
            "may_unseal": request.user.has_perm("donations.unseal_payee"),
            "set_aside": ledger.free(AccountKey.cost(row.cost)),
            "gains": gains_of_payment(row),
            "is_gain_awaited": row.paid_on is not None and is_awaited(row),
            "entries": entries_named([f"disbursement:{row.number}"]),
        }

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_asked(self, row: Disbursement) -> str:
        return money(row.amount, row.currency)

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: Any) -> SafeString:
        tag = state_tag(row, is_proved=row.is_proved)
        if not row.is_unsigned:
            return tag
        until = _("to be signed by %(until)s") % {"until": plain_moment(row.sign_by)}
        return format_html("{} <small>{}</small>", tag, until)
