"""The supporter's pages: give, see the gift; and the door Stripe knocks at."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from appeals.models import Appeal

from . import checkout, currencies, stripe_api, webhooks
from .forms import DonateForm
from .gift_state import state_of
from .models import Pledge
from .tokens import InvalidToken, gift_path, pledge_of

# Stripe's largest events are a tenth of this; the limit keeps strangers from filling the memory.
WEBHOOK_MAX_BYTES = 256 * 1024


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
            return _to_stripe(pledge)
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


def _to_stripe(pledge: Pledge) -> HttpResponse:
    try:
        return HttpResponseRedirect(checkout.start(pledge, at=timezone.now()))
    except checkout.AlreadyPaid:
        return redirect(gift_path(pledge))


@never_cache
@require_GET
def gift(request: HttpRequest, token: str) -> HttpResponse:
    """The private page of one gift. Only looks: that the supporter came back here proves no payment."""
    pledge = _pledge_or_404(token)
    state = state_of(pledge, at=timezone.now())
    return render(
        request, "donations/gift.html", {"pledge": pledge, "state": state, "token": token}
    )


@never_cache
@require_POST
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """Back to Stripe's page for a gift that is not paid yet."""
    pledge = _pledge_or_404(token)
    if pledge.method != Pledge.Method.CARD:
        raise Http404
    try:
        return _to_stripe(pledge)
    except (stripe_api.StripeUnavailable, stripe_api.StripeRefused):
        state = state_of(pledge, at=timezone.now())
        context = {"pledge": pledge, "state": state, "token": token, "provider_down": True}
        return render(request, "donations/gift.html", context, status=503)


def _pledge_or_404(token: str) -> Pledge:
    try:
        return pledge_of(token, at=timezone.now())
    except InvalidToken as error:
        raise Http404(_("This private link is not valid. Open it again from your mail.")) from error


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """2xx for every event Stripe signed, known or not, new or not: it is kept; all else is thinking for later."""
    # META, since forged requests come in floods and `headers` would be made for each.
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal():
        return HttpResponse("Content-Length is no number", status=400)
    if int(length) > WEBHOOK_MAX_BYTES:
        return HttpResponse("larger than 256 KiB", status=413)
    try:
        event = stripe_api.parse_event(request.body, request.META.get("HTTP_STRIPE_SIGNATURE"))
    except stripe_api.InvalidWebhook as error:
        return HttpResponse(str(error), status=400, content_type="text/plain")
    webhooks.receive(event, at=timezone.now())
    return HttpResponse()
