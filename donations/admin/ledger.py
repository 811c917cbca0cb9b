"""The ledger to look at: accounts with their balance, entries with why one was reversed. Nothing is changed here."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path
from django.utils.translation import gettext_lazy as _

from defensefund.lists import DayFilter
from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import money

from ..models import Account, Entry
from .difference import differences_page
from .report import report_view
from .take_away import PERMISSION, bundle_view, journal_view


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("code", "kind", "place", "balance", "frozen_at")
    list_filter = ("kind", "place", ("frozen_at", admin.EmptyFieldListFilter))
    search_fields = ("code",)
    fields = ("code", "kind", "place", "currency", "balance", "debits", "credits", "frozen_at")
    readonly_fields = ("balance", "debits", "credits")
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
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return Account.objects.with_balance().order_by("code")

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
class EntryAdmin(ReadOnlyAdmin):
    list_display = ("booked_on", "kind", "debit", "credit", "exact_amount", "source")
    list_filter = (DayFilter, "kind")
    list_select_related = ("debit", "credit")
    day_field = "booked_on"
    is_long = True
    search_fields = ("=source",)
    search_help_text = _("The whole source, for example stripe:pi_… or bank:account:line.")
    fields = (
        "booked_on",
        "happened_on",
        "kind",
        "debit",
        "credit",
        "exact_amount",
        "source",
        "posted_at",
        "reverses",
        "reversed_by_entry",
        "reason",
    )
    readonly_fields = ("exact_amount", "reversed_by_entry", "reason")
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

    @admin.display(description=_("reversed by"))
    def reversed_by_entry(self, entry: Entry) -> str:
        return entry.reversed_by.source if hasattr(entry, "reversed_by") else "–"

    @admin.display(description=_("reason of the reversal"))
    def reason(self, entry: Entry) -> str:
        mirror = entry if entry.reverses_id else getattr(entry, "reversed_by", None)
        if mirror is None or not hasattr(mirror, "reversal"):
            return "–"
        return f"{mirror.reversal.reason} ({mirror.reversal.by})"
