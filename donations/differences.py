"""READ: the work list of the treasury: where Stripe and the books differ, and what is on its way for how long and why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from . import openings
from .models import Account
from .stripe_differences import DIFFERENCES

# Stripe's balance is listed every ten minutes; what it has not told of after this long it does not know of.
TOLD_WITHIN = timedelta(hours=2)


class Kind(TextChoices):
    """What is wrong, or what is on its way."""

    MISSING = "missing", _("not booked")
    EXTRA = "extra", _("unknown to Stripe")
    AMOUNT = "amount", _("another amount")
    CURRENCY = "currency", _("another currency")
    FUND = "fund", _("another fund")
    FEE = "fee", _("another fee")
    DUPLICATE_REFUND = "duplicate_refund", _("refunded twice")
    DISPUTE = "dispute", _("dispute booked otherwise")
    DATE = "date", _("another day")
    PAYOUT_SPLIT = "payout_split", _("payout is not the sum of its movements")
    TEST_MODE = "test_mode", _("told in another mode")
    FOREIGN_ACCOUNT = "foreign_account", _("told of another account")
    UNKNOWN = "unknown", _("of an unknown type")
    BALANCE = "balance", _("Stripe's balance is another")
    OPENING = "opening", _("on the account before its first statement, and not booked")
    AT_STRIPE = "at_stripe", _("waits at Stripe for a payout")
    IN_TRANSIT = "in_transit", _("on its way to the bank")
    CASH = "cash", _("cash on its way to the bank")
    TRANSFER_OUT = "transfer_out", _("on its way to another account of ours")
    TRANSFER_IN = "transfer_in", _("arrived from an account of ours that does not show it")
    BAIL = "bail", _("held by a court")
    BANK_LINES = "bank_lines", _("bank lines nobody has matched")
    UNPROVED = "unproved", _("paid, and on no statement yet")


# By kind: the cause and the next step, each a sentence.
ADVICE: dict[str, tuple[Any, Any]] = {
    Kind.MISSING: (
        _(
            "Stripe moved money that the books do not have: its webhook was lost or refused, or no gift of ours is behind it."
        ),
        _(
            "Run sync_stripe with a day before it. If it stays, look among the refused Stripe events for its payment."
        ),
    ),
    Kind.EXTRA: (
        _("The books have money at Stripe that Stripe never moved."),
        _(
            "Look at the entry's source at Stripe. If it is not there, reverse the entry, with the reason."
        ),
    ),
    Kind.AMOUNT: (
        _("The entry's amount is not the one Stripe moved."),
        _("Reverse the entry, with the reason; the next sync books what Stripe says."),
    ),
    Kind.CURRENCY: (
        _("The entry is in another currency than Stripe's movement."),
        _("Reverse the entry, with the reason; the next sync books what Stripe says."),
    ),
    Kind.FUND: (
        _("The entry is on another fund than the gift was given to."),
        _("Look which fund the supporter chose: reverse the entry, or correct the gift."),
    ),
    Kind.FEE: (
        _("The fee in the books is not the one Stripe kept, or one of the two has none."),
        _(
            "Compare the movement at Stripe; reverse what is wrong. The next sync books the fee it says."
        ),
    ),
    Kind.DUPLICATE_REFUND: (
        _("More went back than was given, or one refund is booked twice."),
        _(
            "Look at the payment at Stripe: if the money left twice, write to the supporter; if not, reverse the second entry."
        ),
    ),
    Kind.DISPUTE: (
        _("A dispute, or its fee, is booked otherwise than Stripe moved it, or not at all."),
        _("Open the dispute at Stripe and compare; the next sync books what is missing."),
    ),
    Kind.DATE: (
        _("The entry bears another day than the fact."),
        _("Reverse it, with the reason, when the month matters."),
    ),
    Kind.PAYOUT_SPLIT: (
        _("The movements tied to the payout do not add up to it."),
        _("Open the payout at Stripe and compare its list with ours."),
    ),
    Kind.TEST_MODE: (
        _(
            "An event of Stripe's test mode was acted on as if it were real, or the other way round."
        ),
        _("Check which keys the endpoint uses; reverse what the event booked."),
    ),
    Kind.FOREIGN_ACCOUNT: (
        _("An event of another Stripe account was acted on."),
        _("Check the endpoint's secret and STRIPE_ACCOUNT; reverse what the event booked."),
    ),
    Kind.UNKNOWN: (
        _("Stripe moved money in a way this program does not know; it is kept, and not booked."),
        _("Look it up at Stripe and decide which fund bears it."),
    ),
    Kind.BALANCE: (
        _(
            "Stripe holds another amount than all its movements we know come to: one was never fetched."
        ),
        _("Run sync_stripe with an earlier day."),
    ),
    Kind.OPENING: (
        _(
            "The first statement of the account does not begin with what the books have on it: it held money before, or was overdrawn."
        ),
        _(
            "Book what was there to the fund it is for; another person approves. Where the books have more, look among the entries before that day."
        ),
    ),
    Kind.AT_STRIPE: (
        _("Card gifts that no payout has brought to the bank yet."),
        _("Nothing, for some days. If it grows old, look whether payouts are automatic at Stripe."),
    ),
    Kind.IN_TRANSIT: (
        _("Stripe has sent it, and no bank line shows it."),
        _(
            "Import the bank's statement and match the line. If the bank has none, ask Stripe by the payout's name."
        ),
    ),
    Kind.CASH: (
        _("Somebody brought it to the bank, and no bank line shows it."),
        _("Import the bank's statement and match the line, or ask who brought it."),
    ),
    Kind.TRANSFER_OUT: (
        _("It left one account of ours, and no line of the other shows it."),
        _(
            "Import the other account's statement and match the line. If that bank has none, ask the one it left, or take the match back: perhaps it went elsewhere."
        ),
    ),
    Kind.TRANSFER_IN: (
        _("It arrived from another account of ours, and no line there shows that it left."),
        _(
            "Import that account's statement and match the line. If that bank has none, take the match back: somebody else sent it."
        ),
    ),
    Kind.BAIL: (
        _("A deposit that a court holds until the case ends."),
        _("Nothing, until the court gives it back or keeps it: record that on the cost."),
    ),
    Kind.BANK_LINES: (
        _("The bank moved money that nobody has explained."),
        _("Work through the open lines."),
    ),
    Kind.UNPROVED: (
        _("Somebody recorded that it was paid, or came back, and no bank line shows it."),
        _("Import the bank's statement and match the line, or ask whether it really was."),
    ),
}
# After so long what is on its way is work; before that it only has an age. What is not named here is work at once.
PATIENCE: dict[str, timedelta | None] = {
    Kind.AT_STRIPE: timedelta(days=14),
    Kind.IN_TRANSIT: timedelta(days=5),
    Kind.CASH: timedelta(days=7),
    Kind.TRANSFER_OUT: timedelta(days=5),
    Kind.TRANSFER_IN: timedelta(days=5),
    Kind.BANK_LINES: timedelta(days=7),
    Kind.UNPROVED: timedelta(days=7),
    Kind.BAIL: None,
}


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


# One row: kind, name, currency, what lies there, since when, where to look, how many facts it is made of.
ON_THE_WAY = """
SELECT 'at_stripe' AS kind, 'stripe:' || b.currency || ':' || b.created_at::date AS name, b.currency::text AS currency,
       sum(b.amount - b.fee) AS amount, b.created_at::date AS day, 'account' AS subject, a.id AS subject_id, count(*) AS facts
FROM donations_balancetransaction b JOIN donations_account a ON a.code = 'stripe:' || b.currency
WHERE b.payout_id IS NULL AND b.type NOT IN ('payout', 'payout_failure', 'payout_cancel')
  AND NOT EXISTS (SELECT 1 FROM donations_payout p WHERE p.currency = b.currency AND p.returned_at IS NULL
                  AND p.itemised_at IS NULL AND p.created_at >= b.created_at)
GROUP BY b.currency, b.created_at::date, a.id
UNION ALL
SELECT 'in_transit', p.stripe_payout_id, p.currency, p.amount, p.created_at::date, 'payout', p.id, 1
FROM donations_payout p
WHERE p.returned_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.payout_id = p.id AND m.undone_at IS NULL)
UNION ALL
SELECT 'cash', 'deposit:' || d.number, d.currency, d.amount, d.deposited_on, 'cashdeposit', d.id, 1
FROM donations_cashdeposit d
WHERE d.voided_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.deposit_id = d.id AND m.undone_at IS NULL)
UNION ALL
SELECT CASE WHEN m.amount < 0 THEN 'transfer_out' ELSE 'transfer_in' END, 'transfer:' || f.code || ':' || i.code, t.currency,
       -m.amount, l.booked_on, 'statementline', l.id, 1
FROM donations_statementmatch m
JOIN donations_owntransfer t ON t.id = m.own_transfer_id
JOIN donations_statementline l ON l.id = m.line_id
JOIN donations_bankaccount f ON f.id = t.left_from_id JOIN donations_bankaccount i ON i.id = t.arrives_at_id
WHERE m.own_transfer_id IS NOT NULL AND m.undone_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch o
                  WHERE o.own_transfer_id = t.id AND o.undone_at IS NULL AND o.id <> m.id)
UNION ALL
SELECT 'bail', a.code, a.currency, t.held, t.since, 'account', a.id, 1
FROM donations_account a
JOIN LATERAL (SELECT sum(debit - credit) AS held, min(booked_on) AS since FROM donations_daytotal WHERE account_id = a.id) t ON true
WHERE a.place = 'bail' AND t.held <> 0
UNION ALL
SELECT 'bank_lines', 'bank:' || b.code, b.currency, sum(l.amount - l.explained), min(l.booked_on), 'bankaccount', b.id, count(*)
FROM donations_statementline l JOIN donations_bankaccount b ON b.id = l.account_id
WHERE l.explained <> l.amount
GROUP BY b.id, b.code, b.currency
UNION ALL
SELECT 'unproved', 'disbursement:' || d.number, d.currency, d.amount, d.paid_on, 'disbursement', d.id, 1
FROM donations_disbursement d
WHERE d.paid_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.disbursement_id = d.id AND m.undone_at IS NULL)
UNION ALL
SELECT 'unproved', 'refund:' || q.number, q.currency, q.amount, q.paid_on, 'refundrequest', q.id, 1
FROM donations_refundrequest q
WHERE q.paid_at IS NOT NULL AND q.bank_account_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.refund_request_id = q.id AND m.undone_at IS NULL)
UNION ALL
SELECT 'unproved', 'bail:' || o.number, o.currency, o.amount, o.happened_on, 'legalcost', o.cost_id, 1
FROM donations_bailoutcome o
WHERE o.kind = 'returned'
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.bail_outcome_id = o.id AND m.undone_at IS NULL)
ORDER BY day, name
"""


def params(*, at: datetime) -> dict[str, Any]:
    """What the query of differences has to be told: our mode and account, and until when Stripe has told all."""
    return {
        "livemode": settings.STRIPE_LIVEMODE,
        "account": settings.STRIPE_ACCOUNT,
        "told_until": at - TOLD_WITHIN,
    }


def wrong(*, at: datetime) -> Iterator[Difference]:
    """Where Stripe, or a bank account's first statement, and the books do not say the same; each case once."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT * FROM ({DIFFERENCES}) found WHERE kind IS NOT NULL ORDER BY day, name",  # noqa: S608
            params(at=at),
        )
        for kind, *rest in cursor.fetchall():
            yield Difference(Kind(kind), *rest)
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


def clearing(items: Iterable[Difference]) -> list[Clearing]:
    """Each clearing account that has a balance, or items, among those of `on_the_way`."""
    listed: dict[tuple[str, str], Decimal] = {}
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
