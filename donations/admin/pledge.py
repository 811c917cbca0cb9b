"""Gifts in the office, as they were announced: the promise, the payment pages, what arrived and what was written."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from appeals.models.language import language_name
from defensefund.lists import DayFilter
from defensefund.office import ReadOnlyAdmin, RowsInline
from defensefund.templatetags.formats import day, moment, money
from defensefund.verbs import VerbAdmin
from donations.currencies import quantize
from donations.gift_story import story_of
from donations.models import CardCharge, Checkout, Decline, Donation, Instalment, Pledge
from donations.references import format_reference
from donations.schedule import Covered, State, schedule_of

from .letter import LetterInline
from .letter_verbs import READDRESS, TAKE_NAME_OFF

# In the words of the promise's private page.
PART_STATES = {
    State.PAID: _("paid"),
    State.LATE: _("not here yet"),
    State.DUE: _("due today"),
    State.COMING: _("to come"),
}


class CheckoutInline(RowsInline):
    model = Checkout
    fields = (
        "created_at",
        "stripe_session_id",
        "expires_at",
        "completed_at",
        "failed_at",
        "expired_at",
    )


class DeclineInline(RowsInline):
    model = Decline
    fields = ("declined_at", "code", "source")


def when_received(donation: Donation) -> SafeString:
    """As exactly as it is known."""
    say = day if donation.is_known_by_day else moment
    return say(donation.received_at)


class DonationInline(RowsInline):
    model = Donation
    fields = ("received", "receipt_number", "written", "fee_written", "source")
    readonly_fields = ("received", "receipt_number", "written", "fee_written")
    show_change_link = True

    @admin.display(description=_("received at"))
    def received(self, gift: Donation) -> SafeString:
        return when_received(gift)

    @admin.display(description=_("receipt"))
    def receipt_number(self, gift: Donation) -> str:
        return gift.receipt_number

    @admin.display(description=_("amount"))
    def written(self, gift: Donation) -> str:
        return money(gift.amount, gift.currency)

    @admin.display(description=_("fee"))
    def fee_written(self, gift: Donation) -> str:
        return "–" if gift.fee is None else money(gift.fee, gift.currency)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Donation]:
        return super().get_queryset(request).select_related("receipt")


class InstalmentInline(RowsInline):
    model = Instalment
    fields = ("due_on", "written", "state")
    readonly_fields = ("written", "state")
    covered: dict[date, Covered] | None = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Instalment]:
        return super().get_queryset(request).select_related("pledge")

    @admin.display(description=_("amount"))
    def written(self, row: Instalment) -> str:
        return money(row.amount, row.pledge.currency)

    @admin.display(description=_("state"))
    def state(self, row: Instalment) -> str:
        """As its supporter reads it; computed once for all parts of the promise."""
        if self.covered is None:
            parts = schedule_of(row.pledge, at=timezone.now()).parts
            self.covered = {part.due_on: part for part in parts}
        part = self.covered[row.due_on]
        if part.state != State.PAID and row.pledge.cancelled_at:
            said = gettext("called off")
        elif part.state != State.PAID and row.pledge.paused_at:
            said = gettext("paused")
        else:
            said = str(PART_STATES[part.state])
        if part.paid and part.open:
            missing = gettext("%(amount)s missing")
            said += ", " + missing % {"amount": money(part.open, row.pledge.currency)}
        return said


class CardChargeInline(RowsInline):
    model = CardCharge
    fields = ("asked_at", "succeeded_at", "declined_at", "code")


class GiftState(SimpleListFilter):
    """How far a gift has come, as far as columns tell; its page says it to the day."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("awaited", _("nothing arrived yet")),
            ("arrived", _("arrived, in part at least")),
            ("paused", _("paused")),
            ("cancelled", _("called off")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        arrived = Exists(Donation.objects.standing().filter(pledge=OuterRef("pk")))
        match self.value():
            case "awaited":
                return queryset.filter(~arrived, cancelled_at=None, paused_at=None)
            case "arrived":
                return queryset.filter(arrived)
            case "paused":
                return queryset.filter(paused_at__isnull=False, cancelled_at=None)
            case "cancelled":
                return queryset.filter(cancelled_at__isnull=False)
        return queryset


@admin.register(Pledge)
class PledgeAdmin(VerbAdmin, ReadOnlyAdmin):
    """The way of one gift on one page: promise, payment pages, money, letters. Nobody here reads the address."""

    verbs = (READDRESS, TAKE_NAME_OFF)
    facts_template = "admin/donations/pledge/_facts.html"

    list_display = ("created_at", "fund", "method", "written", "transfer_reference", "cancelled_at")
    list_filter = (DayFilter, GiftState, "method", "frequency")
    day_field = "created_at"
    ordering = ("-created_at", "-pk")
    list_select_related = ("fund",)
    is_long = True
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
        "condition",
        "language_named",
        "paused_at",
        "cancelled_at",
        "reminders_stopped_at",
        "visibility",
        "supporter",
        "has_address",
        "erased_at",
    )
    readonly_fields = ("written", "transfer_reference", "language_named", "has_address")
    inlines = (
        InstalmentInline,
        CheckoutInline,
        CardChargeInline,
        DeclineInline,
        DonationInline,
        LetterInline,
    )

    def facts(self, request: HttpRequest, row: Pledge) -> dict[str, Any]:
        facts: dict[str, Any] = {"story": story_of(row)}
        if row.erased_at and row.method == Pledge.Method.TRANSFER:
            # As the search of bank lines reads it.
            facts["lines_of"] = f"{quantize(row.amount, row.currency):f} {row.currency}"
        return facts

    @admin.display(description=_("amount"), ordering="amount")
    def written(self, pledge: Pledge) -> str:
        return money(pledge.amount, pledge.currency)

    @admin.display(description=_("language"))
    def language_named(self, pledge: Pledge) -> str:
        return language_name(pledge.language)

    @admin.display(description=_("has an address"), boolean=True)
    def has_address(self, pledge: Pledge) -> bool:
        return pledge.supporter_id is not None

    @admin.display(description=_("transfer reference"))
    def transfer_reference(self, pledge: Pledge) -> str:
        return format_reference(pledge.reference) if pledge.reference else "–"
