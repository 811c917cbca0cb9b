"""What is wrong with the settings of the money, said at the start and not to the first donor."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

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
