"""Letters to supporters in the office: what was sent, and when; neither address nor text."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from defensefund.office import ReadOnlyAdmin, RowsInline
from defensefund.verbs import VerbAdmin
from donations.models import Letter

from .letter_verbs import NOTE_BOUNCE


class LetterInline(RowsInline):
    model = Letter
    fields = ("kind", "created_at", "sent_at", "bounced_at", "attempts", "error")
    show_change_link = True


class LetterState(SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("waiting", _("waiting")),
            ("failing", _("refused, tried again")),
            ("bounced", _("came back")),
            ("sent", _("sent")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "waiting":
                return queryset.filter(sent_at=None, bounced_at=None)
            case "failing":
                return queryset.failing()
            case "bounced":
                return queryset.filter(bounced_at__isnull=False)
            case "sent":
                return queryset.filter(sent_at__isnull=False, bounced_at=None)
        return queryset


@admin.register(Letter)
class LetterAdmin(VerbAdmin, ReadOnlyAdmin):
    """What was written to supporters; neither address nor text is kept here."""

    verbs = (NOTE_BOUNCE,)
    facts_template = "admin/donations/letter/_facts.html"
    list_display = ("created_at", "kind", "pledge", "sent_at", "bounced_at", "attempts", "error")
    list_filter = (LetterState, "kind")
    list_select_related = ("pledge",)
    is_long = True
    search_fields = ("=pk",)
    search_help_text = _("The number in a returned letter's Message-ID: letter-(number)@….")
    fields = (
        "kind",
        "pledge",
        "donation",
        "created_at",
        "sent_at",
        "bounced_at",
        "attempts",
        "error",
        "due_at",
    )
