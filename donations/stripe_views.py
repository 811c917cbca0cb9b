"""The door Stripe knocks at."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from . import stripe_api, webhooks

WEBHOOK_PATH = "stripe/webhook/"
# Stripe's largest events are a tenth of this; the limit keeps strangers from filling the memory.
WEBHOOK_MAX_BYTES = 256 * 1024


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


class StripeEntrance:
    """Middleware that leads to stripe_webhook() before a session, a language or a login is looked for.

    Stripe brings none of them, and forged requests, which come in floods, shall cost less than any page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == f"/{WEBHOOK_PATH}":
            return stripe_webhook(request)
        return self.get_response(request)
