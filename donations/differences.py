"""READ: the work list of the treasury: where Stripe, the bank and the books differ, and what is on its way for how long and why."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection

from . import bank_differences, openings
from .difference_kinds import ADVICE, PATIENCE, Kind
from .models import Account, MovementExplanation, Payout
from .passing_money import ON_THE_WAY
from .stripe_differences import LISTED

# Stripe's balance is listed every ten minutes; what it has not told of after this long it does not know of.
TOLD_WITHIN = timedelta(hours=2)
# What a payout is made of Stripe says when it has reconciled it: hours after it left, days at most.
ITEMISED_WITHIN = timedelta(days=7)
NOTHING = Decimal(0)
STRIPE = Account.Place.STRIPE
# On which account lies what ON_THE_WAY lists; bail on its cost's own.
PASSES: dict[str, str] = dict.fromkeys(
    (Kind.IN_TRANSIT, Kind.CASH, Kind.TRANSFER_OUT, Kind.TRANSFER_IN), Account.Place.TRANSIT
)


@dataclass(frozen=True)
class Lies:
    """What of a case lies on an account that money only passes through: by what was `told`, and by the books.

    `place` is a Place with one account a currency, else the account's code.
    """

    place: str
    currency: str
    told: Decimal
    booked: Decimal


@dataclass(frozen=True)
class Difference:
    """One case: what Stripe, the bank or the court says (`told`) and the books (`booked`), where each has an amount.

    `subject` is the row to look at, a model's name and key. `since` is the day of the fact. No two lie of the same money.
    """

    kind: Kind
    name: str
    currency: str
    told: Decimal | None
    booked: Decimal | None
    since: date
    subject: str
    subject_id: int
    count: int = 1
    # Of `booked`, where it is another.
    booked_currency: str = ""
    lies: tuple[Lies, ...] = ()

    @property
    def cause(self) -> str:
        return str(ADVICE[self.kind][0])

    @property
    def next_step(self) -> str:
        return str(ADVICE[self.kind][1])

    @property
    def amount(self) -> Decimal | None:
        """What is on its way: as it was told, or, where nobody has told of it yet, as it is booked."""
        return self.booked if self.told is None else self.told

    @property
    def booked_in(self) -> str:
        return self.booked_currency or self.currency

    def age(self, at: datetime) -> int:
        """In days."""
        return max((at.date() - self.since).days, 0)

    @property
    def is_wrong(self) -> bool:
        """What was told and the books do not say the same; else it is on its way."""
        return self.kind not in PATIENCE

    def is_work(self, at: datetime) -> bool:
        """Whether somebody is to look at it now; else it is merely on its way."""
        if self.is_wrong:
            return True
        patience = PATIENCE[self.kind]
        return patience is not None and at.date() - self.since > patience


def params(*, at: datetime) -> dict[str, Any]:
    """What the query of differences has to be told: our mode and account, and until when Stripe has told all."""
    return {
        "livemode": settings.STRIPE_LIVEMODE,
        "account": settings.STRIPE_ACCOUNT,
        "told_until": at - TOLD_WITHIN,
    }


def listed(*, at: datetime) -> list[Difference]:
    """All that is wrong, then all that is on its way: every unit of money of a clearing account (at Stripe, in transit, bail)
    once, and what waits for a person or the bank."""
    stripe = list(_or_asked(_at_stripe(at=at)))
    return [
        *(item for item in stripe if item.is_wrong),
        *_wrong_elsewhere(at=at),
        *(item for item in stripe if not item.is_wrong),
        *_on_the_way(),
    ]


def _at_stripe(*, at: datetime) -> list[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(LISTED, params(at=at))
        rows = cursor.fetchall()
    return [_of_stripe(row) for row in rows]


def _of_stripe(row: tuple[Any, ...]) -> Difference:
    """From a row of LISTED."""
    kind, name, currency, told, booked, since, subject, subject_id, count, *where = row
    booked_currency, there, kept, is_passing = where
    if currency == booked_currency:
        lies = [Lies(STRIPE, currency, there, kept)]
    else:
        lies = [
            Lies(STRIPE, currency, there, there - (told or NOTHING)),
            Lies(STRIPE, booked_currency, NOTHING, kept),
        ]
    if is_passing:
        # By so much the books have less at Stripe than they should, they have more on its way.
        lies.append(Lies(Account.Place.TRANSIT, currency, NOTHING, there - kept))
    return Difference(
        *(Kind(kind), name, currency, told, booked, since, subject, subject_id, count),
        booked_currency,
        tuple(each for each in lies if each.told or each.booked),
    )


def _wrong_elsewhere(*, at: datetime) -> Iterator[Difference]:
    """What Stripe never itemised, and where a notification of the bank, or an account's first statement, and the books do not
    say the same."""
    unitemised = Payout.objects.unitemised(until=at - ITEMISED_WITHIN)
    for payout in unitemised.order_by("created_at", "pk"):
        yield Difference(
            Kind.NOT_ITEMISED,
            payout.stripe_payout_id,
            payout.currency,
            payout.amount,
            None,
            payout.created_at.date(),
            "payout",
            payout.pk,
        )
    for line, notified in bank_differences.unsettled():
        yield Difference(
            Kind.NOTIFIED,
            f"bank:{line.account.code}:{line.pk}",
            notified.currency,
            notified.told,
            notified.amount,
            notified.booked_on,
            "statementline",
            line.pk,
        )
    for found in openings.missing():
        account = found.account
        yield Difference(
            Kind.OPENING,
            f"bank:{account.code}",
            account.currency,
            found.stated,
            found.booked,
            found.day,
            "bankaccount",
            account.pk,
        )


def _or_asked(found: list[Difference]) -> Iterator[Difference]:
    """What somebody explained already waits for another person, who looks at the explanation."""
    movements = [item.subject_id for item in found if _is_open_movement(item)]
    asked = {}
    if movements:
        waiting = MovementExplanation.objects.undecided().filter(movement__in=movements)
        asked = dict(waiting.values_list("movement", "pk"))
    for item in found:
        explanation = asked.get(item.subject_id) if _is_open_movement(item) else None
        if explanation is None:
            yield item
        else:
            yield replace(
                item, kind=Kind.ASKED, subject="movementexplanation", subject_id=explanation
            )


def _is_open_movement(item: Difference) -> bool:
    """That Stripe moved it, and nothing of ours books it."""
    return item.subject == "balancetransaction" and item.is_wrong


def _on_the_way() -> Iterator[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(ON_THE_WAY)
        rows = cursor.fetchall()
    for kind, name, currency, amount, day, subject, subject_id, count in rows:
        place = name if kind == Kind.BAIL else PASSES.get(kind)
        # What lies on such an account is told and booked; what is not proved only the books say.
        told = None if kind == Kind.UNPROVED else amount
        booked = amount if place or kind == Kind.UNPROVED else None
        yield Difference(
            *(Kind(kind), name, currency, told, booked, day, subject, subject_id, count),
            lies=(Lies(place, currency, amount, amount),) if place else (),
        )


def work_list(*, at: datetime) -> list[Difference]:
    """What somebody is to look at now: all that is wrong, and what is on its way for too long."""
    return [item for item in listed(at=at) if item.is_work(at)]
