"""Fixtures every test may use."""

import pytest
from django.conf import settings

from defensefund import postgres

# A cluster of their own: fast, because nothing in it is kept, and apart from the sample data of ./run.
CLUSTER = settings.DATA_DIR / "test-postgres"


def pytest_configure(config: pytest.Config) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    settings.MEDIA_ROOT = settings.DATA_DIR / "test-documents"
    if settings.EMBEDDED:
        settings.DATABASES["default"].update(postgres.address(CLUSTER))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """pytest-django asks for this before its first database: the place to start the server, so that other tests go without."""
    if settings.EMBEDDED:
        postgres.ensure(CLUSTER, durable=False)
