"""The ledger to look at: accounts with their balance, entries with why one was reversed. Nothing is changed here."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from defensefund.lists import DayFilter
from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import money
from defensefund.verbs import VerbAdmin

from ..models import Account, Entry
from .asking import ask_stripe_view
from .difference import differences_page
from .report import report_view
from .take_away import PERMISSION, bundle_view, journal_view
from .trail import facts_of, step

# A bank line's name is a hash: its beginning is enough to tell two apart, and the entry's page has all of it.
SHORT = 18


class FrozenFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("open")), ("frozen", _("frozen"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in {"open", "frozen"}:
            return queryset
        return queryset.filter(frozen_at__isnull=self.value() == "open")


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("code", "titled", "kind", "balance", "frozen_at")
    list_filter = ("kind", "place", FrozenFilter)
    list_select_related = Account.SUBJECTS
    search_fields = ("code",)
    fields = (
        "titled", "code", "kind", "place", "currency", "balance", "debits", "credits", "frozen_at",
    )  # fmt: skip
    readonly_fields = ("titled", "balance", "debits", "credits")
    change_list_template = "admin/donations/account/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(report_view)
        own = {"model_admin": self}
        return [
            path("reports/", view, own, name="donations_account_reports"),
            re_path(
                r"^reports/statement\.(?P<form>csv|xlsx|pdf)$",
                view,
                own,
                name="donations_account_report_file",
            ),
            path(
                "differences/",
                self.admin_site.admin_view(partial(differences_page, self)),
                name="donations_account_differences",
            ),
            path(
                "ask-stripe/",
                self.admin_site.admin_view(partial(ask_stripe_view, self)),
                name="donations_account_ask_stripe",
            ),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return Account.objects.with_balance().order_by("code")

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Headed by what the account is for; its code stands among the fields."""
        if account := context["original"]:
            context["subtitle"] = f"{account.title} ({account.currency})"
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("account"))
    def titled(self, account: Account) -> str:
        return account.title

    @admin.display(description=_("balance"))
    def balance(self, account: Any) -> str:
        return money(account.balance, account.currency)

    @admin.display(description=_("debited in all"))
    def debits(self, account: Any) -> str:
        return money(account.total_debit, account.currency)

    @admin.display(description=_("credited in all"))
    def credits(self, account: Any) -> str:
        return money(account.total_credit, account.currency)


@admin.register(Entry)
class EntryAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = ("booked_on", "kind", "debited", "credited", "exact_amount", "short_source")
    list_filter = (DayFilter, "kind")
    list_select_related = Entry.SIDES
    day_field = "booked_on"
    is_long = True
    search_fields = ("=source",)
    search_help_text = _("The whole source, for example stripe:pi_… or bank:account:line.")
    hides_fields = True
    facts_template = "admin/donations/entry/_facts.html"
    change_list_template = "admin/donations/entry/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = {"model_admin": self}
        return [
            path("take-away/", view(bundle_view), own, name="donations_entry_take_away"),
            path("journal.<str:form>", view(journal_view), own, name="donations_entry_journal"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may = request.user.has_perm(PERMISSION)
        return super().changelist_view(request, {**(extra_context or {}), "may_take_away": may})

    @admin.display(description=_("amount"), ordering="amount")
    def exact_amount(self, entry: Entry) -> str:
        return money(entry.amount, entry.currency)

    @admin.display(description=_("debit"))
    def debited(self, entry: Entry) -> str:
        return entry.debit.title

    @admin.display(description=_("credit"))
    def credited(self, entry: Entry) -> str:
        return entry.credit.title

    @admin.display(description=_("source"))
    def short_source(self, entry: Entry) -> SafeString:
        short = Truncator(entry.source).chars(SHORT)
        return format_html('<code title="{}">{}</code>', entry.source, short)

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        mirror = row if row.reverses_id else getattr(row, "reversed_by", None)
        return {
            "entry": row,
            "steps": [step(fact, by=request.user) for fact in facts_of(row)],
            "reversed_by": getattr(row, "reversed_by", None),
            "reversal": getattr(mirror, "reversal", None),
        }
