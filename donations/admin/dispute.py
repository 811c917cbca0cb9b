"""Disputes and warnings of fraud in the office: what a supporter's bank took or suspects, until when, and what it costs."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.lists import DayFilter
from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import moment, money
from defensefund.verbs import Verb, VerbAdmin

from .. import disputes
from ..models import Account, Dispute, FraudWarning
from .proposals import ReasonForm
from .refund import TAGS as REFUND_TAGS
from .stripe_words import dispute_reason, fraud, refusal

Status = Dispute.Status
GOOD = frozenset({Status.WON, Status.WARNING_CLOSED, Status.PREVENTED})
# Fewer days than this to the deadline are shouted.
SOON_DAYS = 3


def tag(dispute: Dispute) -> str:
    if dispute.status in GOOD:
        return "good"
    return "bad" if dispute.status == Status.LOST else "warning"


def accept(row: Dispute, data: dict[str, Any], by: User, at: datetime) -> str:
    disputes.accept(row, reason=data["reason"], by=by, at=at)
    return _("Stripe is told that the dispute is not answered: it is lost.")


def why_not_accept(row: Any, _by: User) -> str:
    if not row.is_open:
        return _("This dispute has ended.")
    if row.is_inquiry:
        return _("The bank only asks so far: send the money back, or answer at Stripe.")
    return _("This dispute is accepted already.") if row.accepted_at and not row.error else ""


class DisputeFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("answer", gettext_lazy("to be answered")),
            ("open", gettext_lazy("open")),
            ("won", gettext_lazy("won")),
            ("lost", gettext_lazy("lost")),
            ("inquiry", gettext_lazy("inquiries")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "answer":
                return queryset.to_answer()
            case "open":
                return queryset.open()
            case "won" | "lost" as status:
                return queryset.filter(status=status)
            case "inquiry":
                return queryset.filter(status__in=Dispute.INQUIRIES)
        return queryset


@admin.register(Dispute)
class DisputeAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = (
        "opened_at", "donation", "amount_written", "why", "state_tag", "deadline", "fee_written",
    )  # fmt: skip
    list_filter = (DayFilter, DisputeFilter)
    day_field = "opened_at"
    search_fields = ("=stripe_dispute_id", "=donation__stripe_payment_intent_id")
    search_help_text = gettext_lazy("A dispute (du_…) or a payment (pi_…).")
    fields = ("stripe_dispute_id",)
    hides_fields = True
    facts_template = "admin/donations/dispute/_facts.html"
    verbs = (
        Verb(
            "accept",
            gettext_lazy("Accept as lost"),
            gettext_lazy(
                "For small amounts and when there is nothing to say. It cannot be taken back; amount "
                "and fee stay with the bank. To contest it, send evidence in Stripe's dashboard."
            ),
            "accept_dispute",
            accept,
            ReasonForm,
            {disputes.NoReason: "reason", disputes.DisputeError: ""},
            closed=why_not_accept,
            is_grave=True,
            is_exception=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dispute]:
        return (
            Dispute.objects.with_money()
            .select_related("donation__fund", "donation__receipt", "accepted_by")
            .order_by("-opened_at", "-pk")
        )

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        frozen = Account.objects.frozen().filter(fund=row.donation.fund, currency=row.currency)
        return {
            "dispute": row,
            "donation": row.donation,
            "tag": tag(row),
            "taken": max(-row.moved, 0),
            "is_late": _is_late(row),
            "error": refusal(row.error),
            "reason": dispute_reason(row.reason),
            "is_frozen": frozen.exists(),
            "may_see_donation": request.user.has_perm("donations.view_donation"),
        }

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_written(self, row: Dispute) -> str:
        return money(row.amount, row.currency)

    @admin.display(description=gettext_lazy("reason"), ordering="reason")
    def why(self, row: Dispute) -> str:
        return dispute_reason(row.reason)

    @admin.display(description=gettext_lazy("fee"))
    def fee_written(self, row: Any) -> str:
        return money(row.fee, row.currency) if row.fee else "–"

    @admin.display(description=gettext_lazy("state"), ordering="status")
    def state_tag(self, row: Dispute) -> SafeString:
        return format_html('<span class="tag tag--{}">{}</span>', tag(row), row.state)

    @admin.display(description=gettext_lazy("answer due by"), ordering=F("due_by"))
    def deadline(self, row: Dispute) -> SafeString | str:
        if row.status not in Dispute.TO_ANSWER or row.accepted_at or row.due_by is None:
            return "–"
        if _is_late(row):
            return format_html('<span class="tag tag--bad">{}</span>', moment(row.due_by))
        return moment(row.due_by)


def _is_late(row: Dispute) -> bool:
    """To be answered, and the day is near or past."""
    if row.status not in Dispute.TO_ANSWER or row.accepted_at or row.due_by is None:
        return False
    return (row.due_by - timezone.now()).days < SOON_DAYS


@admin.register(FraudWarning)
class FraudWarningAdmin(VerbAdmin, ReadOnlyAdmin):
    """Answered by the system; what is above its limit waits as a refund for a person's approval."""

    list_display = ("warned_at", "donation", "what", "answered", "refund_state")
    list_filter = ("answer",)
    search_fields = ("=stripe_warning_id", "=donation__stripe_payment_intent_id")
    search_help_text = gettext_lazy("A warning (issfr_…) or a payment (pi_…).")
    fields = ("stripe_warning_id",)
    hides_fields = True
    facts_template = "admin/donations/fraudwarning/_facts.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[FraudWarning]:
        return FraudWarning.objects.select_related(
            "donation__fund", "donation__receipt", "request__refund"
        )

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        state = row.request.state() if row.request else None
        return {
            "warning": row,
            "fraud": fraud(row.fraud_type),
            "state": state,
            "tag": REFUND_TAGS[state] if state else "",
            "may_see_donation": request.user.has_perm("donations.view_donation"),
        }

    @admin.display(description=gettext_lazy("kind of fraud"), ordering="fraud_type")
    def what(self, row: FraudWarning) -> str:
        return fraud(row.fraud_type)

    @admin.display(description=gettext_lazy("answer"), ordering="answer")
    def answered(self, row: FraudWarning) -> str:
        return row.get_answer_display() if row.answer else _("not yet")

    @admin.display(description=gettext_lazy("refund"))
    def refund_state(self, row: FraudWarning) -> SafeString | str:
        if row.request is None:
            return "–"
        state = row.request.state()
        return format_html('<span class="tag tag--{}">{}</span>', REFUND_TAGS[state], state.label)
