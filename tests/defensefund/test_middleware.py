from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from defensefund.sign_in import LOGGED_IN_AT, SEEN_AT
from tests.factories import log_in, make_user

pytestmark = pytest.mark.django_db


def ago(**passed):
    return (timezone.now() - timedelta(**passed)).timestamp()


def aged(client, logged_in_at, seen_at):
    log_in(client, make_user())
    session = client.session
    session[LOGGED_IN_AT], session[SEEN_AT] = logged_in_at, seen_at
    session.save()
    return client


@pytest.mark.parametrize(
    ("logged_in", "seen", "status"),
    [
        ({"minutes": 29}, {"minutes": 29}, 200),
        ({"minutes": 31}, {"minutes": 31}, 302),
        ({"hours": 7, "minutes": 59}, {"minutes": 2}, 200),
        ({"hours": 8, "minutes": 1}, {"minutes": 2}, 302),
    ],
)
def test_session_ends_idle_or_old(client, logged_in, seen, status):
    aged(client, ago(**logged_in), ago(**seen))

    assert client.get("/admin/").status_code == status
    assert client.get("/admin/").status_code == status


def test_using_the_office_keeps_the_session_alive(client):
    aged(client, ago(hours=2), ago(minutes=20))
    client.get("/admin/")

    assert client.session[SEEN_AT] > ago(minutes=1)


def test_session_cookie_is_of_this_browser_session_and_unreadable_to_scripts(client):
    user = make_user()
    response = client.post(
        "/admin/login/", {"username": user.username, "password": "a long test password"}
    )
    cookie = response.cookies["sessionid"]

    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", "")


@pytest.mark.parametrize(
    "path",
    ["/es/", "/en/books/", "/admin/login/", "/admin/", "/admin/nothing/", "/sandbox/", "/healthz"],
)
def test_every_answer_says_what_its_page_may_load(db, client, path):
    """Nothing but this site's own files, no code or style within the page, and forms also to Stripe's pages."""
    policy = client.get(path)["Content-Security-Policy"]

    assert dict(each.strip().split(" ", 1) for each in policy.split(";")) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self' https://checkout.stripe.com https://billing.stripe.com https://invoice.stripe.com",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/", "/admin/nothing/", "/healthz"])
def test_every_answer_lends_the_page_nothing(client, path):
    policy = client.get(path)["Permissions-Policy"]

    assert "camera=()" in policy
    assert "geolocation=()" in policy
    assert "clipboard-write=(self)" in policy


@pytest.mark.parametrize(
    "path",
    ["/admin/", "/admin/login/", "/admin/password_change/", "/admin/jsi18n/", "/admin/nothing/"],
)
def test_nothing_of_the_office_is_kept_by_a_cache(client, path):
    log_in(client, make_user())

    assert "no-store" in client.get(path)["Cache-Control"]
    client.logout()
    assert "no-store" in client.get(path)["Cache-Control"]


def test_own_forms_come_with_an_origin_that_is_believed():
    """Browsers write `Origin: null` on a form of ours under Referrer-Policy: no-referrer, and its POST is refused."""
    client = Client(enforce_csrf_checks=True)
    page = client.get("/admin/login/")
    token = page.context["csrf_token"]

    assert page["Referrer-Policy"] == "same-origin"
    answers = [
        client.post(
            "/admin/login/",
            {"username": "x", "password": "y", "csrfmiddlewaretoken": str(token)},
            headers={"Origin": origin},
        ).status_code
        for origin in ("http://testserver", "null", "https://elsewhere.example")
    ]
    assert answers == [200, 403, 403]


def test_address_that_only_a_form_leads_to_says_so(client):
    path = "/en/gift/sometoken/monthly/pause/"

    read = client.get(path, headers={"Accept": "text/html"})
    asked = client.get(path)

    assert (read.status_code, read.headers["Allow"]) == (405, "POST")
    assert "Nothing was changed." in read.content.decode()
    assert 'href="/en/gift/sometoken/"' in read.content.decode()
    assert not read.cookies
    assert (asked.status_code, asked.content) == (405, b"")
