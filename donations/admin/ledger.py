"""The ledger to look at: accounts with their balance, entries with why one was reversed. Nothing is changed here."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from defensefund.lists import DayFilter
from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import money

from ..models import Account, Entry


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("code", "kind", "place", "balance", "frozen_at")
    list_filter = ("kind", "place", ("frozen_at", admin.EmptyFieldListFilter))
    search_fields = ("code",)
    fields = ("code", "kind", "place", "currency", "balance", "debits", "credits", "frozen_at")
    readonly_fields = ("balance", "debits", "credits")

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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        entries: QuerySet[Entry] = super().get_queryset(request)
        return entries.select_related(
            "debit", "credit", "reversal__by", "reversed_by__reversal__by"
        )

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
