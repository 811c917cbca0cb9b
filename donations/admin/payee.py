"""The register of payees in the office: who may be paid where, seen by the last characters alone."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from defensefund.office import fieldset, page, require, sent
from defensefund.step_up import recent_login_required
from defensefund.verbs import Verb

from .. import payees
from ..models import Payee, PayeeAccount, Scheme, SealingKey
from ..sealed_accounts import short
from .downloads import INERT
from .payee_forms import ChangeAccountForm, ConfirmPayeeForm, RecordPayeeForm, ResealForm
from .recording import RecordingAdmin

REFUSALS: dict[type[Exception], str] = {
    payees.WrongAccount: "account",
    payees.NotTheSame: "account",
    payees.Conflicted: "account",
    payees.PayeeError: "",
}


def confirm(row: Payee, data: dict[str, Any], by: User, at: datetime) -> str:
    payees.confirm(row, account=data["account"], by=by, at=at)
    return _("It is the account that was recorded: this payee may be paid.")


def change_account(row: Payee, data: dict[str, Any], by: User, at: datetime) -> str:
    payees.change_account(
        row,
        name=data["name"],
        scheme=Scheme(data["scheme"]),
        account=data["account"],
        by=by,
        at=at,
    )
    return _("Changed: another person confirms it before anything is paid there.")


def retire(row: Payee, _data: dict[str, Any], by: User, at: datetime) -> str:
    payees.retire(row, by=by, at=at)
    return _("Retired: nobody is paid there any more.")


def why_not_confirm(row: Any, by: User) -> str:
    if row.account is None and not row.retired_at:
        return str(Payee.NOBODY_YET)
    if row.account and row.account.confirmed_at:
        return _("This account is confirmed already.")
    if row.account and row.account.given_by_id == by.pk:
        return _("You recorded this account yourself: another person must confirm it.")
    return why_retired(row, by)


def why_retired(row: Any, _by: User) -> str:
    return _("This payee is retired.") if row.retired_at else ""


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("confirm", gettext_lazy("to confirm")),
            ("payable", gettext_lazy("may be paid")),
            ("reseal", gettext_lazy("to seal anew")),
            ("nobody", gettext_lazy("no account recorded")),
            ("retired", gettext_lazy("retired")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "confirm":
                return queryset.to_confirm()
            case "payable":
                return queryset.payable()
            case "reseal":
                stale = PayeeAccount.objects.sealed_otherwise(SealingKey.objects.in_use())
                return queryset.filter(account__in=stale)
            case "nobody":
                return queryset.filter(account=None, retired_at=None)
            case "retired":
                return queryset.filter(retired_at__isnull=False)
        return queryset


@admin.register(Payee)
class PayeeAdmin(RecordingAdmin):
    list_display = ("number", "holder", "kind", "ends_with", "state")
    list_filter = (StateFilter, "kind")
    search_fields = ("=number",)
    search_help_text = gettext_lazy("The whole number, like P-7GK2MP. Names are encrypted.")
    show_full_result_count = False
    list_per_page = 50
    fields = ("number",)
    hides_fields = True
    facts_template = "admin/donations/payee/_facts.html"
    record_label = gettext_lazy("Record a payee")
    record_explanation = gettext_lazy(
        "A lawyer, a court, an expert or another provider of a service: never somebody's own account for expenses."
    )
    record_permission = "record_payee"
    record_form = RecordPayeeForm
    record_refusals = REFUSALS
    verbs = (
        Verb(
            "confirm",
            gettext_lazy("Confirm the account"),
            gettext_lazy("A second person gives the account anew; both must have given the same."),
            "confirm_payee",
            confirm,
            ConfirmPayeeForm,
            REFUSALS,
            closed=why_not_confirm,
            is_grave=True,
        ),
        Verb(
            "change-account",
            gettext_lazy("Change the account"),
            gettext_lazy(
                "Ask the payee by a way you knew before: a letter with a new account is the oldest trick. Approvals of "
                "payments that are not made yet become void."
            ),
            "record_payee",
            change_account,
            ChangeAccountForm,
            REFUSALS,
            closed=why_retired,
            is_grave=True,
            is_exception=True,
        ),
        Verb(
            "retire",
            gettext_lazy("Retire"),
            gettext_lazy("Nobody is paid there any more. What was paid stays."),
            "record_payee",
            retire,
            refusals=REFUSALS,
            closed=why_retired,
            is_exception=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payee]:
        return Payee.objects.select_related(
            "account__given_by", "account__confirmed_by", "recorded_by", "retired_by"
        )

    change_list_template = "admin/donations/payee/change_list.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may = request.user.has_perm("donations.unseal_payee")
        keys = SealingKey.objects.in_use()
        stale = PayeeAccount.objects.sealed_otherwise(keys).count() if may else 0
        return super().changelist_view(request, {"stale": stale} | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        sealed = path(
            "account/<int:pk>/",
            self.admin_site.admin_view(self.sealed_view),
            name="donations_payee_sealed",
        )
        view = self.admin_site.admin_view
        return [
            sealed,
            path("reseal/", view(self.reseal_view), name="donations_payee_reseal"),
            path("reseal/bundle/", view(self.bundle_view), name="donations_payee_reseal_bundle"),
            *super().get_urls(),
        ]

    def reseal_view(self, request: HttpRequest) -> HttpResponse:
        """What is to be sealed anew leaves and comes back here, when a treasurer came or went."""
        require(request, "donations.unseal_payee")
        return recent_login_required(self._reseal)(request)

    def _reseal(self, request: HttpRequest) -> HttpResponse:
        user = require(request, "donations.unseal_payee")
        form = ResealForm(*sent(request))
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                count = payees.take_back(file.read(), by=user, at=timezone.now())
            except payees.PayeeError as refusal:
                form.add_error("file", str(refusal))
            else:
                said = ngettext(
                    "%(count)d account is sealed anew.",
                    "%(count)d accounts are sealed anew.",
                    count,
                )
                messages.success(request, said % {"count": count})
                return HttpResponseRedirect(reverse("admin:donations_payee_changelist"))
        return page(
            self,
            request,
            "admin/donations/payee/reseal.html",
            title=_("Seal the accounts anew"),
            form=form,
            fieldsets=fieldset(form),
            keys=SealingKey.objects.in_use().select_related("user"),
            stale=PayeeAccount.objects.sealed_otherwise(SealingKey.objects.in_use()).count(),
        )

    def bundle_view(self, request: HttpRequest) -> HttpResponse:
        require(request, "donations.unseal_payee")
        # The proof comes by POST to this address; the file itself is only read.
        return recent_login_required(require_safe(self._bundle), saves=True)(request)

    def _bundle(self, request: HttpRequest) -> HttpResponse:
        try:
            content = payees.bundle()
        except payees.NoKeys as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:donations_payee_reseal"))
        return HttpResponse(
            content,
            content_type="application/json",
            headers={
                "Content-Disposition": 'attachment; filename="accounts.json"',
                "X-Content-Type-Options": "nosniff",
            },
        )

    def sealed_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The sealed file of an account, for a treasurer to open on their own computer."""
        require(request, "donations.unseal_payee")
        return recent_login_required(require_safe(self._sealed), saves=True)(request, pk)

    def _sealed(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = PayeeAccount.objects.select_related("payee").filter(pk=pk).exclude(sealed=b"").first()
        if row is None:
            raise Http404
        self.log_change(request, row.payee, "Sealed account downloaded")
        return HttpResponse(
            bytes(row.sealed),
            content_type="application/octet-stream",
            headers=INERT
            | {"Content-Disposition": f'attachment; filename="{row.payee.number}.age"'},
        )

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        account = row.account
        to = account.sealed_to.select_related("user") if account else SealingKey.objects.none()
        return {
            "payee": row,
            "account": account,
            "code": short(account.code) if account else "",
            "sealed_to": [key.user for key in to],
            "may_unseal": request.user.has_perm("donations.unseal_payee"),
            "earlier": row.accounts.exclude(pk=row.account_id).select_related(
                "given_by", "confirmed_by"
            ),
            "twins": account.twins() if account else (),
            "costs": row.costs.order_by("-pk")[:50],
        }

    @admin.display(description=gettext_lazy("account holder"))
    def holder(self, row: Payee) -> str:
        return row.account.name if row.account else "–"

    @admin.display(description=gettext_lazy("account"))
    def ends_with(self, row: Payee) -> str:
        return f"{row.account.get_scheme_display()} {row.account.tail}" if row.account else "–"

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: Payee) -> SafeString:
        if row.retired_at:
            return format_html('<span class="tag tag--bad">{}</span>', _("retired"))
        if row.is_payable:
            return format_html('<span class="tag tag--good">{}</span>', _("may be paid"))
        missing = _("to confirm") if row.account else _("no account recorded")
        return format_html('<span class="tag tag--warning">{}</span>', missing)

    def said(self, row: Payee) -> str:
        return _("Recorded and sealed: another person confirms the account.")
