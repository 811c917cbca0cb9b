"""Gifts in the office: what was promised, what arrived, what Stripe said and what was written to supporters."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import money
from donations import webhooks
from donations.models import Checkout, Decline, Donation, Letter, Pledge, Refund, StripeEvent
from donations.references import format_reference


class ReadOnlyInline(admin.TabularInline):  # type: ignore[type-arg]
    extra = 0
    can_delete = False
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class CheckoutInline(ReadOnlyInline):
    model = Checkout
    fields = (
        "created_at",
        "stripe_session_id",
        "expires_at",
        "completed_at",
        "failed_at",
        "expired_at",
    )


class DeclineInline(ReadOnlyInline):
    model = Decline
    fields = ("declined_at", "code", "source")


class DonationInline(ReadOnlyInline):
    model = Donation
    fields = ("receipt_number", "received_at", "amount", "fee", "currency", "source")
    readonly_fields = ("receipt_number",)
    show_change_link = True


class LetterInline(ReadOnlyInline):
    model = Letter
    fields = ("kind", "created_at", "sent_at", "attempts", "error")


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = ("refunded_at", "amount", "stripe_refund_id")


@admin.register(Pledge)
class PledgeAdmin(ReadOnlyAdmin):
    """The way of one gift on one page: promise, payment pages, money, letters."""

    list_display = ("created_at", "fund", "method", "written", "transfer_reference", "cancelled_at")
    list_filter = ("method", "frequency")
    list_select_related = ("fund",)
    list_per_page = 25
    show_full_result_count = False
    search_fields = ("=reference", "=uuid")
    search_help_text = _("A transfer reference, without spaces, or a gift's identifier.")
    fields = (
        "uuid",
        "created_at",
        "appeal",
        "fund",
        "method",
        "frequency",
        "written",
        "transfer_reference",
        "language",
        "cancelled_at",
    )
    readonly_fields = ("written", "transfer_reference")
    inlines = (CheckoutInline, DeclineInline, DonationInline, LetterInline)

    @admin.display(description=_("amount"), ordering="amount")
    def written(self, pledge: Pledge) -> str:
        return money(pledge.amount, pledge.currency)

    @admin.display(description=_("transfer reference"))
    def transfer_reference(self, pledge: Pledge) -> str:
        return format_reference(pledge.reference) if pledge.reference else "–"


@admin.register(Donation)
class DonationAdmin(ReadOnlyAdmin):
    list_display = ("receipt_number", "received_at", "fund", "method", "written", "fee_written")
    list_filter = ("method",)
    list_select_related = ("fund",)
    list_per_page = 25
    show_full_result_count = False
    search_fields = ("=stripe_payment_intent_id", "=source")
    search_help_text = _("A Stripe payment (pi_…) or a source as the ledger names it.")
    fields = (
        "receipt_number",
        "pledge",
        "fund",
        "method",
        "written",
        "fee_written",
        "received_at",
        "source",
    )
    readonly_fields = ("receipt_number", "written", "fee_written")
    inlines = (RefundInline, LetterInline)

    @admin.display(description=_("amount"), ordering="amount")
    def written(self, donation: Donation) -> str:
        return money(donation.amount, donation.currency)

    @admin.display(description=_("fee"))
    def fee_written(self, donation: Donation) -> str:
        return "–" if donation.fee is None else money(donation.fee, donation.currency)


class EventState(SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("waiting", _("waiting")),
            ("failing", _("failing, tried again")),
            ("refused", _("refused")),
            ("done", _("acted on")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "waiting":
                return queryset.filter(processed_at=None, refused_at=None)
            case "failing":
                return queryset.filter(processed_at=None, refused_at=None, attempts__gt=0)
            case "refused":
                return queryset.filter(refused_at__isnull=False)
            case "done":
                return queryset.filter(processed_at__isnull=False)
        return queryset


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    """What Stripe said, and what stands in the way of acting on it."""

    list_display = (
        "created_at",
        "type",
        "object_id",
        "processed_at",
        "refused_at",
        "attempts",
        "error",
    )
    list_filter = (EventState,)
    list_per_page = 25
    show_full_result_count = False
    search_fields = ("=event_id", "=object_id")
    search_help_text = _("An event (evt_…) or the object it is about (cs_…, pi_…, re_…, po_…).")
    actions = ("try_again",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("donations.retry_stripeevent")

    @admin.action(description=_("Try the selected events again now"), permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[StripeEvent]) -> None:
        retried = 0
        for event in queryset:
            try:
                webhooks.retry(event, at=timezone.now())
            except ValidationError as error:
                self.message_user(request, f"{event}: {error.messages[0]}", level="warning")
            else:
                retried += 1
        message = ngettext(
            "%(count)d event is tried again within a minute.",
            "%(count)d events are tried again within a minute.",
            retried,
        )
        self.message_user(request, message % {"count": retried})


@admin.register(Letter)
class LetterAdmin(ReadOnlyAdmin):
    """What was written to supporters; neither address nor text is kept here."""

    list_display = ("created_at", "kind", "pledge", "sent_at", "attempts", "error")
    list_filter = ("kind",)
    list_select_related = ("pledge",)
    list_per_page = 25
    show_full_result_count = False
    fields = ("kind", "pledge", "donation", "created_at", "sent_at", "attempts", "error", "due_at")
