"""Where the stand-in may not be."""

import pytest

from donations.sandbox.checks import sandbox_is_wanted


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
