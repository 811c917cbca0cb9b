from django.conf import settings
from django.urls import path

from . import control, portal_views, views

app_name = "sandbox"
urlpatterns = [
    path("checkout/<slug:session_id>/", views.checkout, name="checkout"),
    path("invoice/<slug:invoice_id>/", views.invoice, name="invoice"),
    path("portal/<slug:portal_id>/", portal_views.portal, name="portal"),
]
# Whoever can open these can move the money of the stand-in: only where all of it is for trying out.
if settings.EMBEDDED or settings.ALLOW_SANDBOX:
    urlpatterns += [
        path("", control.control, name="control"),
        path("subscriptions/", control.subscriptions, name="subscriptions"),
        path("events/", control.event_list, name="events"),
        path("faults/", control.fault_list, name="faults"),
        path("act/", control.act, name="act"),
    ]
