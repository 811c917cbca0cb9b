"""The page a supporter gives on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from appeals.models import Appeal

from . import checkout, currencies, stripe_api
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
    form = DonateForm(request.POST or None, appeal=subject, currency=currency)
    provider_down = False
    if request.method == "POST" and form.is_valid():
        pledge = checkout.promise(form.gift(), uuid=form.uuid, at=timezone.now())
        if pledge.method == Pledge.Method.TRANSFER:
            return redirect(gift_path(pledge))
        try:
            return to_stripe(pledge)
        except (stripe_api.StripeUnavailable, stripe_api.StripeRefused):
            provider_down = True
    status = 503 if provider_down else 422 if form.is_bound else 200
    context = {
        "appeal": subject,
        "form": form,
        "currency": currency,
        "currencies": currencies.offered(),
        "provider_down": provider_down,
    }
    return render(request, "donations/donate.html", context, status=status)
