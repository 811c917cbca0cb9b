"""The office's list of the money: every page in its place, and none for who may not see it."""

import re

from django.contrib import admin

from donations.office_sections import SECTIONS
from tests.factories import log_in, make_user


def test_every_list_of_the_money_stands_in_one_section():
    listed = [model for _title, models in SECTIONS for model in models]
    registered = {model for model in admin.site._registry if model._meta.app_label == "donations"}

    assert sorted(model.__name__ for model in listed) == sorted(
        model.__name__ for model in registered
    )


def titles_in(page):
    return re.findall(r'class="section">([^<]+)<', page.content.decode())


def test_office_shows_the_sections_in_the_order_of_the_money(treasurer):
    titles = [str(title) for title, _models in SECTIONS]

    assert titles_in(treasurer.get("/admin/")) == [*titles, "What the public reads"]


def test_office_calls_the_accounts_of_its_people_so(treasurer):
    person = make_user(is_superuser=True)

    page = log_in(treasurer, person).get("/admin/auth/user/").content.decode()

    assert "People of the office" in titles_in(treasurer.get("/admin/"))
    assert '<a href="/admin/auth/">People of the office</a>' in page


def test_office_shows_no_section_of_which_a_person_sees_nothing(client, db):
    log_in(client, make_user("ana", "approver"))

    titles = titles_in(client.get("/admin/", headers={"accept-language": "en"}))
    assert titles == [
        "Money that goes back",
        "The bank",
        "Costs and payments",
        "Funds",
        "The books",
        "Stripe",
        "What the public reads",
    ]
