"""What moved on Stripe's balance, to look at: each movement, and whether it is in the books."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from defensefund.lists import CurrencyFilter, DayFilter, FixedFilter
from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import money
from defensefund.verbs import VerbAdmin

from ..models import BalanceTransaction, Entry, MovementExplanation
from .movement import EXPLAIN, why_wait
from .stripe_words import MOVEMENTS, breakable, movement
from .trail import entries_named, gifts_of, step


def in_books() -> Q:
    """Entries name a movement; a payment's own name is the payment's, a payout's the payout's."""
    names = [
        Concat(Value("stripe:"), OuterRef("stripe_id")),
        Concat(Value("stripe:"), OuterRef("stripe_id"), Value(":fee")),
        Concat(Value("stripe:"), OuterRef("stripe_payment_intent_id")),
        Concat(Value("stripe:"), OuterRef("source_id")),
    ]
    standing = MovementExplanation.objects.standing().filter(movement=OuterRef("pk"))
    booked = Entry.objects.filter(source__in=names, reversed_by=None)
    return Q(Exists(booked)) | Q(Exists(standing))


class BooksFilter(admin.SimpleListFilter):
    title = _("in the books")
    parameter_name = "books"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("not placed yet")), ("yes", _("yes"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() in {"yes", "no"}:
            return queryset.filter(is_booked=self.value() == "yes")
        return queryset


class TypeFilter(FixedFilter):
    """By Stripe's types."""

    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        types = (*BalanceTransaction.OF_PAYMENTS, "adjustment", "payout", "payout_failure")
        return [(each, movement(each)) for each in types]


@admin.register(BalanceTransaction)
class BalanceTransactionAdmin(VerbAdmin, ReadOnlyAdmin):
    verbs = (EXPLAIN,)
    facts_template = "admin/donations/balancetransaction/_facts.html"
    list_display = (
        "created_at", "movement_type", "amount_written", "fee_written", "net_written", "booked", "stripe_id",
    )  # fmt: skip
    list_filter = (DayFilter, BooksFilter, TypeFilter, CurrencyFilter)
    day_field = "created_at"
    is_long = True
    search_fields = ("=stripe_id", "=source_id", "=stripe_payment_intent_id")
    search_help_text = _("A movement (txn_…), what moved (ch_…, re_…, du_…) or a payment (pi_…).")
    fields = (
        "stripe_id", "created_at", "type", "category", "amount_written", "fee_written",
        "net_written", "source_id", "stripe_payment_intent_id", "booked",
    )  # fmt: skip
    readonly_fields = ("amount_written", "fee_written", "net_written", "booked")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BalanceTransaction]:
        return BalanceTransaction.objects.annotate(is_booked=in_books())

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        may_look = request.user.has_perm("donations.view_movementexplanation")
        explanations = row.explanations.select_related("fund") if may_look else ()
        gift = gifts_of([row]).get(row.stripe_payment_intent_id)
        return {
            "movement": row,
            "explanations": explanations,
            "why_wait": why_wait(row) if row.is_unexplained() else "",
            "steps": [step(each, by=request.user) for each in (gift, row.payout) if each],
            "entries": entries_named([*row.sources, gift.source if gift else None]),
        }

    @admin.display(description=_("type"))
    def movement_type(self, row: BalanceTransaction) -> SafeString | str:
        return movement(row.type) if row.type in MOVEMENTS else breakable(row.type)

    @admin.display(description=_("amount"), ordering="amount")
    def amount_written(self, row: BalanceTransaction) -> str:
        return money(row.amount, row.currency)

    @admin.display(description=_("fee"), ordering="fee")
    def fee_written(self, row: BalanceTransaction) -> str:
        return money(row.fee, row.currency)

    @admin.display(description=_("net"))
    def net_written(self, row: BalanceTransaction) -> str:
        return money(row.net, row.currency)

    @admin.display(description=_("in the books"), boolean=True)
    def booked(self, row: Any) -> bool:
        return bool(row.is_booked)
