"""Fixtures every test may use."""

import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.resources import files

import pytest
import stripe
from aiosmtpd.controller import Controller
from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from defensefund import postgres
from tests import emptying, template_database
from tests.stripe_events import signed

# A cluster of their own: fast, because nothing in it is kept, and apart from the sample data of ./run.
CLUSTER = settings.DATA_DIR / "test-postgres"
IS_CLUSTER_WANTED = settings.EMBEDDED


def pytest_configure(config: pytest.Config) -> None:
    # The same examples each time, and no verdict by the clock: what fails was broken by a change, not by a busy machine.
    hypothesis_settings.register_profile(
        "suite",
        deadline=None,
        derandomize=True,
        # Examples share the database of their test: each writes nothing, or takes back what it wrote.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    hypothesis_settings.load_profile("suite")
    # Stripe's library waits before it asks again; how long is its own affair.
    stripe.HTTPClient.INITIAL_DELAY = stripe.HTTPClient.MAX_DELAY = 0.001
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    # Tests quote the source: what is asked for in no language comes in English. Spanish has tests of its own.
    settings.LANGUAGE_CODE = "en"
    settings.MEDIA_ROOT = settings.DATA_DIR / "test-documents"
    # Every client of a test would look through what ./run has collected. (WhiteNoise warns of a folder that is not there.)
    settings.STATIC_ROOT = settings.DATA_DIR / "test-static"
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    # For the browser tests: the rules of accessibility as one more static file.
    axe = files("axe_playwright_python")
    settings.STATICFILES_DIRS = [("axe", str(axe))]
    emptying.only_what_is_there()
    if IS_CLUSTER_WANTED:
        settings.DATABASES["default"].update(postgres.address(CLUSTER))
    # The same everywhere, whatever database serves the tests: an installation with one of its own.
    settings.EMBEDDED = False
    settings.ALLOW_SANDBOX = True
    settings.ALLOWED_HOSTS = ["*"]
    # Tests fill in a form at once; how long a person needs is tested where it is decided.
    settings.FORM_LEAST_SECONDS = 0


def pytest_collection_finish() -> None:
    # The tests and all they import stay until the end: Python need not look again and again for what of it is garbage.
    gc.freeze()
    gc.set_threshold(50_000, 20, 10)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """pytest-django asks for this before its first database: the place to start the server, so that other tests go without."""
    if IS_CLUSTER_WANTED:
        postgres.ensure(CLUSTER, durable=False)
        with django_db_blocker.unblock():
            connection.settings_dict["TEST"]["TEMPLATE"] = template_database.ensure(CLUSTER)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Django asks once in a process for each model's content type: not in whichever test counts its queries first."""
    with django_db_blocker.unblock():
        ContentType.objects.get_for_models(*apps.get_models())


@pytest.fixture(scope="module")
def rows_of_a_module(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """`with rows_of_a_module():` makes rows that all tests of the module begin with, once: what each does to them is undone.

    Not beside tests that commit or that begin with an empty database.
    """

    @contextmanager
    def making() -> Iterator[None]:
        with django_db_blocker.unblock(), translation.override("en"):
            yield
            # Else each test would end with the checks these rows wait for.
            connection.check_constraints()

    whole = transaction.atomic()
    # As Django's own around a test: what must be outermost may be within it.
    whole._from_testcase = True  # type: ignore[attr-defined]
    with django_db_blocker.unblock():
        whole.__enter__()
    yield making
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        whole.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def english():
    """A request in Spanish leaves its language in force in the thread; the next test starts in English again."""
    # Not by deactivate(): without an active language, texts come from a catalog that Django keeps from the first one it
    # looks up in a process. That happens while models load (a many-to-many field words its own name), before LANGUAGE_CODE
    # is English above; so get_language() would say "en" and the texts be Spanish.
    translation.activate("en")


@pytest.fixture
def deliver(client):
    """Posts an event to the webhook as Stripe does; returns the response."""

    def deliver(payload, **signing):
        body, header = signed(payload, **signing)
        return client.post(
            "/stripe/webhook/",
            body,
            content_type="application/json",
            headers={"Stripe-Signature": header},
        )

    return deliver


class Inbox:
    """A mail server that keeps what it takes; refuses while `is_full`, and addresses that are `unknown` for good."""

    def __init__(self):
        self.messages, self.is_full, self.unknown = [], False, set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.unknown:
            return f"550 5.1.1 there is no {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.is_full:
            return "452 4.3.1 no room for ana@example.org"
        self.messages.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"


@pytest.fixture
def inbox(settings):
    inbox = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    settings.MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": port},
        }
    }
    yield inbox
    controller.stop()
