"""Large books, made within the database."""

from datetime import date, timedelta
from decimal import Decimal

from django.db import connection, transaction

from donations import ledger
from donations.models import (
    AccountKey,
    BankAccount,
    Donation,
    Entry,
    Period,
    StatementImport,
    StatementLine,
    StatementMatch,
)
from tests import factories
from tests.benchmarks.rows import multiply, settle
from tests.factories import make_user

YEARS = 2


def fill(fund, count, *, first=date(2024, 3, 1), days=365 * YEARS):
    """That many entries, spread over the days; by the ledger's own statement, made within the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO donations_entry (kind, debit_id, credit_id, amount, currency, booked_on, source)"
            " SELECT 'donation', d.id, c.id, 1 + n %% 50, 'EUR', %s::date + (n * %s / %s)::int, 'stripe:pi_fill_' || n"
            " FROM generate_series(1, %s) n, donations_account d, donations_account c"
            " WHERE d.code = 'stripe:EUR' AND c.code = %s",
            [first, days, count, count, AccountKey.fund(fund, "EUR").code],
        )
    settle("donations_entry", "donations_total", "donations_daytotal")


def copy_gift(name, count, *, after=0):
    """So many more like the gift "name:0" and its entry, numbered from the one `after` on.

    As a replica: what the copies refer to is not looked up again. The ledger's own triggers work in one, too.
    """
    named = {"source": f"'{name}:' || n + {after}"}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        gift = Donation.objects.get(source=f"{name}:0")
        multiply(gift, count, stripe_payment_intent_id="NULL", **named)
        multiply(Entry.objects.get(source=f"{name}:0"), count, **named)


def make_month(count):
    """February 2026, not closed yet: that many entries of a bank account, and the bank's lines that prove them."""
    account = BankAccount.objects.create(
        code="bench", name="Sample bank", currency="EUR", number="1"
    )
    key = AccountKey.fund(factories.make_fund(code="month"), "EUR")
    ledger.post_many(
        [
            ledger.Posting(
                kind=Entry.Kind.INTEREST, debit=AccountKey.bank(account), credit=key, amount=Decimal(1),
                booked_on=date(2026, 2, 1) + timedelta(days=n % 28), source=f"bank:bench:{n}",
            )
            for n in range(count)
        ]
    )  # fmt: skip
    statement = StatementImport.objects.create(
        account=account, name="feb.csv", sha256="0" * 64, opening_balance=0, closing_balance=count,
        first_on=date(2026, 2, 1), last_on=date(2026, 2, 28), new_lines=count, known_lines=0, imported_at=factories.NOW,
    )  # fmt: skip
    make_lines(account, statement, count)
    return Period.objects.create(month=date(2026, 2, 1))


def make_lines(account, statement, count):
    """The bank's lines of the same entries, each matched."""
    person = make_user()
    lines = StatementLine.objects.bulk_create(
        [
            StatementLine(
                account=account, statement=statement, key=str(n), amount=1, currency="EUR",
                booked_on=date(2026, 2, 1) + timedelta(days=n % 28),
            )
            for n in range(count)
        ],
        batch_size=5_000,
    )  # fmt: skip
    StatementMatch.objects.bulk_create(
        [
            StatementMatch(
                line=line, amount=1, source=f"bank:bench:{line.key}", explanation="Interest.",
                confirmed_by=person, confirmed_at=factories.NOW,
            )
            for line in lines
        ],
        batch_size=5_000,
    )  # fmt: skip
    settle()
