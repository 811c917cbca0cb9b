from django.urls import path

from . import book_views, gift_views, giving_views

app_name = "donations"
urlpatterns = [
    path("books/", book_views.page, name="books"),
    path("books.json", book_views.as_json, name="books_json"),
    path("books.csv", book_views.as_csv, name="books_csv"),
    path("gift/<str:token>/", gift_views.gift, name="gift"),
    path("gift/<str:token>/pay/", gift_views.pay, name="pay"),
    path("<slug:appeal>/donate/", giving_views.donate, name="donate"),
]
