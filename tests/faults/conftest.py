"""Worlds made once in a run of the tests, and for each test its own copy of one."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from donations import stripe_api
from donations.sandbox.models import SandboxObject
from donations.stripe_facts import EVENT_TYPES, Event
from tests.faults.world import WEEKS, Clock, build
from tests.stripe_events import signed


@pytest.fixture(scope="session")
def templates(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[dict[int, str]]:
    """The databases that hold a world, by its size; dropped at the end."""
    made: dict[int, str] = {}
    yield made
    with django_db_blocker.unblock(), connection._nodb_cursor() as cursor:
        for name in made.values():
            cursor.execute(f'DROP DATABASE "{name}"')


@pytest.fixture
def world(transactional_db: None, templates: dict[int, str]) -> Callable[[int], list[Event]]:
    """Puts a fresh copy of a world of a size in the place of the test's database; its events, as Stripe signed them."""

    def renewed(times: int) -> list[Event]:
        if times not in templates:
            templates[times] = _make(times)
        _replace(connection.settings_dict["NAME"], templates[times])
        rows = SandboxObject.objects.events().filter(data__type__in=EVENT_TYPES)
        return [
            stripe_api.parse_event(*signed(row.data)) for row in rows.order_by("created_at", "id")
        ]

    return renewed


def _make(times: int) -> str:
    """A template of the world, beside the test's own database; its name."""
    with pytest.MonkeyPatch.context() as patched:
        clock = Clock(timezone.now().replace(microsecond=0) - timedelta(weeks=WEEKS))
        patched.setattr(timezone, "now", clock)
        build(clock, times=times)
    name = connection.settings_dict["NAME"]
    template = f"{name}_world_{times}"
    _replace(template, name)
    return template


def _replace(name: str, template: str) -> None:
    # A database is copied only while nobody is connected to it.
    connection.close()
    connection.close_pool()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
