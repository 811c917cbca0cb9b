"""The surplus rule in the office: a fund's rest is asked for on its page, and moved here by another person."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import money
from defensefund.verbs import Verb, VerbAdmin, VerbForm

from .. import allocation, ledger
from ..models import Account, AccountKey, Fund, LegalCost, SurplusMove
from . import surplus_undo
from .proposals import ReasonForm
from .trail import entries_named

TAGS = {
    SurplusMove.State.TO_APPROVE: "warning",
    SurplusMove.State.DONE: "good",
    SurplusMove.State.UNDONE: "bad",
    SurplusMove.State.REFUSED: "bad",
}
REFUSALS: dict[type[Exception], str] = {
    allocation.NoReason: "reason",
    allocation.AllocationError: "",
}


def state_tag(move: SurplusMove) -> SafeString:
    return format_html('<span class="tag tag--{}">{}</span>', TAGS[move.state], move.state.label)


def rests(fund: Fund) -> list[Any]:
    """The accounts of `fund` that have something left."""
    accounts: Any = Account.objects.with_balance().filter(fund=fund).order_by("currency")
    return [account for account in accounts if account.balance > 0]


def lacking(fund: Fund) -> list[Any]:
    """The costs `fund` is for that lack money, with what is `missing` of each; read when its purpose is said to be over."""
    return list(LegalCost.objects.served_by(fund).without_their_money().order_by("pk"))


def unpaid(fund: Fund) -> list[Any]:
    """The costs `fund` is for of which something is still `to_pay`."""
    return list(LegalCost.objects.served_by(fund).unpaid().order_by("pk"))


class SurplusForm(VerbForm):
    currency = forms.ChoiceField(label=gettext_lazy("What is left"))
    cause = forms.ChoiceField(
        label=gettext_lazy("Why the purpose is over"),
        choices=SurplusMove.Cause.choices,
        help_text=gettext_lazy("Shown to everybody, and to who gave for this purpose."),
    )
    note = forms.CharField(
        label=gettext_lazy("Note for the office"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Kept with the decision. No names."),
    )

    def prepare(self) -> None:
        self.fields["currency"].choices = [  # type: ignore[attr-defined]
            (account.currency, money(account.balance, account.currency))
            for account in rests(self.row)
        ]
        if costs := lacking(self.row):
            self.warning = _(
                "Costs that this fund is for still lack money: %(costs)s. Is its purpose over?"
            ) % {"costs": ", ".join(f"{c.number} {money(c.missing, c.currency)}" for c in costs)}


def ask_surplus(fund: Fund, data: dict[str, Any], by: User, at: datetime) -> str:
    move = allocation.request_surplus(fund=fund, by=by, at=at, **data)
    return _("Asked for: another person moves %(amount)s to “%(target)s”.") % {
        "amount": money(move.amount, move.currency),
        "target": move.target,
    }


def why_no_surplus(fund: Fund, _by: User) -> str:
    if fund.fallback_id is None:
        return _("This fund names no fallback fund: there is nowhere its rest may go.")
    if not rests(fund):
        return _("Nothing is left in this fund.")
    return ""


# On a fund's page.
SURPLUS = Verb(
    "surplus",
    gettext_lazy("Move what is left"),
    gettext_lazy(
        "When a fund's purpose is over, all that is left goes to the fund it falls back to, as supporters were "
        "told when they gave. Another person decides it with you; the books show it to everybody."
    ),
    "request_surplusmove",
    ask_surplus,
    SurplusForm,
    {allocation.CostsOpen: "cause", allocation.NotDormant: "cause", allocation.AllocationError: ""},
    closed=why_no_surplus,
    is_exception=True,
)


def approve(move: SurplusMove, _data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.approve_surplus(move, by=by, at=at)
    return _("%(amount)s moved from “%(source)s” to “%(target)s”.") % {
        "amount": money(move.amount, move.currency),
        "source": move.source,
        "target": move.target,
    }


def refuse(move: SurplusMove, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.refuse_surplus(move, reason=data["reason"], by=by, at=at)
    return _("Refused; no money moved.")


def why_decided(move: SurplusMove, _by: User) -> str:
    if move.refused_at:
        return _("This was refused: ask for another.")
    if move.undone_at:
        return _("This was approved, and taken back: ask for another.")
    return _("This is approved already.") if move.approved_at else ""


def why_not_approve(move: SurplusMove, by: User) -> str:
    if not why_decided(move, by) and move.requested_by_id == by.pk:
        return _("You asked for this yourself: another person must approve it.")
    return why_decided(move, by)


def why_not_withdraw(move: SurplusMove, by: User) -> str:
    if move.requested_by_id != by.pk:
        return _("Only who asked for it can withdraw it; who approves can refuse it.")
    return why_decided(move, by)


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*SurplusMove.State.choices, ("doubted", gettext_lazy("to take back"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        if value == "doubted":
            return queryset.doubted()
        if value in SurplusMove.State.values:
            return queryset.in_state(SurplusMove.State(value))
        return queryset


@admin.register(SurplusMove)
class SurplusMoveAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = (
        "source", "target", "amount_moved", "cause", "requested_by", "approved_by", "in_state",
    )  # fmt: skip
    list_filter = (StateFilter,)
    list_select_related = ("source", "target", "requested_by", "approved_by", "refused_by")
    list_per_page = 25
    show_full_result_count = False
    ordering = ("-pk",)
    fields = ("source",)
    hides_fields = True
    facts_template = "admin/donations/surplusmove/_facts.html"
    verbs = (
        Verb(
            "approve",
            gettext_lazy("Approve"),
            gettext_lazy("The money moves at once, and everybody can see it in the books."),
            "approve_surplusmove",
            approve,
            refusals={allocation.AllocationError: ""},
            closed=why_not_approve,
            is_grave=True,
        ),
        Verb(
            "refuse",
            gettext_lazy("Refuse"),
            gettext_lazy("Ends this request for good; the money stays in its fund."),
            "approve_surplusmove",
            refuse,
            ReasonForm,
            REFUSALS,
            closed=why_decided,
            is_exception=True,
        ),
        Verb(
            "withdraw",
            gettext_lazy("Withdraw"),
            gettext_lazy("Ends your own request for good; the money stays in its fund."),
            "request_surplusmove",
            refuse,
            ReasonForm,
            REFUSALS,
            closed=why_not_withdraw,
            is_exception=True,
        ),
        *surplus_undo.VERBS,
    )

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        is_open = row.state == SurplusMove.State.TO_APPROVE
        is_paid = row.cause == SurplusMove.Cause.COSTS_PAID
        return {
            "move": row,
            "state": state_tag(row),
            "lacking": lacking(row.source) if is_open and not is_paid else [],
            "unpaid": unpaid(row.source) if is_open and is_paid else [],
            "source_balance": ledger.free(AccountKey.fund(row.source, row.currency)),
            "entries": entries_named([row.entry_source]),
        }

    @admin.display(description=gettext_lazy("state"))
    def in_state(self, move: SurplusMove) -> SafeString:
        return state_tag(move)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_moved(self, move: SurplusMove) -> str:
        return money(move.amount, move.currency)
