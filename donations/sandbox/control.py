"""The pages that let whoever tries the fund out play bank and Stripe, and have things go wrong."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from defensefund.network import is_on_this_machine

from . import acts, control_rows, deliveries, events, faults
from .checks import is_wanted
from .errors import SandboxError
from .forms import ActForm, FaultsForm
from .models import SandboxObject, SandboxObjectQuerySet

ROWS = 20


def for_insiders(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Only for a browser on this very machine, or for who has entered the office: no stranger plays bank."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not is_wanted():
            raise Http404
        if is_on_this_machine(request) or admin.site.has_permission(request):
            return view(request, *args, **kwargs)
        return redirect_to_login(reverse("sandbox:control"), reverse("admin:login"))

    return guarded


def _page(request: HttpRequest, name: str, rows: SandboxObjectQuerySet) -> "Page[SandboxObject]":
    return Paginator(rows.newest_first(), ROWS).get_page(request.GET.get(name))


@never_cache
@for_insiders
@require_safe
def control(request: HttpRequest) -> HttpResponse:
    """Payments with what can be done to each, payment pages nobody has paid on, and the balance."""
    kinds = SandboxObject.objects
    payments = _page(request, "payments", kinds.of_kind("payment_intent"))
    visits = _page(request, "visits", kinds.sessions().exclude(due_at=None))
    payouts = _page(request, "payouts", kinds.of_kind("payout"))
    context = {
        "faults": faults.current(),
        "payments": payments,
        "rows": control_rows.payments(list(payments)),
        "visits": visits,
        "visit_rows": control_rows.visits(visits, at=timezone.now()),
        "payouts": payouts,
        "payout_rows": control_rows.paid_out(payouts),
        "balances": control_rows.waiting_for_payout(),
    }
    return render(request, "sandbox/control.html", context)


@never_cache
@for_insiders
@require_safe
def subscriptions(request: HttpRequest) -> HttpResponse:
    """Regular gifts, each with its next bill to be played now."""
    page = _page(request, "page", SandboxObject.objects.of_kind("subscription"))
    context = {
        "faults": faults.current(),
        "page": page,
        "rows": control_rows.regulars(list(page)),
    }
    return render(request, "sandbox/subscriptions.html", context)


@never_cache
@for_insiders
@require_safe
def event_list(request: HttpRequest) -> HttpResponse:
    """Everything that happened, with the webhooks that tell of it."""
    rows = SandboxObject.objects.events().prefetch_related("deliveries")
    context = {"faults": faults.current(), "events": _page(request, "events", rows)}
    return render(request, "sandbox/events.html", context)


@never_cache
@for_insiders
@require_http_methods(["GET", "HEAD", "POST"])
def fault_list(request: HttpRequest) -> HttpResponse:
    """What is to go wrong on purpose, until it is switched off."""
    current = faults.current()
    form = FaultsForm(request.POST or None, instance=current)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Done. From now on things go as set here."))
        return redirect("sandbox:faults")
    return render(request, "sandbox/faults.html", {"faults": faults.current(), "form": form})


@never_cache
@for_insiders
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Does what one button of the control page says."""
    form = ActForm(request.POST)
    if "act" in form.errors or "target" in form.errors:
        raise Http404
    if form.is_valid():
        try:
            _do(form)
        except SandboxError as error:
            messages.error(request, _("Nothing was done: %s") % error.message)
        else:
            messages.success(request, UNTOLD.get(form.cleaned_data["act"], TOLD))
    else:
        for sentence in form.errors.get("amount", []):
            messages.error(request, _("Nothing was done: %s") % sentence)
    return redirect(f"sandbox:{form.cleaned_data.get('back') or 'control'}")


TOLD = gettext_lazy("Done. The webhooks are on their way.")
# What no webhook tells of.
UNTOLD = {
    "charge": gettext_lazy(
        "Done. Stripe tells of it by no webhook: it stands under Differences once the balance is read, within ten minutes, or at "
        "once by the button “Ask Stripe again” there."
    ),
    "pay_elsewhere": gettext_lazy(
        "Done. No gift here is behind it: it stands under Differences once the balance is read, and is explained there when two "
        "hours have passed."
    ),
    "reset": gettext_lazy("Done. Nothing goes wrong on purpose any more."),
}
ACTS: dict[str, Callable[..., object]] = {
    "announce": acts.announce,
    "arrive": acts.arrive,
    "cancel": lambda target, at: acts.cancel_subscription(target, {}, at=at),
    "charge": lambda target, at: acts.charge(target.lower(), at=at),
    "close_inquiry": acts.close_inquiry,
    "escalate": acts.escalate,
    "expire": acts.expire,
    "fail": lambda target, at: acts.settle_payment(target, succeeded=False, at=at),
    "fail_payout": acts.fail_payout,
    "fail_refund": acts.fail_refund,
    "lose": acts.lose,
    "pay_elsewhere": lambda target, at: acts.pay_elsewhere(target.lower(), at=at),
    "pay_out": lambda target, at: acts.pay_out(target.lower(), at=at),
    "pay_out_by_hand": lambda target, at: acts.pay_out(target.lower(), at=at, is_automatic=False),
    "renew": acts.renew,
    "renew_asked": lambda target, at: acts.renew(target, outcome="authentication_required", at=at),
    "renew_declined": lambda target, at: acts.renew(target, outcome="generic_decline", at=at),
    "renew_no_funds": lambda target, at: acts.renew(target, outcome="insufficient_funds", at=at),
    "retry": acts.pay_invoice,
    "settle": lambda target, at: acts.settle_payment(target, succeeded=True, at=at),
    "warn": acts.warn,
    "win": acts.win,
    "win_without_fee": lambda target, at: acts.win(target, gives_fee_back=False, at=at),
}
# Of a part of the payment, where an amount is written.
OF_AMOUNT: dict[str, Callable[..., object]] = {
    "dispute": acts.open_dispute,
    "inquire": lambda target, **more: acts.open_dispute(target, is_inquiry=True, **more),
    "refund": acts.refund,
    "refund_slowly": lambda target, **more: acts.refund(target, is_pending=True, **more),
}


def _do(form: ActForm) -> None:
    name, target, now = form.cleaned_data["act"], form.cleaned_data["target"], timezone.now()
    if name == "deliver":
        event = get_object_or_404(SandboxObject.objects.events(), id=target)
        events.deliver_again(event, at=now)
    elif name == "reset":
        faults.reset()
    elif name == "deliver_due":
        deliveries.hasten(at=now)
    elif name in OF_AMOUNT:
        OF_AMOUNT[name](target, amount=form.units(), at=now)
    else:
        ACTS[name](target, at=now)
