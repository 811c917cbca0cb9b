"""What is wrong with the settings of the money, said at the start and not to the first donor."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from . import card_fees
from .currencies import GIVING


@register()
def currencies_are_known(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """A currency without limits and suggestions could be neither offered nor refused in words."""
    if not settings.CURRENCIES:
        return [
            Error(
                "CURRENCIES names no currency, so no gift could be taken.",
                hint="Write ISO 4217 codes separated by commas, like EUR,ARS.",
                id="donations.E001",
            )
        ]
    unknown = [
        Error(
            f"CURRENCIES names {code!r}, for which there is neither a smallest and largest gift nor suggestions.",
            hint=f"There are for {', '.join(sorted(GIVING))}. Another is one line in donations/currencies.py.",
            id="donations.E002",
        )
        for code in settings.CURRENCIES
        if code not in GIVING
    ]
    twice = [
        Error(f"CURRENCIES names {code!r} more than once.", id="donations.E003")
        for code, times in Counter(settings.CURRENCIES).items()
        if times > 1
    ]
    return [*unknown, *twice]


@register()
def card_fees_are_readable(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    wrong: list[CheckMessage] = []
    for item in settings.CARD_FEES:
        try:
            card_fees.parse(item)
        except card_fees.UnreadableFee:
            wrong.append(
                Error(
                    f"CARD_FEES has {item!r}, which names no currency with percentage and fixed part.",
                    hint="Write them like EUR:2.1%+0.30, separated by commas; the figures are in your contract with Stripe.",
                    id="donations.E004",
                )
            )
    return wrong


@register(Tags.database)
def live_books_hold_no_test_gifts(
    app_configs: Sequence[AppConfig] | None, *, databases: Sequence[str] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Asked by `migrate` and `check --database default`: what test keys booked would count as received for ever."""
    if not settings.STRIPE_LIVEMODE:
        return []
    events = apps.get_model("donations", "StripeEvent")
    return [
        Error(
            "STRIPE_SECRET_KEY is a live key, and test gifts are booked in this database.",
            hint="Books forget nothing: give the live installation a database of its own, which begins empty.",
            id="donations.E005",
        )
        for alias in databases or ()
        if events._meta.db_table in connections[alias].introspection.table_names()
        and events.objects.using(alias).filter(livemode=False, processed_at__isnull=False).exists()
    ]
