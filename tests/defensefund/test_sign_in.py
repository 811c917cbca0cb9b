import json
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from defensefund import second_factor, sign_in
from defensefund.models import Authenticator, SecurityEvent
from donations.demo.people import STAFF
from tests.factories import code_of, log_in, make_authenticator, make_user

pytestmark = pytest.mark.django_db

PASSWORD = "a long test password"
LOGIN = "/admin/login/"
VERIFY = "/admin/login/second-step/"
SET_UP = "/admin/login/set-up/"


def give_password(client, user, then="", password=PASSWORD, **headers):
    return client.post(
        LOGIN, {"username": user.username, "password": password, "next": then}, **headers
    )


def office(client):
    """The status of the office's front page for this browser; 302 is the door."""
    return client.get("/admin/").status_code


def test_login_by_password_and_code(client):
    user = make_user()
    authenticator = make_authenticator(user)

    first = give_password(client, user, then="/admin/password_change/")
    assert (first.status_code, first["Location"]) == (302, VERIFY)
    assert client.get(VERIFY).status_code == 200
    assert office(client) == 302

    second = client.post(VERIFY, {"code": code_of(authenticator)})
    assert (second.status_code, second["Location"]) == (302, "/admin/password_change/")
    assert office(client) == 200


def test_login_never_leads_to_another_host(client):
    user = make_user()
    authenticator = make_authenticator(user)
    give_password(client, user, then="https://elsewhere.example/")

    response = client.post(VERIFY, {"code": code_of(authenticator)})

    assert response["Location"] == "/admin/"


def test_session_key_is_new_after_each_step(client):
    user = make_user()
    authenticator = make_authenticator(user)
    planted = client.session
    planted["x"] = 1
    planted.save()
    keys = [client.cookies["sessionid"].value]

    give_password(client, user)
    keys.append(client.cookies["sessionid"].value)
    client.post(VERIFY, {"code": code_of(authenticator)})
    keys.append(client.cookies["sessionid"].value)

    assert len(set(keys)) == 3
    assert set(Session.objects.values_list("session_key", flat=True)) == {keys[2]}


def test_password_alone_is_no_login(client):
    user = make_user()
    make_authenticator(user)
    give_password(client, user)

    assert "_auth_user_id" not in client.session
    assert not user.security_events.exists()


def test_wrong_code_stays_at_the_second_step(client):
    user = make_user()
    make_authenticator(user)
    give_password(client, user)

    response = client.post(VERIFY, {"code": "000000"})

    assert response.status_code == 200
    assert "does not match" in response.content.decode()
    assert office(client) == 302


def test_password_step_counts_for_ten_minutes(client):
    user = make_user()
    authenticator = make_authenticator(user)
    give_password(client, user)
    session = client.session
    session[sign_in.PENDING] |= {"until": (timezone.now() - timedelta(seconds=1)).timestamp()}
    session.save()

    response = client.post(VERIFY, {"code": code_of(authenticator)})

    assert response["Location"] == LOGIN
    assert office(client) == 302


@pytest.mark.parametrize(
    "change",
    [
        {"password": "!"},
        {"is_active": False},
        {"is_staff": False},
    ],
)
def test_password_step_is_void_when_the_account_changed_meanwhile(client, change):
    user = make_user()
    authenticator = make_authenticator(user)
    give_password(client, user)
    User.objects.filter(pk=user.pk).update(**change)

    response = client.post(VERIFY, {"code": code_of(authenticator)})

    assert response["Location"] == LOGIN
    assert office(client) == 302


@pytest.mark.parametrize("path", [VERIFY, SET_UP])
def test_second_step_without_password_leads_back(client, path):
    assert client.get(path)["Location"] == LOGIN
    assert client.post(path, {"code": "123456"})["Location"] == LOGIN


def test_first_login_sets_up_the_second_factor(client):
    user = make_user()

    assert give_password(client, user)["Location"] == SET_UP
    page = client.get(SET_UP).content.decode()
    authenticator = Authenticator.objects.get(user=user)
    assert authenticator.manual_key() in page
    assert "<svg" in page
    assert "style=" not in page
    assert "<style" not in page
    assert office(client) == 302

    shown = client.post(SET_UP, {"code": code_of(authenticator)})
    codes = re.findall(r"<code>(\S{5}-\S{5})</code>", shown.content.decode())
    assert len(codes) == 10
    assert office(client) == 200
    assert second_factor.prove(user=user, code=codes[0], at=timezone.now())


def test_set_up_shows_the_same_key_on_reload_and_another_in_another_login(client):
    user = make_user()
    give_password(client, user)
    client.get(SET_UP)
    client.get(SET_UP)
    assert Authenticator.objects.filter(user=user).count() == 1

    intruder = Client()
    give_password(intruder, user)
    intruder.get(SET_UP)
    assert Authenticator.objects.filter(user=user).count() == 2


def test_recovery_codes_are_shown_once(client):
    user = make_user()
    give_password(client, user)
    client.get(SET_UP)
    code = code_of(Authenticator.objects.get(user=user))
    client.post(SET_UP, {"code": code})

    again = client.post(SET_UP, {"code": code})

    assert again["Location"] == LOGIN
    assert "<code>" not in client.get("/admin/second-factor/").content.decode()


def test_set_up_is_closed_to_a_password_when_there_is_a_second_factor(client):
    user = make_user()
    present = make_authenticator(user)
    give_password(client, user)

    assert client.get(SET_UP)["Location"] == VERIFY
    assert client.post(SET_UP, {"code": "123456"})["Location"] == VERIFY
    assert list(Authenticator.objects.filter(user=user)) == [present]


def test_login_with_a_recovery_code(client):
    user = make_user()
    make_authenticator(user)
    code = second_factor.renew_codes(user=user, at=timezone.now())[0]
    give_password(client, user)
    assert client.get(VERIFY + "?with=recovery").status_code == 200

    client.post(VERIFY + "?with=recovery", {"code": code})

    assert office(client) == 200
    assert SecurityEvent.Kind.CODE_USED in [event.kind for event in user.security_events.all()]


def test_logged_in_elsewhere_by_password_only_is_led_to_the_second_step(client):
    """Whatever else may ever log somebody in (a reset link, another login page), the office asks for the second factor."""
    user = make_user()
    authenticator = make_authenticator(user)
    client.force_login(user, backend="defensefund.rights.RightsBackend")
    assert office(client) == 302

    response = client.get(LOGIN + "?next=/admin/second-factor/")
    assert response["Location"] == VERIFY
    assert client.post(VERIFY, {"code": code_of(authenticator)})["Location"] == (
        "/admin/second-factor/"
    )


def test_session_of_somebody_elses_device_is_not_verified(client):
    user, other = make_user(), make_user()
    log_in(client, user)
    session = client.session
    session["otp_device_id"] = make_authenticator(other).persistent_id
    session.save()

    assert office(client) == 302


def test_session_ends_when_the_authenticator_is_replaced_elsewhere(client):
    user = make_user()
    log_in(client, user)
    new = second_factor.begin(user=user, at=timezone.now())
    second_factor.confirm(authenticator=new, code=code_of(new), replace=True, at=timezone.now())

    assert office(client) == 302


def test_other_sessions_end_when_the_password_changes(client):
    user, elsewhere = make_user(), Client()
    log_in(client, user)
    log_in(elsewhere, user)
    before = client.cookies["sessionid"].value

    response = client.post(
        "/admin/password_change/",
        {
            "old_password": PASSWORD,
            "new_password1": "zorzal-lluvia-9041",
            "new_password2": "zorzal-lluvia-9041",
        },
    )

    assert response.status_code == 302
    assert client.cookies["sessionid"].value != before
    assert office(client) == 200
    assert office(elsewhere) == 302
    assert user.security_events.first().kind == SecurityEvent.Kind.PASSWORD_CHANGED


def test_failed_password_change_is_not_recorded(client):
    user = make_user()
    log_in(client, user)

    client.post("/admin/password_change/", {"old_password": "x"})

    assert not user.security_events.exists()


def test_rights_taken_away_are_gone_at_the_next_request(client):
    user = make_user()
    log_in(client, user)
    User.objects.filter(pk=user.pk).update(is_staff=False)

    assert office(client) == 302


def test_logout_ends_the_session_and_clears_the_browser(client):
    log_in(client, make_user())
    key = client.cookies["sessionid"].value

    response = client.post("/admin/logout/")

    assert response["Clear-Site-Data"] == '"cache", "storage"'
    assert not Session.objects.filter(session_key=key).exists()


def test_new_device_is_told_from_a_known_one(client):
    user = make_user()
    authenticator = make_authenticator(user, last_step=0)
    for _ in range(2):
        give_password(client, user)
        client.post(VERIFY, {"code": code_of(authenticator)})
        client.post("/admin/logout/")
        Authenticator.objects.update(last_step=0)

    assert [event.kind for event in user.security_events.order_by("pk")] == [
        SecurityEvent.Kind.NEW_DEVICE,
        SecurityEvent.Kind.LOGGED_IN,
    ]


def test_overview_shows_what_happened_and_what_is_left(client):
    user = make_user()
    log_in(client, user)
    second_factor.renew_codes(user=user, at=timezone.now())

    page = client.get("/admin/second-factor/").content.decode()

    assert "10 recovery codes are left" in page
    assert "recovery codes made" in page


def test_new_recovery_codes(client):
    user = make_user()
    log_in(client, user)

    page = client.post("/admin/second-factor/codes/")

    assert page.content.decode().count("<code>") == 10
    assert client.get("/admin/second-factor/codes/").status_code == 405


def test_another_phone(client):
    user = make_user()
    log_in(client, user)
    old = Authenticator.objects.get(user=user)
    before = client.cookies["sessionid"].value
    client.get("/admin/second-factor/replace/")
    new = Authenticator.objects.get(user=user, confirmed=False)

    page = client.post("/admin/second-factor/replace/", {"code": code_of(new)})

    assert page.content.decode().count("<code>") == 10
    assert client.cookies["sessionid"].value != before
    assert office(client) == 200
    assert not Authenticator.objects.filter(pk=old.pk).exists()


# --- The demonstration's sample accounts -------------------------------------------------------


def test_sample_accounts_are_those_the_demonstration_makes():
    assert set(STAFF) == sign_in.DEMO_ACCOUNTS


@pytest.fixture
def embedded(settings):
    settings.EMBEDDED = True


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize("name", ["organizer", "treasurer", "approver"])
@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1"])
def test_sample_account_needs_no_second_factor_on_this_machine(client, name, host, peer):
    client.defaults |= {"HTTP_HOST": host, "REMOTE_ADDR": peer}
    response = give_password(client, make_user(name))

    assert response["Location"] == "/admin/"
    assert office(client) == 200


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize(
    "from_outside",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": "10.0.0.5"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "127.0.0.1, 192.0.2.7"},
        {"HTTP_HOST": "fund.example"},
        {"HTTP_HOST": "127.0.0.1.fund.example"},
        {"HTTP_HOST": "localhost.fund.example"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
        {"HTTP_VIA": "1.1 tunnel"},
    ],
)
def test_sample_account_is_not_exempt_from_outside(client, from_outside):
    client.defaults |= {"HTTP_HOST": "127.0.0.1:8000", "REMOTE_ADDR": "127.0.0.1"} | from_outside
    response = give_password(client, make_user("treasurer"))

    assert response["Location"] == SET_UP
    assert office(client) == 302


@pytest.mark.usefixtures("embedded")
def test_session_of_a_sample_account_opens_nothing_from_outside(client):
    client.defaults |= {"HTTP_HOST": "127.0.0.1:8000", "REMOTE_ADDR": "127.0.0.1"}
    give_password(client, make_user("treasurer"))
    assert office(client) == 200

    client.defaults |= {"HTTP_HOST": "fund.example", "REMOTE_ADDR": "192.0.2.7"}
    assert office(client) == 302


@pytest.mark.usefixtures("embedded")
def test_no_other_account_is_exempt_in_the_demonstration(client):
    client.defaults |= {"HTTP_HOST": "127.0.0.1:8000", "REMOTE_ADDR": "127.0.0.1"}
    for user in (make_user("Treasurer"), make_user("auditor"), make_user(is_superuser=True)):
        assert give_password(client, user)["Location"] == SET_UP
        assert office(client) == 302


def test_sample_account_is_not_exempt_with_a_database_of_its_own(client):
    client.defaults |= {"HTTP_HOST": "127.0.0.1:8000", "REMOTE_ADDR": "127.0.0.1"}

    assert give_password(client, make_user("treasurer"))["Location"] == SET_UP
    assert office(client) == 302


def test_nothing_about_the_login_stands_in_the_log(client, caplog):
    user = make_user("nobody-may-read-this-name")
    give_password(client, user, password="nor-this-password")
    give_password(client, user)
    client.get(SET_UP)
    client.post(SET_UP, {"code": "000000"})
    client.post(SET_UP, {"code": code_of(Authenticator.objects.get(user=user))})

    assert "second factor set up" in caplog.text
    for secret in ("nobody-may-read-this-name", "nor-this-password", "127.0.0.1", PASSWORD):
        assert secret not in caplog.text
    assert "nobody-may-read" not in json.dumps(
        [dict(session.get_decoded()) for session in Session.objects.all()]
    )
