"""Donations in the office: what arrived, what went back of it or was taken back, and the button that sends it back."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import DecimalField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.lists import DayFilter
from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import money
from defensefund.verbs import Verb, VerbAdmin

from .. import refunds
from ..models import Dispute, Donation, FraudWarning, Refund, RefundRequest
from ..models.receipt import bare_serial
from .letter import LetterInline
from .letter_verbs import RESEND
from .pledge import when_received
from .refund_forms import RefundForm
from .stripe_words import dispute_reason, failure, fraud, refusal
from .trail import entries_of_gift


def ask_refund(donation: Donation, data: dict[str, Any], by: User, at: datetime) -> str:
    request = refunds.request(donation=donation, by=by, at=at, **data)
    if request.needs_two:
        return _("Asked for: another person approves it.")
    return _("Stripe is asked to send it back; this page shows when it has.")


def why_no_refund(donation: Any, _by: User) -> str:
    if donation.reversed_at:
        return _("This was found to be no gift: there is nothing to send back.")
    if donation.refundable() <= 0:
        return _("Nothing is left to send back: it went back, was asked back, or is in a dispute.")
    return ""


def _why_not_done(request: RefundRequest) -> str:
    """Why Stripe or the supporter's bank did not take it; "" when they did."""
    came_back = request.refund.failure_reason if request.refund else ""
    return refusal(request.error) or failure(came_back)


class BackFilter(admin.SimpleListFilter):
    title = gettext_lazy("money back")
    parameter_name = "back"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("refunded", gettext_lazy("refunded")),
            ("disputed", gettext_lazy("disputed")),
            ("warned", gettext_lazy("warned of as fraud")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "refunded":
                return queryset.filter(pk__in=Refund.objects.standing().values("donation"))
            case "disputed":
                return queryset.filter(pk__in=Dispute.objects.values("donation"))
            case "warned":
                return queryset.filter(pk__in=FraudWarning.objects.values("donation"))
        return queryset


@admin.register(Donation)
class DonationAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = (
        "received", "receipt_number", "fund", "method", "written", "fee_written", "back_written",
    )  # fmt: skip
    list_filter = (DayFilter, "method", BackFilter)
    day_field = "received_at"
    ordering = ("-received_at", "-pk")
    is_long = True
    search_fields = (
        "=receipt__serial", "=pledge__reference", "=stripe_payment_intent_id", "=source",
    )  # fmt: skip
    search_help_text = gettext_lazy(
        "A receipt's number, a transfer reference, a Stripe payment (pi_…) or a source as the ledger names it."
    )
    fields = ("receipt_number", "pledge", "fund", "method", "received", "source")
    readonly_fields = ("receipt_number", "received")
    inlines = (LetterInline,)
    facts_template = "admin/donations/donation/_facts.html"
    verbs = (
        Verb(
            "refund",
            gettext_lazy("Send money back"),
            gettext_lazy(
                "What came by card goes back to that card; Stripe keeps its fee. All else is paid by "
                "bank transfer, and proved by the bank's line."
            ),
            "request_refundrequest",
            ask_refund,
            RefundForm,
            {
                refunds.WrongAmount: "amount",
                refunds.WrongAccount: "bank_account",
                refunds.WrongPayee: "payee_name",
                refunds.RefundError: "",
            },
            is_done=(refunds.AlreadyDone,),
            closed=why_no_refund,
            is_grave=True,
            is_exception=True,
        ),
        RESEND,
    )

    @admin.display(description=gettext_lazy("receipt"))
    def receipt_number(self, gift: Donation) -> str:
        return gift.receipt_number

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A receipt's number only where one was issued."""
        fields = super().get_fields(request, obj)
        return [name for name in fields if name != "receipt_number" or getattr(obj, name)]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Donation]:
        back = Refund.objects.standing().filter(donation=OuterRef("pk")).order_by()
        total = back.values("donation").annotate(total=Sum("amount")).values("total")
        return Donation.objects.select_related("fund", "receipt").annotate(
            back=Coalesce(Subquery(total), 0, output_field=DecimalField())
        )

    def _values(self, path: str, term: str) -> list[Any]:
        return super()._values(path, bare_serial(term))

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        requests = row.refund_requests.select_related("refund", "requested_by")
        return {
            "donation": row,
            "left": row.refundable(),
            "requests": [(each, each.state(), _why_not_done(each)) for each in requests],
            # Those that nobody asked for here.
            "refunds": [
                (each, failure(each.failure_reason)) for each in row.refunds.filter(request=None)
            ],
            "disputes": [(each, dispute_reason(each.reason)) for each in row.disputes.with_money()],
            "entries": entries_of_gift(row),
            "warnings": [(each, fraud(each.fraud_type)) for each in row.fraud_warnings.all()],
        }

    @admin.display(description=gettext_lazy("received at"), ordering="received_at")
    def received(self, donation: Donation) -> SafeString:
        return when_received(donation)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def written(self, donation: Donation) -> str:
        return money(donation.amount, donation.currency)

    @admin.display(description=gettext_lazy("fee"))
    def fee_written(self, donation: Donation) -> str:
        return "–" if donation.fee is None else money(donation.fee, donation.currency)

    @admin.display(description=gettext_lazy("sent back"), ordering="back")
    def back_written(self, donation: Any) -> str:
        if donation.reversed_at:
            return format_html('<span class="tag tag--bad">{}</span>', _("no gift after all"))
        return money(donation.back, donation.currency) if donation.back else "–"
