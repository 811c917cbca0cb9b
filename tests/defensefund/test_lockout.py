from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone

from defensefund import lockout
from defensefund.models import Authenticator, SecurityEvent
from tests.factories import code_of, make_authenticator, make_user

pytestmark = pytest.mark.django_db

PASSWORD = "a long test password"
LOGIN = "/admin/login/"
VERIFY = "/admin/login/second-step/"


def try_password(client, name, password="wrong", network="192.0.2.7"):
    return client.post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=network)


def fail(times, name, **where):
    return [try_password(Client(), name, **where).status_code for _ in range(times)]


def test_sixth_wrong_password_from_one_network_is_answered_with_when_to_come_back(client):
    user = make_user()

    assert fail(5, user.username) == [200] * 5
    response = try_password(client, user.username)

    assert response.status_code == 429
    assert "Try again after" in response.content.decode()
    assert 890 <= int(response["Retry-After"]) <= 901
    assert response["Cache-Control"].count("no-store") == 1


def test_right_password_is_refused_while_locked_out(client):
    user = make_user()
    fail(6, user.username)

    assert try_password(client, user.username, PASSWORD).status_code == 429
    assert try_password(client, user.username.upper(), PASSWORD).status_code == 429
    # The next address of the same network is the same network.
    assert try_password(client, user.username, PASSWORD, "192.0.2.99").status_code == 429


def test_unknown_name_gets_the_same_answers_as_a_known_one():
    user = make_user("known")

    known = [try_password(Client(), "known") for _ in range(7)]
    unknown = [try_password(Client(), "unknown") for _ in range(7)]

    def said(response):
        page = response.content.decode().replace("unknown", "known")
        token = response.context["csrf_token"]
        return response.status_code, page.replace(str(token), "")

    def without_tokens(response):
        status, page = said(response)
        return status, [line for line in page.splitlines() if "csrfmiddleware" not in line]

    assert [without_tokens(r) for r in known[:5]] == [without_tokens(r) for r in unknown[:5]]
    assert [r.status_code for r in known] == [r.status_code for r in unknown]
    assert user.security_events.count() == 1


def test_lockout_ends_and_is_not_prolonged_by_going_on(client):
    user = make_user()
    make_authenticator(user)
    fail(6, user.username)
    before = AccessAttempt.objects.get()
    fail(3, user.username)
    after = AccessAttempt.objects.get()
    assert (after.failures_since_start, after.attempt_time) == (6, before.attempt_time)

    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))

    assert try_password(client, user.username, PASSWORD)["Location"] == VERIFY


def test_others_from_the_same_network_are_not_locked_out(client):
    user, other = make_user(), make_user()
    make_authenticator(other)
    fail(6, user.username)

    assert try_password(client, other.username, PASSWORD)["Location"] == VERIFY


def known_device_of(user):
    client = Client()
    Authenticator.objects.filter(user=user).update(last_step=0)
    try_password(client, user.username, PASSWORD)
    client.post(VERIFY, {"code": code_of(Authenticator.objects.get(user=user))})
    client.post("/admin/logout/")
    return client


def flood(name):
    """Wrong passwords for one name from many networks, too few from each to be stopped there."""
    for i in range(11):
        fail(3, name, network=f"198.51.{i}.1")


def test_flood_from_everywhere_stops_new_devices_and_no_known_one(client):
    user = make_user()
    make_authenticator(user)
    device = known_device_of(user)
    flood(user.username)

    assert try_password(client, user.username, PASSWORD, "203.0.113.1").status_code == 429
    assert try_password(device, user.username, PASSWORD, "203.0.113.1")["Location"] == VERIFY


def test_known_device_is_not_shut_out_by_its_own_network():
    user = make_user()
    make_authenticator(user)
    device = known_device_of(user)
    fail(6, user.username)

    assert try_password(device, user.username, PASSWORD)["Location"] == VERIFY


def test_known_device_has_six_tries_of_its_own():
    user = make_user()
    make_authenticator(user)
    device = known_device_of(user)

    statuses = [
        try_password(device, user.username, network=f"203.0.{i}.1").status_code for i in range(6)
    ]

    assert statuses == [200] * 5 + [429]


def test_device_known_for_one_is_new_for_another():
    user, other = make_user(), make_user()
    make_authenticator(user)
    device = known_device_of(user)
    flood(other.username)

    assert try_password(device, other.username, PASSWORD).status_code == 429


@pytest.mark.parametrize("cookie", ["", "x", "a:b:c"])
def test_forged_device_cookie_is_no_device(client, cookie):
    user = make_user()
    fail(6, user.username)
    client.cookies[lockout.DEVICE_COOKIE] = cookie

    assert try_password(client, user.username, PASSWORD).status_code == 429


def test_wrong_codes_count_like_wrong_passwords(client):
    user = make_user()
    make_authenticator(user)
    try_password(client, user.username, PASSWORD)

    statuses = []
    for _ in range(6):
        Authenticator.objects.update(failures=0)
        statuses.append(
            client.post(VERIFY, {"code": "000000"}, REMOTE_ADDR="192.0.2.7").status_code
        )

    assert statuses == [200] * 5 + [429]
    right = {"code": code_of(Authenticator.objects.get(user=user))}
    assert client.post(VERIFY, right, REMOTE_ADDR="192.0.2.7").status_code == 429


def test_right_password_does_not_clear_the_count_before_the_second_factor(client):
    """Else who knows the password could guess codes without end."""
    user = make_user()
    make_authenticator(user)
    try_password(client, user.username, PASSWORD)
    for _ in range(5):
        Authenticator.objects.update(failures=0)
        client.post(VERIFY, {"code": "000000"}, REMOTE_ADDR="192.0.2.7")
        try_password(client, user.username, PASSWORD)

    assert client.post(VERIFY, {"code": "000000"}, REMOTE_ADDR="192.0.2.7").status_code == 429


def test_login_clears_the_count(client):
    user = make_user()
    authenticator = make_authenticator(user)
    fail(5, user.username)
    try_password(client, user.username, PASSWORD)
    client.post(VERIFY, {"code": code_of(authenticator)}, REMOTE_ADDR="192.0.2.7")

    assert not AccessAttempt.objects.exists()


def test_no_name_password_code_or_address_is_stored():
    user = make_user("seen-nowhere")
    client = Client()
    make_authenticator(user)
    try_password(client, user.username, "secret-typed-here")
    try_password(client, user.username, PASSWORD)
    client.post(VERIFY, {"code": "424242"}, REMOTE_ADDR="192.0.2.7")

    for attempt in AccessAttempt.objects.values():
        stored = str(attempt)
        for secret in ("seen-nowhere", "secret-typed-here", PASSWORD, "424242", "192.0.2.7"):
            assert secret not in stored


def test_lockout_is_recorded_once():
    user = make_user()
    fail(9, user.username)

    event = user.security_events.get()
    assert (event.kind, event.by) == (SecurityEvent.Kind.LOCKED_OUT, None)
