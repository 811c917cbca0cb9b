"""What the links in letters stop: a monthly gift, its reminders, and those of a promise.

Opening one changes nothing, since mail programs and scanners look at links: the button does, or the mail program's own (RFC
8058). Without a token against forged requests: the link itself is the proof, and a mail program has no form of ours.
"""

from contextlib import suppress

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from . import monthly, pledges, stripe_api
from .models import Subscription, SubscriptionChange
from .tokens import InvalidToken, Purpose, pledge_for, reminded_pledge_of


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop_monthly(request: HttpRequest, token: str) -> HttpResponse:
    subscription = _subscription_for(Purpose.STOP_MONTHLY, token)
    if request.method == "POST":
        # Kept when Stripe does not answer; when it says no, the page shows that the gift goes on.
        with suppress(monthly.NotPossible, stripe_api.StripeUnavailable, stripe_api.StripeRefused):
            monthly.stop(subscription, at=timezone.now())
    context = {
        "subscription": subscription,
        "is_asked": request.method == "POST",
        "waiting": subscription.changes.open().filter(kind=SubscriptionChange.Kind.STOP).exists(),
    }
    return render(request, "donations/monthly/stop_from_mail.html", context)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop_charge_reminders(request: HttpRequest, token: str) -> HttpResponse:
    subscription = _subscription_for(Purpose.STOP_REMINDERS, token)
    if request.method == "POST":
        monthly.remind(subscription, is_wanted=False)
    context = {"subscription": subscription}
    return render(request, "donations/monthly/stop_reminders.html", context)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop_reminders(request: HttpRequest, token: str) -> HttpResponse:
    try:
        pledge = reminded_pledge_of(token)
    except InvalidToken as error:
        raise Http404(_("This link is not valid. Open it again from your mail.")) from error
    if request.method == "POST":
        pledges.stop_reminders(pledge, at=timezone.now())
        pledge.refresh_from_db()
    return render(request, "donations/stop_reminders.html", {"pledge": pledge})


def _subscription_for(purpose: Purpose, token: str) -> Subscription:
    try:
        pledge = pledge_for(purpose, token, at=timezone.now())
    except InvalidToken as error:
        raise Http404(
            _("This link is not valid any more. Use the one in your newest mail.")
        ) from error
    subscription: Subscription | None = getattr(pledge, "subscription", None)
    if subscription is None:
        raise Http404
    return subscription
