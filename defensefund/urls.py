from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path

from defensefund import views
from donations.mail_views import mail
from donations.stripe_views import WEBHOOK_PATH, stripe_webhook

sandbox = [path("sandbox/", include("donations.sandbox.urls"))] if settings.STRIPE_SANDBOX else []
# Where all is for trying out, letters can be read in the browser.
letters = [path("mail/", mail, name="mail")] if settings.EMBEDDED or settings.ALLOW_SANDBOX else []

urlpatterns = [
    *sandbox,
    *letters,
    path("healthz", views.healthz, name="healthz"),
    path(WEBHOOK_PATH, stripe_webhook, name="stripe_webhook"),
    path("admin/", admin.site.urls),
    *i18n_patterns(
        path("", include("donations.urls")),
        path("", include("appeals.urls")),
    ),
]
