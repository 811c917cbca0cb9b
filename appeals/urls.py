from django.urls import path

from . import views

app_name = "appeals"
urlpatterns = [
    path("", views.home, name="home"),
    path("<slug:appeal>/", views.appeal, name="appeal"),
    path("<slug:appeal>/cases/<slug:case>/", views.case, name="case"),
    path("<slug:appeal>/updates/", views.updates, name="updates"),
    path("<slug:appeal>/updates/page/<int:page>/", views.updates, name="updates"),
    path("<slug:appeal>/updates/<slug:update>/", views.update, name="update"),
    path("<slug:appeal>/updates.atom", views.feed, name="feed"),
]
