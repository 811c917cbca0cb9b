from django.urls import path

from . import book_views, gift_views, giving_views, promise_views

app_name = "donations"
urlpatterns = [
    path("books/", book_views.page, name="books"),
    path("books.json", book_views.as_json, name="books_json"),
    path("books.csv", book_views.as_csv, name="books_csv"),
    path("gift/<str:token>/", gift_views.gift, name="gift"),
    path("gift/<str:token>/pay/", gift_views.pay, name="pay"),
    path("gift/<str:token>/promise/change/", promise_views.change, name="promise_change"),
    path("gift/<str:token>/promise/pause/", promise_views.pause, name="promise_pause"),
    path("gift/<str:token>/promise/resume/", promise_views.resume, name="promise_resume"),
    path("gift/<str:token>/promise/cancel/", promise_views.cancel, name="promise_cancel"),
    path("gift/<str:token>/promise/remind/", promise_views.remind_again, name="remind_again"),
    path("gift/<str:token>/stop/", promise_views.stop_reminders, name="stop_reminders"),
    path("<slug:appeal>/promise/", promise_views.promise, name="promise"),
    path("<slug:appeal>/donate/", giving_views.donate, name="donate"),
]
