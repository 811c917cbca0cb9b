"""People of the office and a small published world for the appeals' tests."""

import pytest
from django.contrib.auth.models import User


@pytest.fixture
def ana(db: None) -> User:
    """Writes."""
    return User.objects.create_user("ana")


@pytest.fixture
def bruno(db: None) -> User:
    """Reviews."""
    return User.objects.create_user("bruno")
