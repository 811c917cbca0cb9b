"""The site's own addresses, and the bare views it is measured against: same middleware, same process."""

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from defensefund.urls import urlpatterns as own
from donations import stripe_api

TABLE = "CREATE TABLE bench_event (id bigserial PRIMARY KEY, event_id text UNIQUE, body text)"


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


@csrf_exempt
def hook(request: HttpRequest) -> HttpResponse:
    """Verify the signature, insert one row, in one commit: what any webhook has to do."""
    event = stripe_api.client().construct_event(
        request.body, request.headers["Stripe-Signature"], settings.STRIPE_WEBHOOK_SECRETS[0]
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_event (event_id, body) VALUES (%s, %s) ON CONFLICT (event_id) DO NOTHING",
            [event.id, request.body.decode()],
        )
    return HttpResponse()


urlpatterns = [path("bench/hello/", csrf_exempt(hello)), path("bench/hook/", hook), *own]
