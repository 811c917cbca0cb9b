"""Monthly gifts in the office: how each stands at Stripe, its months, and what its supporter asked for."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from defensefund.office import ReadOnlyAdmin, RowsInline
from defensefund.templatetags.formats import money
from donations.models import MonthlyCharge, Subscription, SubscriptionChange


class MonthlyChargeInline(RowsInline):
    model = MonthlyCharge
    fields = ("due_on", "written", "state", "next_try_at", "stripe_invoice_id")
    readonly_fields = ("written",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MonthlyCharge]:
        return super().get_queryset(request).select_related("subscription")

    @admin.display(description=_("amount"))
    def written(self, charge: MonthlyCharge) -> str:
        return money(charge.amount, charge.subscription.currency)


class SubscriptionChangeInline(RowsInline):
    model = SubscriptionChange
    fields = (
        "asked_at",
        "kind",
        "written",
        "fee_written",
        "next_charge_at",
        "done_at",
        "dropped_at",
    )
    readonly_fields = ("written", "fee_written")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SubscriptionChange]:
        return super().get_queryset(request).select_related("subscription")

    @admin.display(description=_("amount"))
    def written(self, change: SubscriptionChange) -> str:
        return self._money(change, change.amount)

    @admin.display(description=_("share of the card fees"))
    def fee_written(self, change: SubscriptionChange) -> str:
        return self._money(change, change.fee_cover)

    def _money(self, change: SubscriptionChange, amount: Decimal | None) -> str:
        return "–" if amount is None else money(amount, change.subscription.currency)


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

    list_display = ("created_at", "written", "standing", "next_charge_at", "paused_at", "ended_at")
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

    @admin.display(description=_("standing"))
    def standing(self, subscription: Subscription) -> str:
        if subscription.ended_at:
            return gettext("ended")
        if subscription.is_behind:
            return gettext("a charge did not go through")
        return gettext("paused") if subscription.paused_at else gettext("running")

    @admin.display(description=_("each month"), ordering="amount")
    def written(self, subscription: Subscription) -> str:
        return money(subscription.total, subscription.currency)
