from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path

from defensefund import views
from donations.views import stripe_webhook

sandbox = [path("sandbox/", include("donations.sandbox.urls"))] if settings.STRIPE_SANDBOX else []

urlpatterns = [
    *sandbox,
    path("healthz", views.healthz, name="healthz"),
    path("stripe/webhook/", stripe_webhook, name="stripe_webhook"),
    path("admin/", admin.site.urls),
    *i18n_patterns(
        path("", include("donations.urls")),
        path("", include("appeals.urls")),
    ),
]
