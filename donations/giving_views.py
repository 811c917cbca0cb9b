"""The page a supporter gives on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from appeals.models import Appeal

from . import checkout, currencies, obstacles
from .forms import DonateForm
from .gift_views import to_stripe
from .models import Pledge
from .tokens import gift_path


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def donate(request: HttpRequest, appeal: str) -> HttpResponse:
    subject = get_object_or_404(Appeal.objects.published(), slug=appeal)
    currency = request.GET.get("currency", "") or currencies.offered()[0]
    if currency not in currencies.offered():
        return redirect("donations:donate", appeal=appeal)
    paused = obstacles.paused_in(currency)
    form = DonateForm(request.POST or None, appeal=subject, currency=currency, paused=paused)
    context = {
        "appeal": subject,
        "form": form,
        "currency": currency,
        "currencies": currencies.offered(),
        "paused": paused,
    }
    if request.method == "POST" and form.is_valid():
        try:
            return _take(request, form, paused)
        except obstacles.OBSTACLES as obstacle:
            return obstacles.say(request, "donations/donate.html", context, obstacle)
    status = 422 if form.is_bound else 200
    return render(request, "donations/donate.html", context, status=status)


def _take(request: HttpRequest, form: DonateForm, paused: frozenset[str]) -> HttpResponse:
    """On to the payment, or to the details for a transfer; raises one of obstacles.OBSTACLES."""
    gift, now = form.gift(), timezone.now()
    obstacles.admit(
        request,
        subject=form.uuid,
        method=gift.method,
        currency=gift.currency,
        paused=paused,
        at=now,
    )
    pledge = checkout.promise(gift, uuid=form.uuid, at=now)
    if pledge.method == Pledge.Method.TRANSFER:
        return redirect(gift_path(pledge))
    return to_stripe(pledge)
