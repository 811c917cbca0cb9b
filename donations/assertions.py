"""READ: what bank and Stripe say lay with them at the end of a day, and what explains where the books say otherwise.

Money that the bank, or Stripe, moved in another month than we booked it explains a difference; what nobody has matched
or placed yet does not: until somebody has, the month stays open.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.db import connection
from django.db.models import F, Sum
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import money, plain_day

from .booked_movements import BOOKED
from .models import (
    Account,
    Assertion,
    BalanceTransaction,
    DayTotal,
    StatementImport,
    StatementLine,
    StripeBalance,
)
from .passing_money import unbooked

# By part of a bank line: what the bank moved until the end of the day, what is booked of it until then, where both agree in
# the end, or a person said that it is not booked. What else moves a bank account (a payment, also to the partner, a refund by transfer, an exchange, bail, what Stripe collects) is
# proved by a line on some other day, or by none yet. `amount` is by how much the bank has more than the books.
BANK_ITEMS = f"""
WITH here AS (
    SELECT e.id, e.source, e.reverses_id, e.booked_on <= %(day)s AS is_booked,
           CASE WHEN e.debit_id = %(account)s THEN e.amount ELSE -e.amount END AS moved,
           -- That a payment came back is a fact of its own, though it is booked as a reversal.
           regexp_replace(e.source, '^reversal:(?!disbursement:|partner_payment:)', '') AS fact
    FROM donations_entry e WHERE %(account)s IN (e.debit_id, e.credit_id)
),
facts AS (
    SELECT fact, sum(moved) AS moved, coalesce(sum(moved) FILTER (WHERE is_booked), 0) AS until FROM here GROUP BY fact
),
parts AS (
    SELECT m.source, coalesce(f.until, 0) AS until,
           CASE WHEN m.undone_at IS NULL THEN m.amount ELSE 0 END AS amount, coalesce(f.moved, 0) AS moved,
           CASE WHEN m.undone_at IS NULL AND l.booked_on <= %(day)s THEN m.amount ELSE 0 END AS said
    FROM donations_statementmatch m JOIN donations_statementline l ON l.id = m.line_id
    LEFT JOIN facts f ON f.fact = m.source
    WHERE l.account_id = %(bank)s AND m.source IS NOT NULL
),
proved AS (
    SELECT coalesce('disbursement:' || b.number, 'refund:' || q.number,
                    'exchange:' || x.number || CASE WHEN m.amount < 0 THEN ':out' ELSE ':in' END,
                    'bail:' || o.number, n.source, 'partner_payment:' || w.number, 'past:' || f.key) AS source,
           l.booked_on AS line_on
    FROM donations_statementmatch m JOIN donations_statementline l ON l.id = m.line_id
    LEFT JOIN donations_disbursement b ON b.id = m.disbursement_id AND m.amount < 0
    LEFT JOIN donations_partnerpayment w ON w.id = m.partner_payment_id AND m.amount < 0
    LEFT JOIN donations_refundrequest q ON q.id = m.refund_request_id
    LEFT JOIN donations_exchange x ON x.id = m.exchange_id
    LEFT JOIN donations_bailoutcome o ON o.id = m.bail_outcome_id
    LEFT JOIN donations_movementexplanation n ON n.id = m.collection_id
    LEFT JOIN donations_pastrow f ON f.id = m.past_row_id
    WHERE m.undone_at IS NULL AND l.account_id = %(bank)s
      AND coalesce(b.id, m.refund_request_id, m.exchange_id, m.bail_outcome_id, m.collection_id, w.id, f.id) IS NOT NULL
)
SELECT 'paid' AS what, h.source AS name, CASE WHEN h.is_booked THEN -h.moved ELSE h.moved END AS amount
FROM here h LEFT JOIN proved p ON p.source = h.source
WHERE h.source ~ '^((disbursement|refund|exchange|bail|partner_payment):|stripe:[^:]+:collected)' AND h.is_booked <> coalesce(p.line_on <= %(day)s, false)
  AND NOT EXISTS (SELECT 1 FROM here r WHERE r.reverses_id = h.id AND r.is_booked = h.is_booked)
UNION ALL
-- A row of the past needs no line; where one shows it, what the service kept of a gift came on that day, too.
SELECT 'paid', h.source, CASE WHEN h.is_booked THEN -h.moved ELSE h.moved END
FROM here h JOIN proved p ON p.source = regexp_replace(h.source, ':fee$', '')
WHERE h.source LIKE 'past:%%' AND h.is_booked <> (p.line_on <= %(day)s)
UNION ALL
SELECT 'late', source, said - until FROM parts WHERE said <> until AND moved = amount
UNION ALL
SELECT 'unbooked', key, amount FROM ({unbooked("l.account_id = %(bank)s AND l.booked_on <= %(day)s")}) n
ORDER BY what, name
"""  # noqa: S608  our own SQL

# By movement: what Stripe moved until the end of the day, what is booked of it until then; and that both agree in the end. What is
# not ours Stripe holds, and the books do not.
STRIPE_ITEMS = f"""
WITH booked AS (
    SELECT txn, sum(moved) AS moved, coalesce(sum(moved) FILTER (WHERE booked_on <= %(day)s), 0) AS until
    FROM ({BOOKED}) b WHERE account_id = %(account)s GROUP BY txn),
told AS (
    SELECT stripe_id, amount - fee AS moved, CASE WHEN created_at < %(end)s THEN amount - fee ELSE 0 END AS until
    FROM donations_balancetransaction WHERE currency = %(currency)s)
SELECT 'late' AS what, t.stripe_id AS name, t.until - b.until AS amount
FROM told t JOIN booked b ON b.txn = t.stripe_id
WHERE b.moved = t.moved AND b.until <> t.until
UNION ALL
SELECT 'not_ours', t.stripe_id, t.until
FROM told t JOIN donations_balancetransaction b ON b.stripe_id = t.stripe_id
JOIN donations_movementexplanation m ON m.movement_id = b.id
WHERE t.until <> 0 AND m.meaning = 'not_ours' AND m.approved_at IS NOT NULL AND m.undone_at IS NULL
ORDER BY name
"""  # noqa: S608  our own SQL


class NotStated(Exception):
    """Nobody says what lay on an account; the message is a sentence that says what to do."""


@dataclass(frozen=True)
class Item:
    """A part of the difference: `what` ("paid", "late", "unbooked", "not_ours"), of which fact, how much."""

    what: str
    name: str
    amount: Decimal


@dataclass(frozen=True)
class Stated:
    """What lay on an account by somebody else's word, and whose."""

    amount: Decimal
    basis: Assertion.Basis
    statement: StatementImport | None = None


def accounts_at(day: date) -> list[Account]:
    """Those at Stripe and at banks that anything was booked on until the end of a day."""
    moved = DayTotal.objects.filter(booked_on__lte=day).values("account")
    places = [Account.Place.STRIPE, Account.Place.BANK]
    return list(
        Account.objects.filter(place__in=places, pk__in=moved)
        .select_related("bank_account")
        .order_by("code")
    )


def stated(account: Account, day: date) -> Stated:
    """What Stripe or the bank's statements say of the end of `day`. Raises NotStated."""
    if account.place == Account.Place.STRIPE:
        return _stated_by_stripe(account, day)
    return _stated_by_bank(account, day)


def _stated_by_bank(account: Account, day: date) -> Stated:
    bank = account.bank_account
    assert bank is not None
    told = bank.imports.filter(opening_balance__isnull=False, closing_balance__isnull=False)
    covering = told.filter(last_on__gte=day)
    if not covering.exists():
        latest = told.order_by("-last_on").first()
        if latest is None or latest.last_on is None:
            raise NotStated(
                _(
                    "%(account)s: no statement with a balance was imported. Import one, or type the balance it shows."
                )
                % {"account": bank}
            )
        raise NotStated(
            _(
                "%(account)s: its statements end on %(last)s. Import the one that reaches to %(day)s, or type the balance it shows."
            )
            % {"account": bank, "last": plain_day(latest.last_on), "day": plain_day(day)}
        )
    start = covering.filter(first_on__lte=day).order_by("-first_on", "-pk").first()
    if start is None:
        # Its first statement begins later: until then there was what that one opens with.
        start = covering.order_by("first_on", "pk")[0]
        return Stated(Decimal(start.opening_balance or 0), Assertion.Basis.STATEMENT, start)
    lines = StatementLine.objects.filter(account=bank, booked_on__range=(start.first_on, day))
    closing = Decimal(start.opening_balance or 0) + lines.total()
    return Stated(closing, Assertion.Basis.STATEMENT, start)


def _stated_by_stripe(account: Account, day: date) -> Stated:
    end = end_of(day)
    read = StripeBalance.objects.filter(currency=account.currency).first()
    if read is None or read.read_at < end:
        raise NotStated(
            _(
                "Stripe was not asked for its balance in %(currency)s since %(day)s. The worker asks every ten minutes; the button “Ask Stripe again” on Differences asks now."
            )
            % {"currency": account.currency, "day": plain_day(day)}
        )
    moved = (
        BalanceTransaction.objects.filter(currency=account.currency, created_at__lt=end)
        .order_by()
        .aggregate(sum=Sum(F("amount") - F("fee")))["sum"]
    )
    return Stated((moved or Decimal(0)) + read.amount - read.moved, Assertion.Basis.STRIPE)


def end_of(day: date) -> datetime:
    """The first instant after a day; the books' days are those of UTC."""
    return datetime.combine(day + timedelta(days=1), time.min, UTC)


def items(account: Account, day: date) -> list[Item]:
    """What explains that bank or Stripe has more, or less, than the books at the end of a day."""
    params: dict[str, str | int | date | datetime]
    if account.place == Account.Place.STRIPE:
        query = STRIPE_ITEMS
        params = {
            "account": account.pk,
            "currency": account.currency,
            "day": day,
            "end": end_of(day),
        }
    elif account.place == Account.Place.BANK:
        assert account.bank_account is not None
        query = BANK_ITEMS
        bank = account.bank_account
        params = {"account": account.pk, "bank": bank.pk, "code": bank.code, "day": day}
    else:
        return []
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return [Item(*row) for row in cursor.fetchall()]


def failing(assertion: Assertion) -> str:
    """Why an assertion does not hold, in a sentence; empty when it holds."""
    if assertion.holds:
        return ""
    return " ".join(_why(assertion))


def _why(assertion: Assertion) -> Iterator[str]:
    account, currency = assertion.account, assertion.account.currency
    left = assertion.stated - assertion.booked - assertion.explained
    yield _(
        "%(account)s: %(basis)s says %(stated)s, the books say %(booked)s; %(left)s of it is not explained."
    ) % {
        "account": account.bank_account or account.get_place_display(),
        "basis": assertion.get_basis_display(),
        "stated": money(assertion.stated, currency),
        "booked": money(assertion.booked, currency),
        "left": money(left, currency),
    }
    if account.bank_account_id:
        lines = StatementLine.objects.unmatched().filter(
            account=account.bank_account_id, booked_on__lte=assertion.period.last_day
        )
        if count := lines.count():
            yield _("Bank lines that nobody has matched: %(count)s.") % {"count": count}
