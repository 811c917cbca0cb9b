"""Six hundred discrepancies of twelve kinds, put into honest books behind their back: each found, and named what it is.

What they cover is Stripe against the books: its movements, payouts and events, and the entries of them. Bank lines against the
books are not among them. The ordinary tests live two lives of a fund at the stand-in for Stripe, and in each of these books put
five of every kind five times, taking them back between; with the marker `shuffles` there are ten lives more, wrong once.
Before, each book has none. The seed of a book is in its test's name.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from random import Random

import pytest
from django.db import connection, transaction
from django.utils import timezone

from donations import catching_up, differences
from donations.models import BalanceTransaction, Checkout, Entry, Payout, StripeEvent
from donations.sandbox import acts
from donations.sandbox.errors import SandboxError
from donations.stripe_api import create_session
from tests import factories
from tests.donations.lying import lying_of

EACH, DAYS = 5, 15
# Lives that are wrong once; and those of the ordinary tests, each wrong so often.
BOOKS, SHORT, TIMES = 10, 2, 5
AMOUNTS = {"EUR": ("5", "25", "40", "120"), "CLP": ("5000", "12000")}


class Book:
    """Some weeks of gifts, refunds, disputes and payouts, all told; then seeded with what is wrong."""

    def __init__(self, seed: int, *, days: int) -> None:
        self.random = Random(seed)
        self.now = timezone.now()
        self.appeal = factories.make_appeal()
        self.funds = [factories.make_fund(code=f"fund-{seed}-{n}") for n in range(2)]
        # What something was done to; and payments one refund of which is missing: with one too many beside it nobody could
        # tell which.
        self.used: set[str] = set()
        self.touched: set[str] = set()
        self._live(days)
        catching_up.sync(since=self.now - timedelta(days=days + 1), at=self.now)

    def _live(self, days: int) -> None:
        given: list[tuple[str, int]] = []
        disputed: set[str] = set()
        for day in range(days):
            at = self.now - timedelta(days=days - day, minutes=self.random.randrange(500))
            for number in range(2):
                currency = "CLP" if day % 5 == 4 and number else "EUR"
                given.append((self._give(currency, at=at), day))
            before = [payment for payment, when in given if when < day]
            for _refund in range(1 + day % 2 if before else 0):
                payment = self.random.choice(before)
                self._try(lambda payment=payment, at=at: acts.refund(payment, amount=100, at=at))
            if day % 3 == 2:
                payment = self.random.choice([each for each in before if each not in disputed])
                disputed.add(payment)
                opened = self._try(lambda payment=payment, at=at: acts.open_dispute(payment, at=at))
                if opened and self.random.random() < 0.5:
                    later = at + timedelta(hours=1)
                    acts.win(opened["id"], at=later)
            if day:
                self._try(lambda at=at: acts.pay_out("eur", at=at + timedelta(hours=2)))

    def _try(self, act: Callable[[], dict]) -> dict | None:
        """What Stripe would refuse (nothing is left of the payment, or to pay out) does not happen."""
        try:
            return act()
        except SandboxError:
            return None

    def _give(self, currency: str, *, at) -> str:
        pledge = factories.make_pledge(
            self.appeal,
            self.random.choice(self.funds),
            amount=self.random.choice(AMOUNTS[currency]),
            currency=currency,
        )
        visit = factories.make_checkout(pledge)
        session = create_session(
            idempotency_key=visit.idempotency_key,
            amount=pledge.amount,
            currency=currency,
            description="Sample fund",
            pledge_uuid=pledge.uuid,
            locale="en",
            success_url="http://127.0.0.1/",
            cancel_url="http://127.0.0.1/",
            expires_at=timezone.now() + timedelta(minutes=31),
        )
        Checkout.objects.filter(pk=visit.pk).update(stripe_session_id=session.id)
        return acts.pay(session.id, at=at)["payment_intent"]

    def found(self) -> set[tuple[str, str]]:
        """What is wrong; and that each unit of money is on the list once."""
        listed = differences.listed(at=self.now)
        lying_of(listed)
        return {(str(item.kind), item.name) for item in listed if item.is_wrong}

    # --- Victims ----------------------------------------------------------------------------------

    @cached_property
    def rows(self) -> list[Entry]:
        return list(Entry.objects.select_related("debit", "credit").order_by("pk"))

    def entry(self, *kinds: str, **conditions) -> Entry:
        """One that nothing was done to yet."""
        row = self.random.choice(
            [
                row
                for row in self.rows
                if row.kind in kinds
                and row.source not in self.used
                and all(getattr(row, name) == value for name, value in conditions.items())
            ]
        )
        self.used.add(row.source)
        return row

    def seeded(self, numbers: range) -> set[tuple[str, str]]:
        """Puts in one of each kind for each number; how it should be named."""
        self.used, self.touched = set(), set()
        return {(kind.__name__, kind(self, n)) for kind in KINDS for n in numbers}

    def copy(self, row: Entry, *, source: str, **changes) -> tuple[str, ...]:
        values = {
            name: getattr(row, name)
            for name in ("kind", "debit_id", "credit_id", "amount", "currency", "booked_on")
        } | changes
        Entry.objects.create(source=source, posted_at=self.now - timedelta(days=1), **values)
        self.used.add(source)
        return (source,)

    def change(self, row: Entry, **changes) -> str:
        Entry.objects.filter(pk=row.pk).update(**changes)
        return row.source

    def account_of(self, row: Entry, currency: str, asset: bool) -> int:
        side = row.debit if (row.debit.kind == "asset") == asset else row.credit
        same = type(side).objects.filter(kind=side.kind, place=side.place, currency=currency)
        return same.order_by("pk").first().pk


def payment_of(row: Entry) -> str:
    txn = row.source.removeprefix("stripe:")
    return BalanceTransaction.objects.get(stripe_id=txn).stripe_payment_intent_id


def missing(book: Book, n: int) -> str:
    row = book.entry(*[("donation",), ("payout_left",), ("refund",)][n % 3])
    if row.kind == "refund":
        book.touched.add(payment_of(row))
    Entry.objects.filter(pk=row.pk)._raw_delete("default")
    return row.source


def extra(book: Book, n: int) -> str:
    kind, name = ("donation", "pi") if n % 2 else ("payout_left", "po")
    [source] = book.copy(book.entry(kind), source=f"stripe:{name}_none_{n}")
    return source


def amount(book: Book, n: int) -> str:
    row = book.entry(*[("donation",), ("refund",), ("payout_left",)][n % 3], currency="EUR")
    return book.change(row, amount=row.amount + 1)


def currency(book: Book, n: int) -> str:
    row = book.entry("donation", currency="EUR")
    return book.change(
        row,
        currency="CLP",
        debit_id=book.account_of(row, "CLP", asset=True),
        credit_id=book.account_of(row, "CLP", asset=False),
    )


def fund(book: Book, n: int) -> str:
    row = book.entry("donation", currency="EUR")
    others = type(row.credit).objects.filter(kind="fund", currency="EUR")
    return book.change(row, credit_id=others.exclude(pk=row.credit_id).get().pk)


def fee(book: Book, n: int) -> str:
    row = book.entry("fee", currency="EUR")
    match n % 3:
        case 0:
            return book.change(row, amount=row.amount * 2)
        case 1:
            Entry.objects.filter(pk=row.pk)._raw_delete("default")
            return row.source
        case _:
            return book.copy(row, source=f"stripe:txn_none_{n}:fee")[0]


def duplicate_refund(book: Book, n: int) -> str:
    row = book.entry("refund")
    if n % 2:
        return book.copy(row, source=f"stripe:txn_twin_{n}")[0]
    while payment_of(row) in book.touched:
        row = book.entry("refund")
    # The money left twice: at Stripe, too.
    movement = BalanceTransaction.objects.get(stripe_id=row.source.removeprefix("stripe:"))
    charge = BalanceTransaction.objects.get(stripe_payment_intent_id=payment_of(row), type="charge")
    movement.pk, movement.stripe_id, movement.fee = None, f"txn_again_{n}", 0
    movement.payout_id, movement.amount = None, -charge.amount
    movement.save(force_insert=True)
    return f"stripe:{movement.stripe_id}"


def dispute(book: Book, n: int) -> str:
    row = book.entry("dispute", "dispute_fee")
    match n % 3:
        case 0:
            return book.change(row, amount=row.amount + 1)
        case 1:
            Entry.objects.filter(pk=row.pk)._raw_delete("default")
            return row.source
        case _:
            return book.copy(row, source=f"stripe:txn_dispute_{n}")[0]


def date(book: Book, n: int) -> str:
    row = book.entry("donation", "fee", "refund")
    return book.change(row, booked_on=row.booked_on + timedelta(days=n % 2 * 2 - 1))


def payout_split(book: Book, n: int) -> str:
    payouts = Payout.objects.filter(itemised_at__isnull=False).exclude(
        stripe_payout_id__in=book.used
    )
    payout = book.random.choice(list(payouts.order_by("pk")))
    book.used.add(payout.stripe_payout_id)
    if n % 2:
        [one, *_rest] = payout.movements.order_by("stripe_id")
    else:
        [one, *_rest] = BalanceTransaction.objects.filter(
            payout=None, currency="CLP", type="charge"
        ).order_by("stripe_id")
    BalanceTransaction.objects.filter(pk=one.pk).update(payout=None if n % 2 else payout)
    return payout.stripe_payout_id


def _event(book: Book) -> StripeEvent:
    rows = StripeEvent.objects.filter(processed_at__isnull=False, error="")
    row = book.random.choice(
        list(rows.exclude(event_id__in=book.used).order_by("pk").only("event_id", "livemode"))
    )
    book.used.add(row.event_id)
    return row


def test_mode(book: Book, n: int) -> str:
    row = _event(book)
    StripeEvent.objects.filter(pk=row.pk).update(livemode=not row.livemode)
    return row.event_id


def foreign_account(book: Book, n: int) -> str:
    row = _event(book)
    StripeEvent.objects.filter(pk=row.pk).update(account="acct_of_others")
    return row.event_id


test_mode.__test__ = False
KINDS = (
    missing, extra, amount, currency, fund, fee, duplicate_refund, dispute, date, payout_split, test_mode,
    foreign_account,
)  # fmt: skip
TABLES = ("entry", "balancetransaction", "stripeevent")


def guards(act: str) -> None:
    with connection.cursor() as cursor:
        # Else the checks put off to the commit hold the tables.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        # What waits to be followed names its entries.
        cursor.execute("DELETE FROM donations_unfollowedentry")
        for table in TABLES:
            cursor.execute(f"ALTER TABLE donations_{table} {act} TRIGGER USER")


@pytest.mark.parametrize(
    ("seed", "times"),
    [
        *((seed, TIMES) for seed in range(SHORT)),
        *(
            pytest.param(seed, 1, marks=pytest.mark.shuffles)
            for seed in range(SHORT, SHORT + BOOKS)
        ),
    ],
)
def test_each_discrepancy_is_found_and_named_and_nothing_else(db, settings, seed, times):
    settings.STRIPE_ACCOUNT = "acct_ours"
    book = Book(seed, days=DAYS)
    assert book.found() == set()
    assert Entry.objects.count() > DAYS * 5
    guards("DISABLE")

    for time in range(times):
        with transaction.atomic():
            seeded = book.seeded(range(time * EACH, (time + 1) * EACH))

            assert len(seeded) == len(KINDS) * EACH
            assert book.found() == seeded
            transaction.set_rollback(True)


def test_all_books_together_hold_six_hundred():
    assert len(KINDS) == 12
    assert BOOKS * EACH * len(KINDS) == SHORT * TIMES * EACH * len(KINDS) == 600
