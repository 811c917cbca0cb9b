"""The page that lets whoever tries the fund out play bank and Stripe."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from defensefund.network import is_on_this_machine
from donations.stripe_facts import from_minor_units

from . import acts, events
from .errors import SandboxError
from .forms import ActForm
from .models import SandboxObject
from .objects import Json

ROWS = 20


def for_insiders(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Only for a browser on this very machine, or for who has entered the office: no stranger plays bank."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_on_this_machine(request) or admin.site.has_permission(request):
            return view(request, *args, **kwargs)
        return redirect_to_login(reverse("sandbox:control"), reverse("admin:login"))

    return guarded


@dataclass(frozen=True)
class Visit:
    """One payment page: `state` is open, over, expired, waiting (for the bank), refused, paid or refunded."""

    id: str
    opened_at: datetime
    amount: Decimal
    currency: str
    state: str
    payment_intent: str
    returned: Decimal


@never_cache
@for_insiders
@require_safe
def control(request: HttpRequest) -> HttpResponse:
    """What the stand-in holds, the newest first, each with what can be done to it."""
    all_sessions = SandboxObject.objects.sessions().newest_first()
    all_events = SandboxObject.objects.events().newest_first().prefetch_related("deliveries")
    sessions = Paginator(all_sessions, ROWS).get_page(request.GET.get("sessions"))
    context = {
        "sessions": sessions,
        "rows": _visits(list(sessions), at=timezone.now()),
        "events": Paginator(all_events, ROWS).get_page(request.GET.get("events")),
        "balances": _balances(),
    }
    return render(request, "sandbox/control.html", context)


def _visits(sessions: list[SandboxObject], *, at: datetime) -> list[Visit]:
    payments = [row.data["payment_intent"] for row in sessions if row.data["payment_intent"]]
    intents = SandboxObject.objects.in_bulk(payments)
    charges = SandboxObject.objects.in_bulk([i.data["latest_charge"] for i in intents.values()])
    visits = []
    for row in sessions:
        currency, payment = row.data["currency"].upper(), row.data["payment_intent"] or ""
        charge = charges[intents[payment].data["latest_charge"]].data if payment else {}
        visits.append(
            Visit(
                id=row.id,
                opened_at=row.created_at,
                amount=from_minor_units(row.data["amount_total"], currency),
                currency=currency,
                state=_state(row.data, charge, at=at),
                payment_intent=payment,
                returned=from_minor_units(charge.get("amount_refunded", 0), currency),
            )
        )
    return visits


def _state(session: Json, charge: Json, *, at: datetime) -> str:
    if session["status"] == "open":
        return "over" if acts.is_over(session, at=at) else "open"
    if session["status"] == "expired":
        return "expired"
    if charge["refunded"]:
        return "refunded"
    return {"pending": "waiting", "failed": "refused", "succeeded": "paid"}[charge["status"]]


def _balances() -> list[tuple[str, Decimal]]:
    """What waits for a payout, by currency: ("EUR", Decimal)."""
    sums: dict[str, int] = {}
    for data in SandboxObject.objects.not_paid_out().values_list("data", flat=True):
        sums[data["currency"]] = sums.get(data["currency"], 0) + data["net"]
    return [(code.upper(), from_minor_units(net, code)) for code, net in sorted(sums.items())]


@never_cache
@for_insiders
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Does what one button of the control page says."""
    form = ActForm(request.POST)
    if not form.is_valid():
        raise Http404
    try:
        _do(form.cleaned_data["act"], form.cleaned_data["target"])
    except SandboxError as error:
        messages.error(request, _("Nothing was done: %s") % error.message)
    else:
        messages.success(request, _("Done. The webhooks are on their way."))
    return redirect("sandbox:control")


def _do(name: str, target: str) -> None:
    now = timezone.now()
    match name:
        case "deliver":
            event = get_object_or_404(SandboxObject.objects.events(), id=target)
            events.deliver_again(event, at=now)
        case "expire":
            acts.expire(target, at=now)
        case "settle" | "fail":
            acts.settle(target, succeeded=name == "settle", at=now)
        case "refund":
            acts.refund(target, at=now)
        case "pay_out":
            acts.pay_out(target.lower(), at=now)
