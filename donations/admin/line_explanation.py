"""Money that left the bank and is no payment of ours: said where the line is, approved here by another person."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import money
from defensefund.verbs import Verb, VerbAdmin

from .. import ledger, reconciliation
from ..models import AccountKey, LineExplanation
from .proposals import ReasonForm, why_decided, why_not_approve, why_not_withdraw

# Both read the bank's words of the line; who only checks the books does not.
READS_LINES = ("donations.match_statementline", "donations.approve_lineexplanation")
REFUSALS: dict[type[Exception], str] = {
    reconciliation.ReconciliationError: "",
    ledger.LedgerError: "",
}


def approve(row: LineExplanation, _data: dict[str, Any], by: User, at: datetime) -> str:
    done = reconciliation.approve_explanation(row, by=by, at=at)
    return _("Booked.") if done.source else _("Noted: nothing is booked.")


def refuse(row: LineExplanation, data: dict[str, Any], by: User, at: datetime) -> str:
    reconciliation.refuse_explanation(row, reason=data["reason"], by=by, at=at)
    return _("Nothing is booked; the line is open as before.")


class ExplanationState(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("approve", _("to approve")),
            ("approved", _("approved")),
            ("refused", _("refused or withdrawn")),
            ("undone", _("taken back")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "approve":
                return queryset.undecided()
            case "approved":
                return queryset.standing()
            case "refused":
                return queryset.filter(refused_at__isnull=False)
            case "undone":
                return queryset.filter(matches__undone_at__isnull=False)
        return queryset


def _fee(row: LineExplanation) -> Decimal | None:
    """What the fund is to bear; None where nothing is booked."""
    if row.fund is None:
        return None
    if row.payout:
        return row.payout.amount - row.amount
    if row.own_transfer:
        return (row.own_transfer.side_of(row.line.account_id) or row.amount) - row.amount
    return -row.amount


@admin.register(LineExplanation)
class LineExplanationAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = ("line", "moved", "what", "requested_by", "approved_by")
    list_filter = (ExplanationState,)
    list_select_related = ("line__account", "fund", "requested_by", "approved_by")
    list_per_page = 25
    show_full_result_count = False
    ordering = ("-pk",)
    fields = ("line",)
    hides_fields = True
    facts_template = "admin/donations/lineexplanation/_facts.html"
    verbs = (
        Verb(
            "approve",
            gettext_lazy("Approve"),
            gettext_lazy("The line is matched at once, as it was explained."),
            "approve_lineexplanation",
            approve,
            refusals=REFUSALS,
            closed=why_not_approve,
            is_grave=True,
        ),
        Verb(
            "refuse",
            gettext_lazy("Refuse"),
            gettext_lazy("Ends this request for good; the line can be explained anew."),
            "approve_lineexplanation",
            refuse,
            ReasonForm,
            {reconciliation.ReconciliationError: "reason"},
            closed=why_decided,
            is_exception=True,
        ),
        Verb(
            "withdraw",
            gettext_lazy("Withdraw"),
            gettext_lazy("Ends your own request for good; the line can be explained anew."),
            "match_statementline",
            refuse,
            ReasonForm,
            {reconciliation.ReconciliationError: "reason"},
            closed=why_not_withdraw,
            is_exception=True,
        ),
    )

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        user, fee = request.user, _fee(row)
        takes = fee if not (row.approved_at or row.refused_at) else None
        note = row.returns and reconciliation.note_of(row.returns)
        if note and row.approved_at and note.confirmed_at >= row.approved_at:
            # Of a gift that is none any more: that came with the approval.
            note = None
        return {
            "explanation": row,
            "line": row.line,
            "fee": fee,
            "note": note,
            "match": row.matches.select_related("undone_by").first(),
            "goes_below_zero": takes is not None
            and ledger.balance(AccountKey.fund(row.fund, row.line.currency)) < takes,
            "reads_line": any(user.has_perm(name) for name in READS_LINES),
            "may_look": user.has_perm("donations.view_statementline"),
            "may_match": user.has_perm("donations.match_statementline"),
        }

    @admin.display(description=gettext_lazy("amount"))
    def moved(self, row: LineExplanation) -> str:
        return money(row.amount, row.line.currency)

    @admin.display(description=gettext_lazy("what it is"))
    def what(self, row: LineExplanation) -> str:
        return f"{row.explanation} ({row.fund})" if row.fund else row.explanation
