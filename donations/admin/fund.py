"""Funds in the office: what money is for, what of it is free, and the cover of one that facts took below zero."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.office import ReadOnlyAdmin, WritableAdmin
from defensefund.templatetags.formats import money
from defensefund.verbs import Verb, VerbAdmin

from .. import allocation
from ..models import Account, Fund, FundCover
from ..reserves import Reserves
from .bank_payment import state_tag as payment_tag
from .partner_forms import PARTNER
from .proposals import ReasonForm
from .spending_forms import CoverForm, LiftForm
from .standing import policy_today
from .surplus import SURPLUS, state_tag
from .trail import entries_named

# On a fund's page; all of them stand on the costs' pages.
LATEST = 20


class FundForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Fund
        fields = (
            "name", "code", "kind", "appeal", "case", "defendant", "purpose", "fallback", "closed_on",
        )  # fmt: skip
        widgets = {"purpose": forms.Textarea(attrs={"rows": 3})}

    def clean_fallback(self) -> Fund | None:
        fallback: Fund | None = self.cleaned_data["fallback"]
        if fallback and fallback == self.instance:
            raise forms.ValidationError(_("A fund cannot fall back to itself."))
        return fallback

    def clean_closed_on(self) -> Any:
        closed_on = self.cleaned_data["closed_on"]
        if not closed_on and self.instance.closed_on and self._has_successor():
            raise forms.ValidationError(
                _("An open fund has the same purpose by now: close that first.")
            )
        if closed_on and self.instance.pk:
            kept: Any = Account.objects.with_balance().filter(fund=self.instance)
            accounts = [account for account in kept if account.balance]
            if accounts:
                raise forms.ValidationError(
                    _("There is still %(amounts)s in this fund: use it for its purpose first."),
                    params={"amounts": ", ".join(money(a.balance, a.currency) for a in accounts)},
                )
        return closed_on

    def _has_successor(self) -> bool:
        fund, open_ones = self.instance, Fund.objects.open()
        purpose = {name: getattr(fund, f"{name}_id") for name in ("appeal", "case", "defendant")}
        named = {name: key for name, key in purpose.items() if key}
        return bool(named) and open_ones.filter(**named).exists()


def ask_cover(fund: Fund, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.request_cover(target=fund, by=by, at=at, **data)
    return _("The cover is asked for: another person approves it.")


def ask_lift(fund: Fund, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.request_lift(fund=fund, by=by, at=at, **data)
    return _("Asked for: once another person approves, the fund may be decided over again.")


def approve_cover(cover: FundCover, _data: dict[str, Any], by: User, at: datetime) -> str:
    cover = allocation.approve_cover(cover, by=by, at=at)
    if cover.is_lift:
        return _("“%(fund)s” may be decided over again in %(currency)s.") % {
            "fund": cover.target,
            "currency": cover.currency,
        }
    return _("%(amount)s moved from “%(source)s” to “%(target)s”.") % {
        "amount": money(cover.amount, cover.currency),
        "source": cover.source,
        "target": cover.target,
    }


def refuse_cover(cover: FundCover, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.refuse_cover(cover, reason=data["reason"], by=by, at=at)
    return _("This is refused; no money moved.")


def withdraw_cover(cover: FundCover, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.refuse_cover(cover, reason=data["reason"], by=by, at=at)
    return _("This is withdrawn; no money moved.")


def frozen_balances(fund: Any) -> list[Decimal]:
    """What is in each frozen account of a fund as the office reads it (FundAdmin.get_queryset)."""
    return [account.balance for account in fund.balances if account.frozen_at]


def why_no_cover(fund: Fund, _by: User) -> str:
    frozen = frozen_balances(fund)
    if any(balance < 0 for balance in frozen):
        return ""
    if frozen:
        return _("This fund is not below zero any more: ask to lift its freeze.")
    return _("This fund is not frozen: there is nothing to cover.")


def why_no_lift(fund: Fund, _by: User) -> str:
    frozen = frozen_balances(fund)
    if any(balance >= 0 for balance in frozen):
        return ""
    if frozen:
        return _("This fund is still below zero: another fund covers it, or gifts fill it first.")
    return _("This fund is not frozen.")


def why_decided(cover: FundCover, _by: User) -> str:
    if cover.refused_at:
        return _("This was refused: ask for another.")
    return _("This is approved already.") if cover.approved_at else ""


def why_not_withdraw(cover: FundCover, by: User) -> str:
    if cover.requested_by_id != by.pk:
        return _("Only who asked for it can withdraw it; who approves covers can refuse it.")
    return why_decided(cover, by)


def why_not_approve(cover: FundCover, by: User) -> str:
    if decided := why_decided(cover, by):
        return decided
    if cover.requested_by_id == by.pk:
        return _("You asked for this yourself: another person must approve it.")
    return ""


class OpenFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("open", gettext_lazy("open")),
            ("frozen", gettext_lazy("frozen")),
            ("below", gettext_lazy("frozen, below zero")),
            ("refilled", gettext_lazy("frozen, refilled by gifts")),
            ("closed", gettext_lazy("closed")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "open":
                return queryset.open()
            case "frozen":
                return queryset.filter(Exists(Account.objects.frozen().filter(fund=OuterRef("pk"))))
            case "below":
                return queryset.filter(
                    Exists(Account.objects.lacking().filter(fund=OuterRef("pk")))
                )
            case "refilled":
                return queryset.filter(
                    Exists(Account.objects.refilled().filter(fund=OuterRef("pk")))
                )
            case "closed":
                return queryset.exclude(closed_on=None)
        return queryset


@admin.register(Fund)
class FundAdmin(VerbAdmin, WritableAdmin):
    form = FundForm
    list_display = ("name", "kind", "balance", "is_frozen", "closed_on")
    list_filter = (OpenFilter, "kind")
    search_fields = ("name", "=code")
    facts_template = "admin/donations/fund/_facts.html"
    verbs = (
        Verb(
            "cover",
            gettext_lazy("Ask for cover"),
            gettext_lazy(
                "Money of another fund lifts this one to zero or above, once another person approves. "
                "It was given for that fund's purpose: say why it may be used here."
            ),
            "request_fundcover",
            ask_cover,
            CoverForm,
            {
                allocation.NoReason: "reason",
                allocation.WrongAmount: "amount",
                allocation.AllocationError: "source",
            },
            closed=why_no_cover,
        ),
        Verb(
            "lift",
            gettext_lazy("Lift the freeze"),
            gettext_lazy(
                "Gifts have brought this fund to zero or above again. Once another person approves, it may be decided "
                "over as before; no money moves."
            ),
            "request_fundcover",
            ask_lift,
            LiftForm,
            {allocation.NoReason: "reason", allocation.AllocationError: ""},
            closed=why_no_lift,
        ),
        SURPLUS,
        PARTNER,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fund]:
        accounts = Account.objects.with_balance().order_by("currency")
        return Fund.objects.order_by("closed_on", "kind", "name").prefetch_related(
            Prefetch("accounts", queryset=accounts, to_attr="balances")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Code and subject stand in the ledger and in what donors were told."""
        if obj is not None and obj.balances:
            return ("code", "kind", "appeal", "case", "defendant")
        return ()

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        # Only of a general one anything stays in reserve.
        policy = policy_today() if row.kind == Fund.Kind.GENERAL else None
        reserves = Reserves([row], policy)
        return {
            "fund": row,
            "balances": [(account, reserves.kept(row, account)) for account in row.balances],
            "covers": row.covers.select_related(
                "source", "requested_by", "approved_by", "refused_by"
            ).order_by("-pk"),
            "surpluses": [
                (move, state_tag(move))
                for move in row.surplus_moves.select_related("target").order_by("-pk")[:LATEST]
            ],
            "partner_payments": [
                (payment, payment_tag(payment, is_proved=payment.is_proved))
                for payment in row.partner_payments.with_proof().order_by("-pk")[:LATEST]
            ],
            "latest": row.allocations.select_related("cost", "by")[:LATEST],
            "latest_count": LATEST,
        }

    @admin.display(description=gettext_lazy("balance"))
    def balance(self, fund: Any) -> SafeString | str:
        lines = ((money(a.balance, a.currency),) for a in fund.balances)
        return format_html_join("", "<div>{}</div>", lines) or "–"

    @admin.display(description=gettext_lazy("frozen"))
    def is_frozen(self, fund: Any) -> SafeString | str:
        frozen = [account.currency for account in fund.balances if account.frozen_at]
        if not frozen:
            return "–"
        return format_html('<span class="tag tag--bad">{}</span>', ", ".join(frozen))


class CoverFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("approve", gettext_lazy("to approve")),
            ("done", gettext_lazy("done")),
            ("refused", gettext_lazy("refused")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "approve":
                return queryset.undecided()
            case "done":
                return queryset.filter(approved_at__isnull=False)
            case "refused":
                return queryset.filter(refused_at__isnull=False)
        return queryset


@admin.register(FundCover)
class FundCoverAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = (
        "target",
        "source",
        "amount_moved",
        "requested_by",
        "requested_at",
        "approved_by",
    )
    list_filter = (CoverFilter,)
    list_select_related = ("target", "source", "requested_by", "approved_by", "refused_by")
    ordering = ("-pk",)
    fields = ("target",)
    hides_fields = True
    facts_template = "admin/donations/fundcover/_facts.html"
    verbs = (
        Verb(
            "approve",
            gettext_lazy("Approve"),
            gettext_lazy(
                "The money, if any, moves at once, and a fund that is at zero or above may be decided over again."
            ),
            "approve_fundcover",
            approve_cover,
            refusals={allocation.AllocationError: ""},
            closed=why_not_approve,
            is_grave=True,
        ),
        Verb(
            "refuse",
            gettext_lazy("Refuse"),
            gettext_lazy(
                "Ends this request for good; the fund stays frozen until two people decide otherwise."
            ),
            "approve_fundcover",
            refuse_cover,
            ReasonForm,
            {allocation.NoReason: "reason", allocation.AllocationError: ""},
            closed=why_decided,
            is_exception=True,
        ),
        Verb(
            "withdraw",
            gettext_lazy("Withdraw"),
            gettext_lazy(
                "Ends your own request for good; the fund stays frozen until two people decide otherwise."
            ),
            "request_fundcover",
            withdraw_cover,
            ReasonForm,
            {allocation.NoReason: "reason", allocation.AllocationError: ""},
            closed=why_not_withdraw,
            is_exception=True,
        ),
    )

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        accounts: Any = Account.objects.with_balance().filter(
            fund__in=[pk for pk in (row.source_id, row.target_id) if pk], currency=row.currency
        )
        balances = {account.fund_id: account for account in accounts}
        return {
            "cover": row,
            "target_account": balances.get(row.target_id),
            "source_account": balances.get(row.source_id),
            "entries": entries_named([f"cover:{row.number}"]),
        }

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_moved(self, cover: FundCover) -> str:
        return _("none: lifts the freeze") if cover.is_lift else money(cover.amount, cover.currency)
