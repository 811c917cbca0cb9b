"""The stand-in's payment page, and the page that lets whoever tries the fund out play bank and Stripe."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from donations.stripe_facts import from_minor_units

from . import acts
from .errors import SandboxError
from .forms import DECLINES, ActForm, CardForm
from .models import SandboxDelivery, SandboxObject

ROWS = 25


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: HttpRequest, session_id: str) -> HttpResponse:
    """Where Stripe's own page would be: the supporter pays, is declined, or goes back."""
    kept = get_object_or_404(SandboxObject, id=session_id, kind="checkout.session")
    session, now = kept.data, timezone.now()
    with translation.override(session["locale"] or "en"):
        form = CardForm(request.POST or None)
        declined = None
        if request.method == "POST" and form.is_valid() and not _asks_first(form):
            card = form.cleaned_data["card"]
            try:
                if card in DECLINES:
                    declined = DECLINES[card]
                    acts.decline(session_id, declined[0], at=now)
                else:
                    act = acts.debit if card == CardForm.DEBIT else acts.pay
                    return HttpResponseRedirect(act(session_id, at=now)["success_url"])
            except SandboxError:
                return redirect("sandbox:checkout", session_id=session_id)
        currency = session["currency"].upper()
        context = {
            "session": session,
            "form": form,
            "declined": declined[1] if declined else "",
            "asks": form.is_bound and form.is_valid() and _asks_first(form),
            "amount": from_minor_units(session["amount_total"], currency),
            "currency": currency,
            "description": kept.notes.get("description", ""),
            "is_open": session["status"] == "open" and session["expires_at"] > now.timestamp(),
        }
        return render(request, "sandbox/checkout.html", context)


def _asks_first(form: CardForm) -> bool:
    return form.cleaned_data["card"] == CardForm.SECURE and not form.cleaned_data["confirmed"]


@never_cache
@require_GET
def control(request: HttpRequest) -> HttpResponse:
    """What the stand-in holds, the newest first, each with what can be done to it."""
    sessions = SandboxObject.objects.filter(kind="checkout.session").order_by("-created_at")[:ROWS]
    events = (
        SandboxObject.objects.filter(kind="event")
        .order_by("-created_at", "-id")
        .prefetch_related("deliveries")[:ROWS]
    )
    currencies = (
        SandboxObject.objects.filter(kind="balance_transaction", data__payout=None)
        .values_list("data__currency", flat=True)
        .distinct()
        .order_by("data__currency")
    )
    rows = [
        (
            s,
            from_minor_units(s.data["amount_total"], s.data["currency"]),
            s.data["currency"].upper(),
        )
        for s in sessions
    ]
    context = {"rows": rows, "events": events, "currencies": currencies, "limit": ROWS}
    return render(request, "sandbox/control.html", context)


@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Does what one button of the control page says."""
    form = ActForm(request.POST)
    if not form.is_valid():
        raise Http404
    try:
        _do(form.cleaned_data["act"], form.cleaned_data["target"])
        messages.success(request, _("Done. The webhook is on its way."))
    except SandboxError as error:
        messages.error(request, error.message)
    return redirect("sandbox:control")


def _do(name: str, target: str) -> None:
    now = timezone.now()
    match name:
        case "deliver":
            event = get_object_or_404(SandboxObject, id=target, kind="event")
            SandboxDelivery.objects.create(event=event, due_at=now)
        case "expire":
            acts.expire(target, at=now)
        case "settle" | "fail":
            acts.settle(target, succeeded=name == "settle", at=now)
        case "refund":
            acts.refund(target, at=now)
        case "pay_out":
            acts.pay_out(target, at=now)
