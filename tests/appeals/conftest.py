"""People of the office and a small published world for the appeals' tests."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.translation import override

from tests.factories import log_in


@pytest.fixture
def ana(db: None) -> User:
    """Writes."""
    return User.objects.create_user("ana")


@pytest.fixture
def bruno(db: None) -> User:
    """Reviews."""
    return User.objects.create_user("bruno")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """The tests read what people are told in the language it was written in."""
    with override("en"):
        yield


@pytest.fixture
def office(client: Client) -> Callable[..., Client]:
    """Logs somebody in, second factor included, with permissions of appeals by codename."""

    def enter(user: User, *permissions: str) -> Client:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
        known = Permission.objects.filter(
            content_type__app_label="appeals", codename__in=permissions
        )
        assert len(known) == len(permissions)
        user.user_permissions.set(known)
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
        return log_in(client, user)

    return enter
