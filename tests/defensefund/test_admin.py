import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from defensefund import security_log
from defensefund.models import Authenticator, SecurityEvent
from tests.factories import log_in, make_authenticator, make_user

pytestmark = pytest.mark.django_db

USERS = "/admin/auth/user/"


@pytest.fixture
def office(client):
    """A superuser at work."""
    client.user = make_user("root-of-all", is_superuser=True)
    return log_in(client, client.user)


def test_second_factor_is_removed_by_a_superuser_and_the_sessions_end(office, client):
    user = make_user("ana")
    make_authenticator(user)
    change = office.get(reverse("admin:auth_user_change", args=[user.pk])).content.decode()
    remove = reverse("admin:auth_user_remove_second_factor", args=[user.pk])
    assert remove in change
    assert "Speak to the person first" in office.get(remove).content.decode()
    assert Authenticator.objects.filter(user=user).exists()

    response = office.post(remove, follow=True)

    assert "ana sets up a new second factor" in response.content.decode()
    assert not Authenticator.objects.filter(user=user).exists()
    event = user.security_events.get()
    assert (event.kind, event.by) == (SecurityEvent.Kind.REMOVED, office.user)


def test_second_factor_cannot_be_removed_where_there_is_none(office):
    user = make_user()
    change = office.get(reverse("admin:auth_user_change", args=[user.pk])).content.decode()

    assert "remove-second-factor" not in change
    assert office.post(f"{USERS}999999/remove-second-factor/").status_code == 404


def test_change_of_groups_is_recorded(office):
    user = make_user("ana")
    response = office.post(
        reverse("admin:auth_user_change", args=[user.pk]),
        {
            "username": "ana",
            "is_active": "on",
            "is_staff": "on",
            "groups": [Group.objects.get(name="treasurer").pk],
        },
    )

    assert response.status_code == 302
    assert [group.name for group in user.groups.all()] == ["treasurer"]
    event = user.security_events.get()
    assert (event.kind, event.by) == (SecurityEvent.Kind.RIGHTS_CHANGED, office.user)


def test_permissions_of_a_single_person_cannot_be_given_here(office):
    """They come from groups alone, so that one table says who may do what."""
    user = make_user()
    page = office.get(reverse("admin:auth_user_change", args=[user.pk])).content.decode()

    assert 'name="user_permissions"' not in page
    assert not [line for line in page.splitlines() if 'href="/admin/auth/group/' in line]


def test_new_account_is_recorded(office):
    form = office.get(f"{USERS}add/").content.decode()
    assert 'name="usable_password"' not in form  # Everybody here has one.
    office.post(
        f"{USERS}add/",
        {
            "username": "berta",
            "password1": "zorzal-lluvia-9041",
            "password2": "zorzal-lluvia-9041",
        },
    )

    event = SecurityEvent.objects.get(user__username="berta")
    assert event.kind == SecurityEvent.Kind.RIGHTS_CHANGED


@pytest.mark.parametrize("password", ["short-1", "password12345", "123456789012"])
def test_weak_password_is_refused(office, password):
    page = office.post(
        f"{USERS}add/",
        {
            "username": "berta",
            "password1": password,
            "password2": password,
        },
    )

    assert page.status_code == 200
    assert not SecurityEvent.objects.exists()


@pytest.mark.parametrize("times", [1, 3])
def test_lists_take_the_same_number_of_queries_whatever_their_length(
    office, django_assert_num_queries, times
):
    for _ in range(times):
        user = make_user(None, "auditor")
        make_authenticator(user)
        security_log.record(SecurityEvent.Kind.LOGGED_IN, user=user, by=user, at=user.date_joined)

    with django_assert_num_queries(6):
        assert office.get(USERS).status_code == 200
    with django_assert_num_queries(4):
        assert office.get("/admin/defensefund/securityevent/").status_code == 200


def test_job_queue_is_called_by_what_it_does(office):
    page = office.get("/admin/procrastinate/procrastinatejob/").content.decode()

    assert "<h1>Jobs of the worker</h1>" in page
    assert "Work in the background" in page
    assert "rocrastinate jobs" not in page


def test_what_stands_beside_every_page_follows_the_rights_and_the_language(client):
    user = make_user(None, "organizer")
    log_in(client, user)

    def listed(language):
        page = client.get("/admin/", headers={"accept-language": language})
        return {model["name"] for app in page.context["available_apps"] for model in app["models"]}

    before = listed("en")
    user.groups.set(Group.objects.filter(name="auditor"))

    assert ("Appeals" in before, "Entries" in before) == (True, False)
    assert ("Appeals" in listed("en"), "Entries" in listed("en")) == (False, True)
    assert "Asientos" in listed("es")
