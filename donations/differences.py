"""READ: the work list of the treasury: where Stripe, the bank and the books differ, and what is on its way for how long and why."""

from collections.abc import Iterable, Iterator
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
from .stripe_differences import DIFFERENCES

# Stripe's balance is listed every ten minutes; what it has not told of after this long it does not know of.
TOLD_WITHIN = timedelta(hours=2)
# What a payout is made of Stripe says when it has reconciled it: hours after it left, days at most.
ITEMISED_WITHIN = timedelta(days=7)


@dataclass(frozen=True)
class Difference:
    """One case: what Stripe, the bank or the court says (`told`) and the books (`booked`), where each has an amount.

    `subject` is the row to look at, a model's name and key. `since` is the day of the fact.
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

    @property
    def cause(self) -> str:
        return str(ADVICE[self.kind][0])

    @property
    def next_step(self) -> str:
        return str(ADVICE[self.kind][1])

    def age(self, at: datetime) -> int:
        """In days."""
        return max((at.date() - self.since).days, 0)

    def is_work(self, at: datetime) -> bool:
        """Whether somebody is to look at it now; else it is merely on its way."""
        if self.kind not in PATIENCE:
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


def wrong(*, at: datetime) -> Iterator[Difference]:
    """Where Stripe, a notification of the bank, or an account's first statement, and the books do not say the same; each
    case once."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT * FROM ({DIFFERENCES}) found WHERE kind IS NOT NULL ORDER BY day, name",  # noqa: S608
            params(at=at),
        )
        unlike = [Difference(Kind(kind), *rest) for kind, *rest in cursor.fetchall()]
    yield from _or_asked(unlike)
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
    explainable = {Kind.UNKNOWN, Kind.COLLECTED}
    movements = [item.subject_id for item in found if item.kind in explainable]
    asked = {}
    if movements:
        waiting = MovementExplanation.objects.undecided().filter(movement__in=movements)
        asked = dict(waiting.values_list("movement", "pk"))
    for item in found:
        explanation = asked.get(item.subject_id) if item.kind in explainable else None
        if explanation is None:
            yield item
        else:
            yield replace(
                item, kind=Kind.ASKED, subject="movementexplanation", subject_id=explanation
            )


def on_the_way() -> Iterator[Difference]:
    """Every item of a clearing account (at Stripe, in transit, cash, bail), and what waits for a person or the bank."""
    with connection.cursor() as cursor:
        cursor.execute(ON_THE_WAY)
        for kind, name, currency, amount, day, subject, subject_id, count in cursor.fetchall():
            yield Difference(
                Kind(kind), name, currency, amount, None, day, subject, subject_id, count
            )


@dataclass(frozen=True)
class Clearing:
    """An account that money only passes through: what the books have on it, and what of that is on the list."""

    account: Account
    balance: Decimal
    listed: Decimal

    @property
    def left(self) -> Decimal:
        return self.balance - self.listed


# Whose items lie on which account.
LIES = {
    Kind.AT_STRIPE: Account.Place.STRIPE,
    Kind.IN_TRANSIT: Account.Place.TRANSIT,
    Kind.CASH: Account.Place.TRANSIT,
    Kind.TRANSFER_OUT: Account.Place.TRANSIT,
    Kind.TRANSFER_IN: Account.Place.TRANSIT,
    Kind.BAIL: Account.Place.BAIL,
}


# By so much more or less than lies at Stripe the books have there.
UNLIKE_AT_STRIPE = {
    *(Kind.MISSING, Kind.EXTRA, Kind.AMOUNT, Kind.FEE, Kind.DUPLICATE_REFUND, Kind.DISPUTE),
    *(Kind.UNKNOWN, Kind.COLLECTED, Kind.ASKED),
}


def clearing(items: Iterable[Difference], unlike: Iterable[Difference]) -> list[Clearing]:
    """Each clearing account that has a balance, or items: those of `on_the_way`, and at Stripe those of `wrong`."""
    listed: dict[tuple[str, str], Decimal] = {}
    for item in unlike:
        if item.kind in UNLIKE_AT_STRIPE:
            key = (str(Account.Place.STRIPE), item.currency)
            listed[key] = listed.get(key, Decimal(0)) + (item.booked or 0) - (item.told or 0)
    for item in items:
        if place := LIES.get(item.kind):
            key = (item.name if place == Account.Place.BAIL else place, item.currency)
            listed[key] = listed.get(key, Decimal(0)) + (item.told or 0)
    rows: Any = Account.objects.with_balance().filter(place__in=set(LIES.values()))
    found = [
        Clearing(
            row,
            row.balance,
            listed.get(
                (row.code if row.place == Account.Place.BAIL else row.place, row.currency),
                Decimal(0),
            ),
        )
        for row in rows.order_by("place", "code")
    ]
    return [each for each in found if each.balance or each.listed]


def work_list(*, at: datetime) -> list[Difference]:
    """What somebody is to look at now: all that is wrong, and what is on its way for too long."""
    waiting = (item for item in on_the_way() if item.is_work(at))
    return [*wrong(at=at), *waiting]
