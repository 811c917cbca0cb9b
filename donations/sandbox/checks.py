"""The stand-in must never take the place of Stripe where real gifts are expected."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register()
def sandbox_is_wanted(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.STRIPE_LIVEMODE and (settings.STRIPE_SANDBOX or settings.ALLOW_SANDBOX):
        return [
            Error(
                "ALLOW_SANDBOX is set together with a live STRIPE_SECRET_KEY.",
                hint="Remove ALLOW_SANDBOX: this installation takes real money.",
                id="sandbox.E002",
            )
        ]
    if not settings.STRIPE_SANDBOX or settings.EMBEDDED or settings.ALLOW_SANDBOX:
        return []
    return [
        Error(
            "STRIPE_SECRET_KEY is not set, so payments would only be played by the sandbox.",
            hint="Set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRETS, or ALLOW_SANDBOX=true on a test installation.",
            id="sandbox.E001",
        )
    ]


@register(Tags.security, deploy=True)
def sandbox_is_not_deployed(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Whoever asks `check --deploy` means to take gifts: then not even ALLOW_SANDBOX lets the stand-in be."""
    if not settings.STRIPE_SANDBOX and not settings.ALLOW_SANDBOX:
        return []
    return [
        Error(
            "The payment sandbox is on: payments would be invented, and pages show how to invent more.",
            hint="Set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRETS, and remove ALLOW_SANDBOX.",
            id="sandbox.E003",
        )
    ]


def is_wanted() -> bool:
    """Whether the stand-in may answer at all. Asked at each request too: a check can be silenced."""
    return (
        settings.STRIPE_SANDBOX
        and not settings.STRIPE_LIVEMODE
        and (settings.EMBEDDED or settings.ALLOW_SANDBOX)
    )
