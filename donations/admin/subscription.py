"""Monthly gifts in the office: how each stands at Stripe, its months, and what its supporter asked for."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from defensefund.office import ReadOnlyAdmin, RowsInline
from defensefund.templatetags.formats import money
from donations.models import MonthlyCharge, Subscription, SubscriptionChange


class MonthlyChargeInline(RowsInline):
    model = MonthlyCharge
    fields = ("due_on", "amount", "state", "next_try_at", "stripe_invoice_id")


class SubscriptionChangeInline(RowsInline):
    model = SubscriptionChange
    fields = ("asked_at", "kind", "amount", "fee_cover", "next_charge_at", "done_at", "dropped_at")


class Standing(SimpleListFilter):
    title = _("standing")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("behind", _("a charge did not go through")),
            ("paused", _("paused")),
            ("live", _("running")),
            ("ended", _("ended")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "behind":
                return queryset.filter(ended_at=None, status__in=Subscription.BEHIND)
            case "paused":
                return queryset.filter(ended_at=None, paused_at__isnull=False)
            case "live":
                return queryset.filter(ended_at=None, paused_at=None)
            case "ended":
                return queryset.filter(ended_at__isnull=False)
        return queryset


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    """Only its supporter changes it, from the private link; here treasurers see where it stands."""

    list_display = ("created_at", "written", "status", "next_charge_at", "paused_at", "ended_at")
    list_filter = (Standing,)
    search_fields = ("=stripe_subscription_id", "=pledge__uuid")
    search_help_text = _("A Stripe subscription (sub_…) or a gift's identifier.")
    fields = (
        "stripe_subscription_id",
        "pledge",
        "status",
        "written",
        "next_charge_at",
        "paused_at",
        "ended_at",
        "is_reminder_wanted",
        "created_at",
        "read_at",
    )
    readonly_fields = ("written",)
    inlines = (MonthlyChargeInline, SubscriptionChangeInline)

    @admin.display(description=_("each month"), ordering="amount")
    def written(self, subscription: Subscription) -> str:
        return money(subscription.total, subscription.currency)
