"""Ways to give in the office: how each is doing this hour, and the two buttons that shut it and open it again."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.lists import CurrencyFilter
from defensefund.office import ReadOnlyAdmin, fieldset, page, require, sent
from defensefund.verbs import Verb, VerbAdmin, VerbForm

from .. import currencies, pausing
from ..attempts import BUDGETS, asked, proved
from ..giving_health import health
from ..models import PaymentPause, Pledge


class ReasonForm(VerbForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Stays on record with your name. Supporters do not see it."),
        error_messages={"required": gettext_lazy("Say why.")},
    )


def reopen(pause: PaymentPause, data: dict[str, Any], by: User, at: datetime) -> str:
    pausing.reopen(pause, reason=data["reason"], by=by, at=at)
    return _("%(way)s: open again.") % {"way": pause}


def why_not_reopen(pause: PaymentPause, _by: User) -> str:
    return _("This way to give is open again already.") if pause.reopened_at else ""


@admin.register(PaymentPause)
class PaymentPauseAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = ("way", "paused_at", "paused_by_whom", "why", "reopened_at", "reopened_by")
    list_filter = ("method", CurrencyFilter)
    counted_as = (gettext_lazy("pause"), gettext_lazy("pauses"))
    list_select_related = ("paused_by", "reopened_by")
    fields = ("method",)
    hides_fields = True
    change_list_template = "admin/donations/paymentpause/change_list.html"
    facts_template = "admin/donations/paymentpause/_facts.html"
    verbs = (
        Verb(
            "reopen",
            gettext_lazy("Open again"),
            gettext_lazy(
                "Supporters can give this way again at once. What was declined until now counts no more: it shuts "
                "by itself again only when most of the next cards are declined too."
            ),
            "switch_payment",
            reopen,
            ReasonForm,
            {pausing.NoReason: "reason"},
            is_done=(pausing.AlreadyOpen,),
            closed=why_not_reopen,
        ),
    )

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"pause": row}

    @admin.display(description=gettext_lazy("way to give"))
    def way(self, pause: PaymentPause) -> str:
        return str(pause)

    @admin.display(description=gettext_lazy("paused by"))
    def paused_by_whom(self, pause: PaymentPause) -> str:
        return str(pause.paused_by or _("itself"))

    @admin.display(description=gettext_lazy("reason"))
    def why(self, pause: PaymentPause) -> str:
        return pause.why

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "pause/<str:method>/<str:currency>/",
                self.admin_site.admin_view(self.pause_view),
                name="donations_paymentpause_pause",
            ),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        now = timezone.now()
        budget = BUDGETS[Pledge.Method.CARD]
        rooms = (*asked(Pledge.Method.CARD, budget), *proved(Pledge.Method.CARD, budget))
        ways, tried = health(currencies.offered(), *rooms, at=now)
        extra = {
            "ways": ways,
            "rooms": list(tried.items()),
            "at": now,
            "title": _("Ways to give"),
            "may_switch": request.user.has_perm("donations.switch_payment"),
        }
        return super().changelist_view(request, extra | (extra_context or {}))

    def pause_view(self, request: HttpRequest, method: str, currency: str) -> HttpResponse:
        user = require(request, "donations.switch_payment")
        if method not in PaymentPause.Method or currency not in currencies.offered():
            raise Http404
        way = PaymentPause(method=PaymentPause.Method(method), currency=currency)
        form = ReasonForm(way, *sent(request))
        if form.is_valid() and self._pause(request, form, way, by=user):
            return HttpResponseRedirect(reverse("admin:donations_paymentpause_changelist"))
        return page(
            self,
            request,
            "admin/donations/paymentpause/pause.html",
            title=_("Pause: %(way)s") % {"way": way},
            form=form,
            fieldsets=fieldset(form),
            way=way,
        )

    def _pause(
        self, request: HttpRequest, form: ReasonForm, way: PaymentPause, *, by: User
    ) -> bool:
        try:
            made = pausing.pause(
                method=PaymentPause.Method(way.method),
                currency=way.currency,
                reason=form.cleaned_data["reason"],
                by=by,
                at=timezone.now(),
            )
        except pausing.NoReason as refusal:
            form.add_error("reason", str(refusal))
            return False
        except pausing.AlreadyPaused as refusal:
            messages.info(request, str(refusal))
            return True
        self.log_addition(request, made, str(_("Paused")))
        messages.success(request, _("%(way)s: paused.") % {"way": made})
        return True
