"""READ: what the morning letter to treasurers says of the work list: each kind with its number, sums, age and next step, and nobody's name."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings

from defensefund.letters import Words, words_of
from defensefund.templatetags.formats import money

from .difference_kinds import ADVICE, PATIENCE, Kind
from .differences import Difference

# Of one kind: what a job can be given, so all in JSON; sums by currency, as text.
type Told = dict[str, Any]


def summary(found: Sequence[Difference], *, at: datetime) -> list[Told]:
    """Of each kind on the list, in its order: `kind`, `count` of cases, `parts` they hold, `age` of the oldest in days, and
    by currency what was `told` and is `booked`."""
    kinds: dict[Kind, list[Difference]] = {}
    for item in found:
        kinds.setdefault(item.kind, []).append(item)
    return [
        {
            "kind": kind.value,
            "count": len(items),
            "parts": sum(item.count for item in items),
            "age": max(item.age(at) for item in items),
            "told": _sums((item.currency, item.told) for item in items),
            "booked": _sums((item.booked_in, item.booked) for item in items),
        }
        for kind, items in kinds.items()
    ]


def _sums(amounts: Iterable[tuple[str, Decimal | None]]) -> dict[str, str]:
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        if amount is not None:
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return {currency: str(amount) for currency, amount in sorted(sums.items())}


def letter(kinds: Sequence[Told]) -> Words:
    """In the language in force."""
    context = {
        "count": sum(each["count"] for each in kinds),
        "kinds": [_in_words(each) for each in kinds],
        "link": f"{settings.SITE_URL}/admin/donations/account/differences/",
    }
    return words_of("donations/email/differences", context)


def _in_words(each: Told) -> dict[str, Any]:
    kind = Kind(each["kind"])
    cause, next_step = ADVICE[kind]
    told, booked = _listed(each["told"]), _listed(each["booked"])
    return each | {
        "label": kind.label,
        "cause": cause,
        "next_step": next_step,
        "is_wrong": kind not in PATIENCE,
        "told": told,
        "booked": booked,
        # What is on its way is told, or, where nobody has told of it yet, booked.
        "amount": told or booked,
    }


def _listed(sums: Mapping[str, str]) -> str:
    return ", ".join(money(Decimal(amount), currency) for currency, amount in sums.items())
