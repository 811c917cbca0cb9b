"""What a production installation must have, said before the first donor meets it: `./run check --deploy`."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from defensefund.privacy import decode_key


@register(Tags.security)
def field_keys(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """At every start: a key that cannot be read would only be met at the first gift."""
    found: list[CheckMessage] = []
    for number, text in enumerate(settings.FIELD_KEYS, start=1):
        try:
            decode_key(text)
        except ValueError:
            found.append(
                Error(
                    f"FIELD_KEYS: key number {number} is not 32 bytes in URL-safe base64.",
                    hint="Make one with ./run new_field_key. Keep every key that rows were written with.",
                    id="defensefund.E001",
                )
            )
    if len(set(settings.FIELD_KEYS)) < len(settings.FIELD_KEYS):
        found.append(Error("FIELD_KEYS names the same key twice.", id="defensefund.E002"))
    return found


@register(Tags.security)
def stripe_base(app_configs: Any, **options: Any) -> list[CheckMessage]:
    if settings.STRIPE_LIVEMODE and settings.STRIPE_API_BASE:
        return [
            Error(
                "STRIPE_API_BASE is set together with a live STRIPE_SECRET_KEY: real cards would be sent to a stand-in.",
                hint="Remove STRIPE_API_BASE; it is for tests.",
                id="defensefund.E003",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def production(app_configs: Any, **options: Any) -> list[CheckMessage]:
    return [
        Warning(message, hint=hint, id=f"defensefund.{id_}") for id_, message, hint in _missing()
    ]


def _missing() -> Iterator[tuple[str, str, str]]:
    site = urlsplit(settings.SITE_URL)
    if settings.EMBEDDED:
        yield (
            "W001",
            "DATABASE_URL is not set: this is the demonstration, with sample logins, on an embedded database.",
            "Set DATABASE_URL to a PostgreSQL 15 or newer that is backed up.",
        )
    if site.scheme != "https":
        yield (
            "W002",
            "SITE_URL does not start with https://: cookies, links in letters and the way back from Stripe would go unencrypted.",
            "Set SITE_URL to the address donors use, like https://fund.example. For an onion service see README, Going to production.",
        )
    if site.hostname not in settings.ALLOWED_HOSTS:
        yield (
            "W003",
            f"ALLOWED_HOSTS does not name {site.hostname}, the host of SITE_URL.",
            "Name every host this site answers to, and no pattern.",
        )
    if any(host == "*" or host.startswith(".") for host in settings.ALLOWED_HOSTS):
        yield (
            "W004",
            "ALLOWED_HOSTS has a pattern: an invented Host header would be believed.",
            "Name every host in full.",
        )
    if settings.MAILERS["default"]["BACKEND"] == "django.core.mail.backends.console.EmailBackend":
        yield (
            "W005",
            "SMTP_URL is not set: receipts and reminders are written to the log, and nobody gets them.",
            "Set SMTP_URL, like smtp+tls://user:password@mail.example:587.",
        )
    if settings.DEFAULT_FROM_EMAIL.endswith("@localhost"):
        yield (
            "W006",
            "MAIL_FROM is not set: letters would come from fund@localhost, and be thrown away on the way.",
            "Set MAIL_FROM to an address of a neutral name at your domain.",
        )
    if settings.STRIPE_SANDBOX:
        yield (
            "W007",
            "STRIPE_SECRET_KEY is not set: card gifts go to a stand-in that moves no money.",
            "Set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRETS of your Stripe account.",
        )
    elif not settings.STRIPE_LIVEMODE:
        yield (
            "W008",
            "STRIPE_SECRET_KEY is a test key: no card is charged.",
            "Set the live key, which starts with sk_live_ or rk_live_.",
        )
    if settings.SECRET_KEY in settings.FIELD_KEYS:
        yield (
            "W009",
            "SECRET_KEY and FIELD_KEYS are the same: who gets one gets all.",
            "Make each on its own.",
        )
