"""What Stripe said, in the office, and what stands in the way of acting on it."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from defensefund.lists import DayFilter
from defensefund.office import ReadOnlyAdmin
from donations import webhooks
from donations.models import StripeEvent

from .stripe_words import breakable


class EventState(SimpleListFilter):
    title = _("state")
    parameter_name = "state"
    WORDS = {
        "waiting": _("waiting"),
        "failing": _("failing, tried again"),
        "refused": _("refused"),
        "done": _("acted on"),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(self.WORDS.items())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "waiting":
                return queryset.filter(processed_at=None, refused_at=None)
            case "failing":
                return queryset.failing()
            case "refused":
                return queryset.refused()
            case "done":
                return queryset.filter(processed_at__isnull=False)
        return queryset


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    """What Stripe said, and what stands in the way of acting on it."""

    list_display = (
        "created_at",
        "event_type",
        "object_id",
        "state",
        "attempts",
        "error",
    )
    list_filter = (DayFilter, EventState)
    day_field = "created_at"
    ordering = ("-created_at", "-pk")
    is_long = True
    search_fields = ("=event_id", "=object_id")
    search_help_text = _("An event (evt_…) or the object it is about (cs_…, pi_…, re_…, po_…).")
    actions = ("try_again",)

    @admin.display(description=_("type"))
    def event_type(self, event: StripeEvent) -> SafeString:
        return breakable(event.type)

    @admin.display(description=_("state"))
    def state(self, event: StripeEvent) -> str:
        if event.processed_at:
            return str(EventState.WORDS["done"])
        if event.refused_at:
            return str(EventState.WORDS["refused"])
        return str(EventState.WORDS["failing" if event.attempts else "waiting"])

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
