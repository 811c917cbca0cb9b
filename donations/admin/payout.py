"""Stripe's payouts to look at: which are on their way, which the bank confirmed, which came back."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import money

from ..models import Payout, StatementMatch


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    list_display = ("stripe_payout_id", "exact_amount", "created_at", "arrives_on", "state")
    list_filter = (("returned_at", admin.EmptyFieldListFilter),)
    search_fields = ("=stripe_payout_id",)
    fields = (
        "stripe_payout_id", "exact_amount", "created_at", "arrives_on", "state", "returned_at",
    )  # fmt: skip
    readonly_fields = ("exact_amount", "state")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payout]:
        standing = StatementMatch.objects.standing().filter(payout=OuterRef("pk"))
        return Payout.objects.annotate(has_arrived=Exists(standing))

    @admin.display(description=_("amount"), ordering="amount")
    def exact_amount(self, payout: Payout) -> str:
        return money(payout.amount, payout.currency)

    @admin.display(description=_("state"))
    def state(self, payout: Any) -> str:
        if payout.returned_at:
            return str(_("came back to Stripe"))
        if payout.has_arrived:
            return str(_("arrived, on a bank line"))
        return str(_("on its way"))
