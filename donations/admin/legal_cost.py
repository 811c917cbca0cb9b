"""Legal costs in the office: the bill, the money set aside for it, its documents and payments, on one page."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import (
    CharField,
    Count,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    prefetch_related_objects,
)
from django.db.models.functions import Coalesce
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from appeals.models import CaseText
from appeals.models.language import called, titles
from defensefund.office import WritableAdmin, require
from defensefund.templatetags.formats import day, money
from defensefund.verbs import Verb, VerbAdmin

from .. import allocation, disbursement, documents, ledger
from ..cleaning import UnfitDocument
from ..cost_shares import shares_of
from ..models import AccountKey, BailOutcome, CostDocument, CostShare, LegalCost, UmaValue
from ..models.cost_figures import Figures
from ..same_documents import elsewhere
from ..tracing import gifts_of
from . import bail_undo, cost_ends
from .cost_form import LegalCostForm
from .cost_money import case_page, columns_of, defendant_page
from .cost_parts import PLAN, SHARE, plan_of
from .defendant_money import defendants_page
from .downloads import kept_document
from .payment_forms import RequestForm
from .spending_forms import AllocateForm, AttachForm, ReleaseForm
from .standing import cap_standing, documents_lacking, policy_today, serving_funds


def set_aside(cost: LegalCost, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.allocate(cost=cost, by=by, at=at, **data)
    return _("%(amount)s of “%(fund)s” is set aside for this cost.") % {
        "amount": money(data["amount"], cost.currency),
        "fund": data["fund"],
    }


def release(cost: LegalCost, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.release(cost=cost, by=by, at=at, **data)
    return _("%(amount)s is back in “%(fund)s”.") % {
        "amount": money(data["amount"], cost.currency),
        "fund": data["fund"],
    }


def attach(cost: LegalCost, data: dict[str, Any], by: User, at: datetime) -> str:
    file = data["file"]
    document = documents.attach(
        cost=cost, name=file.name, content=file.read(), kind=data["kind"], by=by, at=at
    )
    others = ", ".join(str(also.cost) for also in elsewhere([document]))
    if others:
        return _("The document is attached. It is with %(costs)s too: see below.") % {
            "costs": others
        }
    return _("The document is attached.")


def request_payment(cost: LegalCost, data: dict[str, Any], by: User, at: datetime) -> str:
    row = disbursement.request(cost=cost, by=by, at=at, **data)
    return _("Payment %(reference)s is asked for: another person approves it.") % {
        "reference": row.payment_reference
    }


def why_no_request(cost: Any, _by: User) -> str:
    policy = policy_today()
    if lacking := documents_lacking(cost, policy):
        kinds = ", ".join(str(CostDocument.Kind(each).label) for each in lacking)
        return _("Attach what the policy wants first: %(kinds)s.") % {"kinds": kinds}
    if not cost.documents.exists():
        return _("Attach a bill or a ruling first: a payment is for a document.")
    if ledger.free(AccountKey.cost(cost)) <= cost.requested:
        return _("All that is set aside is asked for or paid: set more aside first.")
    if (cap := cap_standing(cost, policy)) and cap.left <= 0:
        return _(
            "All that the fund's policy pays for one such cost, %(cap)s, is asked for or paid: a version with a higher cap comes first."
        ) % {"cap": money(cap.most, cost.currency)}
    return ""


def why_no_setting_aside(cost: Any, _by: User) -> str:
    if cost.ended_on:
        return _("This cost has ended: it takes no more money.")
    return "" if cost.missing > 0 else _("All of what is owed is set aside.")


def why_no_release(cost: Any, _by: User) -> str:
    free = ledger.free(AccountKey.cost(cost)) - cost.requested
    return "" if free > 0 else _("Nothing is set aside that is neither paid nor asked for.")


# What a cost's own page does not say above its fields.
FOR_READERS = ("case", "description", "due_on", "return_expected_on")
ALLOCATION_REFUSALS: dict[type[Exception], str] = {
    allocation.WrongFund: "fund",
    allocation.Frozen: "fund",
    allocation.AllocationError: "amount",
}
# Shared with the page of a payment, where it is amended.
CONTENT_REFUSALS: dict[type[Exception], str] = {
    disbursement.WrongDocument: "document",
    disbursement.SameDocument: "document",
    disbursement.WrongAccount: "bank_account",
    disbursement.WrongAmount: "amount",
    disbursement.NotEnoughMoney: "amount",
    disbursement.NoEmergency: "emergency_reason",
    disbursement.DisbursementError: "",
}


# A bill or instalment that falls due so soon is work; an approval and the bank take some days.
SOON = timedelta(days=7)


class NeedFilter(admin.SimpleListFilter):
    title = gettext_lazy("what is to be done")
    parameter_name = "need"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("money", gettext_lazy("set money aside")),
            ("request", gettext_lazy("ask for payment")),
            ("due", gettext_lazy("due within seven days, or overdue")),
            ("nothing", gettext_lazy("nothing more to pay")),
            ("bail", gettext_lazy("bail that should have come back")),
            ("doubt", gettext_lazy("bail recorded wrongly")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "money":
                return queryset.without_their_money()
            case "request":
                return queryset.requestable()
            case "due":
                return queryset.due_by(timezone.now().date() + SOON)
            case "nothing":
                return queryset.filter(to_pay__lte=0)
            case "bail":
                return queryset.bail_overdue(on=timezone.now().date())
            case "doubt":
                return queryset.filter(pk__in=BailOutcome.objects.doubted().values("cost"))
        return queryset


@admin.register(LegalCost)
class LegalCostAdmin(VerbAdmin, WritableAdmin):
    form = LegalCostForm
    list_display = (
        "number", "of_whom", "kind", "amount_owed", "amount_paid", "amount_set_aside",
        "amount_missing", "next_due_on",
    )  # fmt: skip
    list_filter = (NeedFilter, "kind")
    search_fields = ("=number",)
    search_help_text = gettext_lazy("The whole number, like C-7GK2MP.")
    fields = (
        "case", "defendant", "kind", "description", "currency", "owed", "uma", "due_on",
        "return_expected_on", "payee",
    )  # fmt: skip
    facts_template = "admin/donations/legalcost/_facts.html"
    verbs = (
        Verb(
            "allocate",
            gettext_lazy("Set money aside"),
            gettext_lazy("Money of a fund is set aside for this cost; nothing is paid yet."),
            "allocate_fund",
            set_aside,
            AllocateForm,
            ALLOCATION_REFUSALS,
            is_done=(allocation.AlreadyDone,),
            closed=why_no_setting_aside,
        ),
        Verb(
            "attach",
            gettext_lazy("Attach a document"),
            gettext_lazy("Kept outside the public site and shown only to who may see it."),
            "add_costdocument",
            attach,
            AttachForm,
            {UnfitDocument: "file"},
        ),
        Verb(
            "request",
            gettext_lazy("Ask for payment"),
            gettext_lazy("Another person approves exactly this: amount, payee, document, account."),
            "request_disbursement",
            request_payment,
            RequestForm,
            CONTENT_REFUSALS,
            is_done=(disbursement.AlreadyDone,),
            closed=why_no_request,
        ),
        Verb(
            "release",
            gettext_lazy("Release"),
            gettext_lazy("Money set aside goes back to the fund it came from."),
            "allocate_fund",
            release,
            ReleaseForm,
            ALLOCATION_REFUSALS,
            is_done=(allocation.AlreadyDone,),
            closed=why_no_release,
            is_exception=True,
        ),
        SHARE,
        PLAN,
        *cost_ends.VERBS,
        *bail_undo.VERBS,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[LegalCost]:
        figures = LegalCost.objects.with_figures()
        costs = figures.select_related("defendant", "policy", "payee__account")
        title = titles(CaseText.objects.all(), "case_id")
        case_title = Coalesce(title, F("case__slug"), output_field=CharField())
        shares = CostShare.objects.filter(cost=OuterRef("pk")).order_by().values("cost")
        sharers = Coalesce(Subquery(shares.annotate(count=Count("pk")).values("count")), 1)
        return costs.annotate(sharers=sharers, case_title=case_title).order_by("-pk")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only bail is expected back. Who may change nothing reads the rest above, with its amounts in words."""
        fields = super().get_fields(request, obj)
        if obj is not None and not self.has_change_permission(request, obj):
            fields = FOR_READERS
        is_bail = obj is None or obj.kind == LegalCost.Kind.BAIL
        return [field for field in fields if is_bail or field != "return_expected_on"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What stands in the ledger stays (so does the database say); a payee stays while a payment is asked for."""
        if obj is None:
            return ()
        fixed: tuple[str, ...] = ()
        if obj.accounts.exists():
            fixed = ("case", "defendant", "kind", "currency")
        if obj.requested > 0:
            fixed += ("payee",)
        return fixed

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.recorded_by, obj.recorded_at = request.user, timezone.now()
        super().save_model(request, obj, form, change)

    def response_post_save_add(self, request: HttpRequest, obj: LegalCost) -> HttpResponseRedirect:
        """On to the cost's own page, where its document and its money come next."""
        return redirect("admin:donations_legalcost_change", obj.pk)

    def get_urls(self) -> list[URLPattern]:
        document = path(
            "document/<int:pk>/",
            self.admin_site.admin_view(require_safe(self.document_view)),
            name="donations_legalcost_document",
        )
        pages = [
            path(
                f"{name}/<int:pk>/",
                self.admin_site.admin_view(require_safe(partial(view, self))),
                name=f"donations_legalcost_of_{name}",
            )
            for name, view in (("defendant", defendant_page), ("case", case_page))
        ]
        everybody = path(
            "defendants/",
            self.admin_site.admin_view(require_safe(partial(defendants_page, self))),
            name="donations_legalcost_defendants",
        )
        return [document, everybody, *pages, *super().get_urls()]

    def document_view(self, request: HttpRequest, pk: int) -> HttpResponse | FileResponse:
        """The bill, or what else was attached."""
        require(request, "donations.view_costdocument")
        row = get_object_or_404(CostDocument.objects.select_related("cost"), pk=pk)
        return kept_document(request, row, name=row.cost.number, back=self._url(row.cost))

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        free = ledger.free(AccountKey.cost(row)) - row.requested
        prefetch_related_objects([row], "shares__defendant")
        newest = UmaValue.objects.newest() if row.uma is not None else None
        attached = row.documents.select_related("uploaded_by").order_by("-pk")
        policy = policy_today()
        return {
            "cost": row,
            "shares": shares_of([row])[row.pk],
            "plan": plan_of(row, today=timezone.now().date()),
            "uma_open": row.uma_open(),
            "uma_value": newest,
            "uma_payments": row.uma_payments.filter(disbursement__came_back_on=None).select_related(
                "disbursement", "value"
            ),
            "may_allocate": request.user.has_perm("donations.allocate_fund"),
            "free": free,
            **columns_of([Figures.told_by(row)], has_bail=row.kind == LegalCost.Kind.BAIL),
            "outcomes": row.bail_outcomes.select_related("by", "undo_requested_by", "undone_by"),
            "gifts": gifts_of([row.pk]).get(row.pk, 0),
            "funds": serving_funds(row, policy),
            "documents": attached,
            "elsewhere": elsewhere(attached),
            "lacking": [CostDocument.Kind(each).label for each in documents_lacking(row, policy)],
            "may_open": request.user.has_perm("donations.view_costdocument"),
            "payments": [
                (payment, payment.state(is_proved=payment.is_proved))
                for payment in row.disbursements.with_proof().order_by("-pk")
            ],
            "allocations": row.allocations.select_related("fund", "by"),
        }

    @admin.display(description=gettext_lazy("defendant, case"), ordering="defendant__alias")
    def of_whom(self, cost: Any) -> SafeString:
        """Leads to all money of the person, and of the case; says how many others share the cost."""
        others = cost.sharers - 1
        return format_html(
            '<a href="{}">{}</a>{}<br><a href="{}">{}</a>',
            reverse("admin:donations_legalcost_of_defendant", args=[cost.defendant_id]),
            cost.defendant,
            f" +{others}" if others > 0 else "",
            reverse("admin:donations_legalcost_of_case", args=[cost.case_id]),
            called(cost.case_title, ""),
        )

    @admin.display(description=gettext_lazy("next due"))
    def next_due_on(self, cost: Any) -> str:
        return day(cost.next_due) if cost.next_due else "–"

    @admin.display(description=gettext_lazy("owed"), ordering="owed")
    def amount_owed(self, cost: Any) -> str:
        return money(cost.owed, cost.currency)

    @admin.display(description=gettext_lazy("paid"), ordering="paid")
    def amount_paid(self, cost: Any) -> str:
        """Below it, of bail what is neither paid nor still to be."""
        return _with_rest(
            cost,
            cost.paid,
            (cost.with_court, _("with a court")),
            (cost.came_back, _("came back")),
        )

    @admin.display(description=gettext_lazy("set aside"), ordering="set_aside")
    def amount_set_aside(self, cost: Any) -> str:
        return money(cost.set_aside, cost.currency)

    @admin.display(description=gettext_lazy("missing"), ordering="missing")
    def amount_missing(self, cost: Any) -> str:
        return _with_rest(cost, cost.missing, (cost.not_needed, _("not needed")))


def _with_rest(cost: LegalCost, amount: Decimal, *rest: tuple[Decimal, str]) -> SafeString:
    lines = [(money(part, cost.currency), what) for part, what in rest if part]
    return format_html(
        "{}{}",
        money(amount, cost.currency),
        format_html_join("", "<br><small>{} {}</small>", lines),
    )
