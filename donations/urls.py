from django.urls import path

from . import views

app_name = "donations"
urlpatterns = [
    path("gift/<str:token>/", views.gift, name="gift"),
    path("gift/<str:token>/pay/", views.pay, name="pay"),
    path("<slug:appeal>/donate/", views.donate, name="donate"),
]
