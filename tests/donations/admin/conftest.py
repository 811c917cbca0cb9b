import pytest
from django.utils import translation

from tests.factories import log_in, make_user


@pytest.fixture
def treasurer(db, client):
    """A browser of a treasurer, in English."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    with translation.override("en"):
        yield log_in(client, make_user("tess", "treasurer"))
