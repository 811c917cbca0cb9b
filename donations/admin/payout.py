"""Stripe's payouts to look at: which are on their way, which the bank confirmed, which came back, which were never itemised."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import money
from defensefund.verbs import Verb, VerbAdmin, VerbForm

from .. import payouts
from ..models import Payout, StatementMatch
from .stripe_words import movement
from .trail import entries_named, gifts_of

# Of the movements that a payout is the sum of, so many are named; the count of the others is said.
NAMED = 100


class AcceptForm(VerbForm):
    reason = forms.CharField(
        label=_("Why Stripe does not tell its movements"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("As that it was made by hand, by whom and what for. No names of supporters."),
        error_messages={"required": _("Say why Stripe does not tell its movements.")},
    )


def accept(row: Payout, data: dict[str, Any], by: User, at: datetime) -> str:
    payouts.accept(row, reason=data["reason"], by=by, at=at)
    return gettext("Accepted: it is no difference any more, and its page says why.")


def why_not_accept(row: Payout, _by: User) -> str:
    return payouts.why_not_accept(row)


class PayoutFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("way", _("on its way")),
            ("arrived", _("arrived, on a bank line")),
            ("returned", _("came back to Stripe")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "way":
                return queryset.filter(returned_at=None, has_arrived=False)
            case "arrived":
                return queryset.filter(has_arrived=True)
            case "returned":
                return queryset.filter(returned_at__isnull=False)
        return queryset


@admin.register(Payout)
class PayoutAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = ("stripe_payout_id", "exact_amount", "created_at", "arrives_on", "state")
    list_filter = (PayoutFilter,)
    search_fields = ("=stripe_payout_id",)
    fields = (
        "stripe_payout_id", "exact_amount", "created_at", "arrives_on", "state", "returned_at",
    )  # fmt: skip
    readonly_fields = ("exact_amount", "state")
    facts_template = "admin/donations/payout/_facts.html"
    verbs = (
        Verb(
            "accept",
            _("Accept"),
            _(
                "Stripe never says which movements a payout made by hand is the sum of. It is booked all the same; say why "
                "it is so, and it leaves the differences. Its page keeps who said it."
            ),
            "accept_payout",
            accept,
            AcceptForm,
            {payouts.NoReason: "reason", payouts.ExplanationError: ""},
            closed=why_not_accept,
            is_exception=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payout]:
        standing = StatementMatch.objects.standing().filter(payout=OuterRef("pk"))
        return Payout.objects.select_related("accepted_by").annotate(has_arrived=Exists(standing))

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        arrived = row.matches.standing().select_related("line").first()
        left = f"stripe:{row.stripe_payout_id}"
        sources = [left, f"{left}:returned", *row.matches.values_list("source", flat=True)]
        movements = list(row.movements.order_by("created_at", "pk")[:NAMED])
        gifts = gifts_of(movements)
        return {
            "payout": row,
            "arrived": arrived,
            "entries": entries_named(sources),
            "movements": [
                (each, movement(each.type), gifts.get(each.stripe_payment_intent_id))
                for each in movements
            ],
            "more": max(row.movements.count() - NAMED, 0) if len(movements) == NAMED else 0,
        }

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
