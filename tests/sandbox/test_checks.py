"""Where the stand-in may not be."""

import pytest
import stripe
from django.test import Client

from donations.sandbox.checks import is_wanted, sandbox_is_not_deployed, sandbox_is_wanted
from donations.sandbox.models import SandboxObject
from donations.sandbox.transport import SandboxHTTPClient
from tests.sandbox.steps import open_session


@pytest.mark.parametrize(
    ("sandbox", "embedded", "allowed", "livemode", "found"),
    [
        (True, True, False, False, []),
        (True, False, True, False, []),
        (True, False, False, False, ["sandbox.E001"]),
        (False, False, False, True, []),
        (False, False, False, False, []),
        (False, False, True, True, ["sandbox.E002"]),
        (True, True, False, True, ["sandbox.E002"]),
    ],
)
def test_sandbox_is_only_where_it_was_asked_for(
    settings, sandbox, embedded, allowed, livemode, found
):
    settings.STRIPE_SANDBOX, settings.EMBEDDED = sandbox, embedded
    settings.ALLOW_SANDBOX, settings.STRIPE_LIVEMODE = allowed, livemode

    assert [error.id for error in sandbox_is_wanted(None)] == found
    assert is_wanted() == (sandbox and not livemode and (embedded or allowed))


@pytest.mark.parametrize(
    ("sandbox", "allowed", "found"),
    [
        (True, False, ["sandbox.E003"]),
        (True, True, ["sandbox.E003"]),
        (False, True, ["sandbox.E003"]),
        (False, False, []),
    ],
)
def test_sandbox_is_an_error_where_it_is_deployed(settings, sandbox, allowed, found):
    settings.STRIPE_SANDBOX, settings.ALLOW_SANDBOX = sandbox, allowed

    assert [error.id for error in sandbox_is_not_deployed(None)] == found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"),
    [("STRIPE_LIVEMODE", True), ("STRIPE_SANDBOX", False), ("ALLOW_SANDBOX", False)],
)
def test_sandbox_answers_nobody_although_its_checks_were_silenced(settings, name, value):
    opened = open_session()
    setattr(settings, name, value)

    asked = stripe.StripeClient("sk_test_sandbox", http_client=SandboxHTTPClient())
    with pytest.raises(stripe.PermissionError, match="off here"):
        asked.v1.checkout.sessions.create(
            {"mode": "setup", "currency": "eur", "success_url": "http://127.0.0.1/"}
        )

    here = Client(SERVER_NAME="127.0.0.1")
    assert here.get("/sandbox/", follow=True).status_code == 404
    assert [row.id for row in SandboxObject.objects.all()] == [opened.id]
