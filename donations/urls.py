from django.urls import path

from . import (
    book_views,
    gift_views,
    giving_views,
    link_views,
    monthly_views,
    promise_views,
    public_gift_views,
    supporter_views,
)

app_name = "donations"
urlpatterns = [
    path("books/", book_views.page, name="books"),
    path("books.json", book_views.as_json, name="books_json"),
    path("books.csv", book_views.as_csv, name="books_csv"),
    path("gift/link/", link_views.new_link, name="new_link"),
    path("gift/<str:token>/", gift_views.gift, name="gift"),
    path("gift/<str:token>/transfer/", gift_views.transfer, name="transfer"),
    path("gift/<str:token>/pay/", gift_views.pay, name="pay"),
    path("gift/<str:token>/promise/change/", promise_views.change, name="promise_change"),
    path("gift/<str:token>/promise/pause/", promise_views.pause, name="promise_pause"),
    path("gift/<str:token>/promise/resume/", promise_views.resume, name="promise_resume"),
    path("gift/<str:token>/promise/cancel/", promise_views.cancel, name="promise_cancel"),
    path("gift/<str:token>/promise/remind/", promise_views.remind_again, name="remind_again"),
    path("gift/<str:token>/stop/", promise_views.stop_reminders, name="stop_reminders"),
    path("<slug:appeal>/promise/", promise_views.promise, name="promise"),
    path("gift/<str:token>/monthly/amount/", monthly_views.amount, name="monthly_amount"),
    path("gift/<str:token>/monthly/day/", monthly_views.day, name="monthly_day"),
    path("gift/<str:token>/monthly/pause/", monthly_views.pause, name="monthly_pause"),
    path("gift/<str:token>/monthly/resume/", monthly_views.resume, name="monthly_resume"),
    path("gift/<str:token>/monthly/stop/", monthly_views.stop, name="monthly_stop"),
    path("gift/<str:token>/monthly/remind/", monthly_views.remind, name="monthly_remind"),
    path("gift/<str:token>/monthly/card/", monthly_views.card, name="monthly_card"),
    path("gift/<str:token>/monthly/settle/", monthly_views.settle, name="monthly_settle"),
    path("stop/monthly/<str:token>/", monthly_views.stop_from_mail, name="stop_monthly"),
    path(
        "stop/reminders/<str:token>/",
        monthly_views.stop_reminders_from_mail,
        name="stop_charge_reminders",
    ),
    path("gift/<str:token>/receipt/", supporter_views.receipt, name="receipt"),
    path("gift/<str:token>/receipt/again/", supporter_views.resend, name="resend"),
    path("gift/<str:token>/receipt/wording/", supporter_views.wording, name="wording"),
    path("gift/<str:token>/<int:year>.pdf", supporter_views.year, name="year"),
    path("gift/<str:token>/visibility/", supporter_views.visibility, name="visibility"),
    path("gift/<str:token>/address/", supporter_views.address, name="address"),
    path("gift/<str:token>/data/", supporter_views.data, name="data"),
    path("gift/<str:token>/forget/", supporter_views.forget, name="forget"),
    path("year/<str:token>/", link_views.statement, name="statement"),
    path("year/<str:token>/statement.pdf", link_views.statement_file, name="statement_file"),
    path("<slug:appeal>/gifts/", public_gift_views.public_gifts, name="public_gifts"),
    path(
        "<slug:appeal>/gifts/page/<int:page>/", public_gift_views.public_gifts, name="public_gifts"
    ),
    path("<slug:appeal>/donate/", giving_views.donate, name="donate"),
]
