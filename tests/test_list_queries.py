"""What each list of the office asks of the database: as much with one row as with several, and never more than six queries."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories import log_in, make_user
from tests.one_of_each import make_one_of_each

pytestmark = pytest.mark.django_db
LISTS = {
    model._meta.label: reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for model in admin.site._registry
}
# These are for superusers alone.
RESERVED = {name for name in LISTS if not name.startswith(("appeals.", "donations."))}
OPEN_LINES = "donations.StatementLine, open"
# The session, the person, their second factor and their rights are four of them.
MOST = 6


def asked(office, superuser):
    """(rows, queries) of each list, by its name, asked for by who may see it."""
    counts = {}
    for name, path in LISTS.items() | {(OPEN_LINES, reverse("admin:donations_statementline_open"))}:
        client = superuser if name in RESERVED else office
        with CaptureQueriesContext(connection) as queries:
            page = client.get(path)
        rows = page.context["rows"] if name == OPEN_LINES else page.context["cl"].result_list
        counts[name] = (len(rows), len(queries))
    return counts


def test_no_list_takes_more_than_six_queries_with_one_row_and_with_several(client):
    # A superuser is asked for no rights, and would see a list for one query less.
    log_in(client, make_user(None, "organizer", "treasurer", "approver", "auditor"))
    superuser = log_in(Client(), make_user(None, is_superuser=True))
    for each in (client, superuser):
        each.get("/admin/")  # the first page after login also notes the login
    make_one_of_each()
    one = asked(client, superuser)
    for nth in (1, 2):
        make_one_of_each(nth)
    several = asked(client, superuser)

    assert {name: queries for name, (_rows, queries) in several.items() if queries > MOST} == {}
    assert {
        name: (one[name], several[name]) for name in one if one[name][1] != several[name][1]
    } == {}
    assert [name for name in one if not 1 <= one[name][0] < several[name][0]] == []
