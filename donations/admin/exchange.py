"""Exchanges in the office: what was recorded, what it brought against the reporting rate, who approved it."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from defensefund.office import ReadOnlyAdmin, fieldset, page, require, sent
from defensefund.templatetags.formats import money, near_number
from defensefund.verbs import Verb, VerbAdmin, beside_of

from .. import exchange
from ..exchange_gains import gain_of
from ..models import Exchange
from .doubts import DoubtForm, why_not_another, why_nothing_doubted
from .downloads import kept_document
from .exchange_forms import REFUSALS, ApproveForm, RecordForm
from .proposals import ReasonForm
from .trail import entries_named

State = Exchange.State
TAGS = {
    State.TO_APPROVE: "warning",
    State.BOOKED: "good",
    State.REFUSED: "bad",
    State.UNDONE: "bad",
}


def approve(row: Exchange, _data: dict[str, Any], by: User, at: datetime) -> str:
    exchange.approve(row, by=by, at=at)
    return _("Booked: %(given)s of “%(fund)s” became %(received)s.") % {
        "given": money(row.given, row.given_currency),
        "fund": row.fund,
        "received": money(row.received, row.received_currency),
    }


def refuse(row: Exchange, data: dict[str, Any], by: User, at: datetime) -> str:
    exchange.refuse(row, reason=data["reason"], by=by, at=at)
    return _("Refused: nothing was booked.")


def doubt(row: Exchange, data: dict[str, Any], by: User, at: datetime) -> str:
    exchange.request_undo(row, reason=data["reason"], by=by, at=at)
    return _("Asked for: another person takes it back, or keeps it.")


def keep(row: Exchange, _data: dict[str, Any], by: User, at: datetime) -> str:
    exchange.keep(row, by=by, at=at)
    return _("It stays booked.")


def take_back(row: Exchange, _data: dict[str, Any], by: User, at: datetime) -> str:
    exchange.take_back(row, by=by, at=at)
    return _("Taken back: both entries are reversed. Record it anew as it really was.")


def why_decided(row: Exchange, _by: User) -> str:
    if row.refused_at:
        return _("This exchange was refused: record another.")
    return _("This exchange is booked.") if row.approved_at else ""


def why_not_approve(row: Exchange, by: User) -> str:
    if not why_decided(row, by) and row.recorded_by_id == by.pk:
        return _("You recorded this exchange yourself: another person must approve it.")
    return why_decided(row, by)


def why_not_withdraw(row: Exchange, by: User) -> str:
    if row.recorded_by_id != by.pk:
        return _("Only who recorded it can withdraw it; who approves exchanges can refuse it.")
    return why_decided(row, by)


def why_no_doubt(row: Exchange, _by: User) -> str:
    if row.state != State.BOOKED:
        return _("Only a booked exchange is taken back.")
    return row.why_not_asked


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*State.choices, ("doubted", gettext_lazy("said to be wrong"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        state = self.value()
        if state == "doubted":
            return queryset.doubted()
        return queryset.in_state(State(state)) if state in State.values else queryset


@admin.register(Exchange)
class ExchangeAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = (
        "exchanged_on",
        "fund",
        "was_given",
        "was_received",
        "rate_obtained",
        "standing",
    )
    list_filter = (StateFilter, "market")
    list_select_related = ("fund", "given_from", "received_into", "recorded_by", "approved_by")
    list_per_page = 25
    show_full_result_count = False
    ordering = ("-pk",)
    fields = ("exchanged_on",)
    hides_fields = True
    change_list_template = "admin/donations/exchange/change_list.html"
    facts_template = "admin/donations/exchange/_facts.html"
    verbs = (
        Verb(
            "approve",
            gettext_lazy("Approve"),
            gettext_lazy(
                "Compare both amounts, accounts and the day with the slip. Both ways are booked at once."
            ),
            "approve_exchange",
            approve,
            ApproveForm,
            {exchange.ExchangeError: ""},
            closed=why_not_approve,
            is_grave=True,
        ),
        Verb(
            "refuse",
            gettext_lazy("Refuse"),
            gettext_lazy("Ends it unbooked."),
            "approve_exchange",
            refuse,
            ReasonForm,
            {exchange.NoReason: "reason", exchange.ExchangeError: ""},
            closed=why_decided,
            is_exception=True,
        ),
        Verb(
            "withdraw",
            gettext_lazy("Withdraw"),
            gettext_lazy("Ends your own record unbooked, to record it anew without the mistake."),
            "record_exchange",
            refuse,
            ReasonForm,
            {exchange.NoReason: "reason", exchange.ExchangeError: ""},
            closed=why_not_withdraw,
            is_exception=True,
        ),
        Verb(
            "take-back",
            gettext_lazy("Take back"),
            gettext_lazy(
                "Reverses both entries of an exchange that did not happen, or not so. What it brought must "
                "still be free in the fund."
            ),
            "undo_exchange",
            take_back,
            refusals={exchange.ExchangeError: ""},
            closed=why_not_another,
            is_grave=True,
        ),
        Verb(
            "keep",
            gettext_lazy("Keep it booked"),
            gettext_lazy("Ends the request: the exchange was as it was recorded."),
            "undo_exchange",
            keep,
            refusals={exchange.ExchangeError: ""},
            closed=why_nothing_doubted,
        ),
        Verb(
            "doubt",
            gettext_lazy("It was recorded wrongly"),
            gettext_lazy(
                "It did not happen, or not so. When another person has taken it back, both entries are reversed, as long as "
                "what it brought is still free in the fund; then record it anew."
            ),
            "record_exchange",
            doubt,
            DoubtForm,
            {exchange.NoReason: "reason", exchange.ExchangeError: ""},
            closed=why_no_doubt,
            is_exception=True,
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "record/",
                self.admin_site.admin_view(self.record_view),
                name="donations_exchange_record",
            ),
            path(
                "<int:pk>/document/",
                self.admin_site.admin_view(require_safe(self.document_view)),
                name="donations_exchange_document",
            ),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may_record = request.user.has_perm("donations.record_exchange")
        extra = {"record_url": reverse("admin:donations_exchange_record") if may_record else ""}
        return super().changelist_view(request, extra | (extra_context or {}))

    def record_view(self, request: HttpRequest) -> HttpResponse:
        user = require(request, "donations.record_exchange")
        form = RecordForm(*sent(request))
        if form.is_valid():
            try:
                row = form.act(by=user, at=timezone.now())
            except exchange.AlreadyDone as done:
                messages.info(request, str(done))
                return HttpResponseRedirect(reverse("admin:donations_exchange_changelist"))
            except tuple(REFUSALS) as refusal:
                beside = beside_of(refusal, REFUSALS)
                form.add_error(beside or None, str(refusal))
            else:
                self.log_addition(request, row, _("Record an exchange"))
                messages.success(request, _("Recorded: another person approves it."))
                return HttpResponseRedirect(self._url(row))
        return page(
            self,
            request,
            "admin/donations/exchange/record.html",
            title=_("Record an exchange"),
            form=form,
            fieldsets=fieldset(form),
        )

    def document_view(self, request: HttpRequest, pk: int) -> HttpResponse | FileResponse:
        """The slip."""
        require(request, "donations.view_exchange")
        row = get_object_or_404(Exchange, pk=pk)
        return kept_document(request, row, name=f"exchange-{row.exchanged_on}", back=self._url(row))

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {
            "exchange": row,
            "tag": TAGS[row.state],
            "gain": gain_of(row),
            "entries": entries_named([row.source("out"), row.source("in")]),
        }

    @admin.display(description=gettext_lazy("given"), ordering="given")
    def was_given(self, row: Exchange) -> str:
        return money(row.given, row.given_currency)

    @admin.display(description=gettext_lazy("received"), ordering="received")
    def was_received(self, row: Exchange) -> str:
        return money(row.received, row.received_currency)

    @admin.display(description=gettext_lazy("rate obtained"))
    def rate_obtained(self, row: Exchange) -> str:
        return near_number(row.rate)

    @admin.display(description=gettext_lazy("state"))
    def standing(self, row: Exchange) -> SafeString:
        return format_html('<span class="tag tag--{}">{}</span>', TAGS[row.state], row.state.label)
