"""The site's own addresses, and the bare views it is measured against: same middleware, same process."""

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
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


TABLE_OF_ROWS = Template(
    "<table>{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table>"
)


def bare_list(request: HttpRequest, name: str, count: int) -> HttpResponse:
    """The same rows and columns as the office's list, in a table and nothing else."""
    model = apps.get_model("donations", name)
    model_admin = admin.site.get_model_admin(model)
    rows = model_admin.get_queryset(request).order_by(*model_admin.ordering or model._meta.ordering)
    if model_admin.list_select_related:
        rows = rows.select_related(*model_admin.list_select_related)
    cells = [
        [cell(model_admin, row, column) for column in model_admin.list_display]
        for row in rows[:count]
    ]
    return HttpResponse(TABLE_OF_ROWS.render(Context({"rows": cells})))


def cell(model_admin, row, column):
    own = getattr(model_admin, column, None)
    return own(row) if own else getattr(row, column)


urlpatterns = [
    path("bench/hello/", csrf_exempt(hello)),
    path("bench/hook/", hook),
    path("bench/list/<str:name>/<int:count>/", bare_list),
    *own,
]
