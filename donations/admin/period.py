"""Months of the books in the office: verify, reconcile, ask to close, close; each a button, and what proves it beside."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from defensefund.office import ReadOnlyAdmin, require
from defensefund.verbs import Verb, VerbAdmin

from .. import assertions, periods, reports
from ..models import Assertion, Entry, Period
from ..month_days import first_day
from .period_forms import BalanceForm

State = Period.State
TAGS = {State.REQUESTED: "warning", State.CLOSED: "good"}
# Of a difference explained by very many facts these are shown; the file of the month has all entries.
SHOWN = 25
WHAT = {
    "paid": gettext_lazy("moved, and on no bank statement of this month"),
    "late": gettext_lazy("moved in one month, booked in another"),
    "not_ours": gettext_lazy("at Stripe, and not ours"),
    "unbooked": gettext_lazy("a line that somebody explained and nobody booked"),
}


def verify(period: Period, _data: dict[str, Any], by: User, at: datetime) -> str:
    # Months begin at night, and an earlier one may have come to be since: from a spreadsheet, or from an old statement.
    periods.begin_due(at=at)
    periods.verify(period, by=by, at=at)
    return _("Every total of the books holds.")


def reconcile(period: Period, _data: dict[str, Any], by: User, at: datetime) -> str:
    periods.reconcile(period, by=by, at=at)
    return _("Each balance agrees with what bank and Stripe say.")


def state_balance(period: Period, data: dict[str, Any], by: User, at: datetime) -> str:
    made = periods.state_balance(
        period, account=data["account"], stated=Decimal(data["stated"]), by=by, at=at
    )
    return assertions.failing(made) or _("It agrees with the books.")


def ask(period: Period, _data: dict[str, Any], by: User, at: datetime) -> str:
    periods.request_close(period, by=by, at=at)
    return _("Asked: another person closes it.")


def close(period: Period, _data: dict[str, Any], by: User, at: datetime) -> str:
    periods.begin_due(at=at)
    periods.close(period, by=by, at=at)
    return _("%(month)s is closed.") % {"month": period.name}


def ask_up_to(period: Period, _data: dict[str, Any], by: User, at: datetime) -> str:
    periods.begin_due(at=at)
    asked, why = periods.request_up_to(period, by=by, at=at)
    if not asked:
        raise periods.NotYet(why)
    said = ngettext(
        "Asked: another person closes %(count)d month.",
        "Asked: another person closes %(count)d months.",
        asked,
    ) % {"count": asked}
    return f"{said} {why}".strip()


def close_up_to(period: Period, _data: dict[str, Any], by: User, at: datetime) -> str:
    periods.begin_due(at=at)
    closed, why = periods.close_up_to(period, by=by, at=at)
    if not closed:
        raise periods.NotYet(why)
    said = ngettext("%(count)d month is closed.", "%(count)d months are closed.", closed) % {
        "count": closed
    }
    return f"{said} {why}".strip()


def withdraw(period: Period, _data: dict[str, Any], by: User, at: datetime) -> str:
    periods.withdraw(period, by=by, at=at)
    return _("The month is not to be closed now.")


def why_closed(period: Period, _by: User) -> str:
    if period.closed_at:
        return _("This month is closed: it stays so.")
    return _("Closing is asked for: withdraw that first.") if period.requested_at else ""


def why_not_verify(period: Period, by: User) -> str:
    if why := why_closed(period, by) or periods.why_not_yet(period, at=timezone.now()):
        return why
    return _("The totals are verified.") if period.verified_at else ""


def why_not_reconcile(period: Period, by: User) -> str:
    if not period.verified_at:
        return _("Verify the totals first.")
    return why_closed(period, by)


def why_not_ask(period: Period, by: User) -> str:
    if not period.reconciled_at:
        return _("Reconcile the month first.")
    return why_closed(period, by)


def why_not_close(period: Period, by: User) -> str:
    if period.closed_at:
        return _("This month is closed: it stays so.")
    if not period.requested_at:
        return _("Nobody asked to close this month.")
    if period.requested_by_id == by.pk:
        return _("You asked for this yourself: another person must close it.")
    return ""


def why_not_ask_up_to(period: Period, by: User) -> str:
    if why := why_closed(period, by):
        return why
    if period.month >= first_day(timezone.now().date()):
        return periods.why_not_yet(period, at=timezone.now())
    return "" if len(periods.waiting(period)) > 1 else _("No earlier month is open.")


def why_not_close_up_to(period: Period, by: User) -> str:
    if why := why_not_close(period, by):
        return why
    asked = Period.objects.requested().filter(month__lt=period.month)
    return "" if asked.exists() else _("No earlier month waits for this.")


def why_not_withdraw(period: Period, _by: User) -> str:
    if period.closed_at:
        return _("This month is closed: it stays so.")
    return "" if period.requested_at else _("Nobody asked to close this month.")


REFUSALS: dict[type[Exception], str] = {periods.PeriodError: ""}


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("open", gettext_lazy("open")),
            ("requested", State.REQUESTED.label),
            ("closed", gettext_lazy("closed")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "open":
                return queryset.open()
            case "requested":
                return queryset.requested()
            case "closed":
                return queryset.closed()
        return queryset


@admin.register(Period)
class PeriodAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = ("name", "state_tag", "entries", "requested_by", "closed_by", "closed_at")
    list_filter = (StateFilter,)
    list_select_related = ("requested_by", "closed_by")
    list_per_page = 36
    show_full_result_count = False
    fields = ("month",)
    hides_fields = True
    facts_template = "admin/donations/period/_facts.html"
    verbs = (
        Verb(
            "verify",
            gettext_lazy("Verify the totals"),
            gettext_lazy("Every invariant of the books is looked at, as “check_books” does."),
            "verify_period",
            verify,
            refusals=REFUSALS,
            closed=why_not_verify,
        ),
        Verb(
            "reconcile",
            gettext_lazy("Reconcile"),
            gettext_lazy(
                "What bank and Stripe say of the month's last day is held against the books, and kept with the month."
            ),
            "verify_period",
            reconcile,
            refusals=REFUSALS,
            closed=why_not_reconcile,
        ),
        Verb(
            "request",
            gettext_lazy("Ask to close"),
            gettext_lazy("Another person closes the month exactly as it is now."),
            "verify_period",
            ask,
            refusals=REFUSALS,
            closed=why_not_ask,
        ),
        Verb(
            "request-up-to",
            gettext_lazy("Ask to close all up to this month"),
            gettext_lazy(
                "The totals are verified, and each open month up to this one is reconciled and asked for, the oldest first, until "
                "one does not agree. For a fund that took over years of its past."
            ),
            "verify_period",
            ask_up_to,
            refusals=REFUSALS,
            closed=why_not_ask_up_to,
        ),
        Verb(
            "close-up-to",
            gettext_lazy("Close all up to this month"),
            gettext_lazy(
                "Each month up to this one that somebody else asked to close, the oldest first. For good: nothing is booked in them "
                "any more."
            ),
            "close_period",
            close_up_to,
            refusals=REFUSALS,
            closed=why_not_close_up_to,
            is_grave=True,
        ),
        Verb(
            "close",
            gettext_lazy("Close the month"),
            gettext_lazy(
                "For good: nothing is booked in it any more. What comes to light later is booked on the first open day."
            ),
            "close_period",
            close,
            refusals=REFUSALS,
            closed=why_not_close,
            is_grave=True,
        ),
        Verb(
            "withdraw",
            gettext_lazy("Withdraw the request"),
            gettext_lazy("The month stays open."),
            "verify_period",
            withdraw,
            refusals=REFUSALS,
            closed=why_not_withdraw,
            is_exception=True,
        ),
        Verb(
            "balance",
            gettext_lazy("Type a balance"),
            gettext_lazy(
                "For a bank account whose statements say no balance, and for the cash you counted. Reconcile again after it."
            ),
            "verify_period",
            state_balance,
            BalanceForm,
            REFUSALS,
            closed=why_not_reconcile,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Period]:
        return Period.objects.select_related(
            "verified_by", "reconciled_by", "requested_by", "closed_by"
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.statement_view)
        return [
            path("<int:pk>/statement/", view, name="donations_period_statement"),
            *super().get_urls(),
        ]

    def statement_view(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """The month's own lines, as they are hashed: of a closed month the same file for ever."""
        require(request, "donations.view_period")
        period = get_object_or_404(Period, pk=pk)
        return StreamingHttpResponse(
            reports.canonical(period.month),
            content_type="text/plain; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="month-{period.month:%Y-%m}.txt"'
            },
        )

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        found: QuerySet[Assertion] = row.assertions.select_related(
            "account__bank_account", "statement", "period"
        )
        shown = {each.pk: each.items[:SHOWN] for each in found}
        entries = Entry.objects.in_bulk(
            {item["name"] for items in shown.values() for item in items}, field_name="source"
        )
        return {
            "period": row,
            "tag": TAGS.get(row.state, ""),
            "waits": "" if row.closed_at else periods.why_not_yet(row, at=timezone.now()),
            "balances": [
                {
                    "row": each,
                    "why": assertions.failing(each),
                    "items": [
                        {
                            "what": WHAT[item["what"]],
                            "name": item["name"],
                            "entry": entries.get(item["name"]),
                            "amount": Decimal(item["amount"]),
                        }
                        for item in shown[each.pk]
                    ],
                    "more": max(len(each.items) - SHOWN, 0),
                }
                for each in found
            ],
            "adjustments": periods.adjustments(row)[:SHOWN],
        }

    @admin.display(description=gettext_lazy("month"), ordering="month")
    def name(self, period: Period) -> str:
        return period.name

    @admin.display(description=gettext_lazy("state"))
    def state_tag(self, period: Period) -> SafeString:
        tag = TAGS.get(period.state, "")
        return format_html(
            '<span class="tag{}">{}</span>', f" tag--{tag}" if tag else "", period.state.label
        )
