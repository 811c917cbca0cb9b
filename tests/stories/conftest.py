"""The house the stories play in, and its letters."""

from email import message_from_bytes, policy

import pytest

from .house import make_house


@pytest.fixture
def house(transactional_db, live_server):
    return make_house(f"{live_server.url}/stripe/webhook/")


@pytest.fixture
def letters(inbox):
    """`letters()`: recipient, subject and body of every letter the mail server took, in order."""

    def letters():
        read = []
        for recipients, text in inbox.messages:
            letter = message_from_bytes(text.encode(), policy=policy.default)
            read.append((recipients, letter["Subject"], letter.get_content()))
        return read

    return letters
