"""The page a supporter gives on."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from appeals.models import Appeal

from . import checkout, currencies, obstacles
from .forms import DonateForm
from .gift_views import pledge_or_404, to_stripe
from .models import Pledge
from .tokens import gift_path


@require_http_methods(["GET", "HEAD", "POST"])
def donate(request: HttpRequest, appeal: str) -> HttpResponse:
    # An earlier gift that was not paid, chosen anew: its private link alone says what it was.
    token = request.GET.get("from", "")
    response = _donate(request, appeal, token)
    if request.method == "POST" or token:
        # A form that was sent may hold an address, an earlier gift's says what was given: no browser is to store it.
        add_never_cache_headers(response)
    else:
        # "no-store" would keep the browser from giving back what was filled in, when somebody comes back to it.
        patch_cache_control(response, private=True, no_cache=True)
    return response


def _donate(request: HttpRequest, appeal: str, token: str) -> HttpResponse:
    subject = get_object_or_404(Appeal.objects.published(), slug=appeal)
    previous = pledge_or_404(token) if token else None
    currency = request.GET.get("currency", "") or currencies.offered()[0]
    if currency not in currencies.offered():
        return redirect("donations:donate", appeal=appeal)
    paused = obstacles.paused_in(currency)
    form = DonateForm(
        request.POST or None, appeal=subject, currency=currency, paused=paused, previous=previous
    )
    context = {
        "appeal": subject,
        "form": form,
        "currency": currency,
        "currencies": currencies.offered(),
        "paused": paused,
        "from_token": token,
    }
    if request.method == "POST" and form.is_valid():
        try:
            return _take(request, form, paused, previous)
        except obstacles.OBSTACLES as obstacle:
            return obstacles.say(request, "donations/donate.html", context, obstacle)
    status = 422 if form.is_bound else 200
    return render(request, "donations/donate.html", context, status=status)


def _take(
    request: HttpRequest, form: DonateForm, paused: frozenset[str], previous: Pledge | None
) -> HttpResponse:
    """On to Stripe's page, or to the gift's own, where a transfer's details are or a fee is looked over first.

    Raises one of obstacles.OBSTACLES.
    """
    gift, now = form.gift(), timezone.now()
    obstacles.admit(
        request,
        subject=form.uuid,
        method=gift.method,
        currency=gift.currency,
        paused=paused,
        at=now,
    )
    if previous:
        try:
            checkout.abandon(previous, at=now)
        except checkout.AlreadyPaid:
            messages.info(request, _("This gift was paid already. Nothing more was charged."))
            return redirect(gift_path(previous))
    pledge = checkout.promise(gift, uuid=form.uuid, at=now)
    if pledge.method == Pledge.Method.TRANSFER or pledge.fee_cover:
        return redirect(gift_path(pledge))
    return to_stripe(pledge)
