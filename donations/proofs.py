"""READ: every invariant of the books, each one query over all rows; for the nightly check and for anyone who doubts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from . import differences
from .bank_proofs import BANK_PROOFS
from .cost_proofs import COST_PROOFS
from .guard_proofs import GUARDS, guards_written
from .move_proofs import LOT_PROOFS, MOVE_PROOFS
from .past_proofs import PAST_PROOFS
from .refund_proofs import REFUND_PROOFS
from .spending_proofs import SPENDING_PROOFS
from .stripe_differences import DIFFERENCES

EXAMPLES = 5


@dataclass(frozen=True)
class Proof:
    """One invariant: how many cases were looked at, how many contradict it, and the first few of those by name."""

    name: str
    sentence: str
    cases: int
    contradictions: int
    examples: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return self.contradictions == 0


# name → (sentence, query of one row a case: its own name, and whether it contradicts the sentence)
PROOFS: dict[str, tuple[str, str]] = {
    "balanced": (
        "Per currency, assets equal funds and costs.",
        """
        SELECT a.currency AS name, sum(m.amount) <> 0 AS wrong FROM donations_account a JOIN (
            SELECT debit_id AS id, amount FROM donations_entry
            UNION ALL SELECT credit_id, -amount FROM donations_entry) m ON m.id = a.id
        GROUP BY a.currency""",
    ),
    "totals": (
        "Stored totals equal what the entries add up to.",
        """
        SELECT a.code || ' ' || m.kind AS name, (e.debit, e.credit) IS DISTINCT FROM (t.debit, t.credit) AS wrong
        FROM (
            SELECT account_id, kind, sum(debit) AS debit, sum(credit) AS credit FROM (
                SELECT debit_id AS account_id, kind, amount AS debit, 0 AS credit FROM donations_entry
                UNION ALL SELECT credit_id, kind, 0, amount FROM donations_entry) one
            GROUP BY account_id, kind) e
        FULL JOIN (
            SELECT account_id, kind, sum(debit) AS debit, sum(credit) AS credit FROM donations_total
            GROUP BY account_id, kind) t USING (account_id, kind)
        CROSS JOIN LATERAL (SELECT account_id AS id, kind) m JOIN donations_account a ON a.id = m.id""",
    ),
    "days": (
        "Stored totals of days equal what the entries of each day add up to.",
        """
        SELECT a.code || ' ' || m.day || ' ' || m.kind AS name,
               (e.debit, e.credit) IS DISTINCT FROM (t.debit, t.credit) AS wrong
        FROM (
            SELECT account_id, booked_on, kind, sum(debit) AS debit, sum(credit) AS credit FROM (
                SELECT debit_id AS account_id, booked_on, kind, amount AS debit, 0 AS credit FROM donations_entry
                UNION ALL SELECT credit_id, booked_on, kind, 0, amount FROM donations_entry) one
            GROUP BY account_id, booked_on, kind) e
        FULL JOIN (
            SELECT account_id, booked_on, kind, sum(debit) AS debit, sum(credit) AS credit FROM donations_daytotal
            GROUP BY account_id, booked_on, kind) t USING (account_id, booked_on, kind)
        CROSS JOIN LATERAL (SELECT account_id AS id, booked_on AS day, kind) m
        JOIN donations_account a ON a.id = m.id""",
    ),
    "donations": (
        "Every donation is booked to its fund with its amount, and every booked donation is one.",
        """
        SELECT coalesce(d.source, e.source) AS name,
               (d.amount, d.currency::text, d.fund_id, d.reversed_at IS NOT NULL)
               IS DISTINCT FROM (e.amount, e.currency::text, e.fund_id, e.is_reversed) AS wrong
        FROM donations_donation d
        FULL JOIN (
            SELECT e.source, e.amount, e.currency, a.fund_id, r.id IS NOT NULL AS is_reversed
            FROM donations_entry e JOIN donations_account a ON a.id = e.credit_id
            LEFT JOIN donations_entry r ON r.reverses_id = e.id
            WHERE e.kind = 'donation' AND e.reverses_id IS NULL) e ON e.source = d.source""",
    ),
    "receipts": (
        "Receipts are numbered from one on without a gap, each for a donation that somebody announced.",
        """
        SELECT 'R-' || lpad(r.serial::text, 7, '0') AS name,
               r.serial <> row_number() OVER (ORDER BY r.serial) OR d.pledge_id IS NULL AS wrong
        FROM donations_receipt r JOIN donations_donation d ON d.id = r.donation_id""",
    ),
    **REFUND_PROOFS,
    "fees": (
        "The fees of donations add up to the fees booked, per fund and currency.",
        """
        SELECT f.code || ' ' || m.currency AS name, m.fee <> m.booked AS wrong FROM (
            SELECT fund_id, currency, sum(fee) AS fee, sum(booked) AS booked FROM (
                SELECT fund_id, currency, fee, 0 AS booked FROM donations_donation WHERE fee > 0
                UNION ALL
                SELECT a.fund_id, e.currency, 0, CASE WHEN a.id = e.debit_id THEN e.amount ELSE -e.amount END
                FROM donations_entry e
                JOIN donations_account a ON a.id IN (e.debit_id, e.credit_id) AND a.kind = 'fund'
                WHERE e.kind = 'fee') one
            GROUP BY fund_id, currency) m JOIN donations_fund f ON f.id = m.fund_id""",
    ),
    **SPENDING_PROOFS,
    **MOVE_PROOFS,
    **LOT_PROOFS,
    **COST_PROOFS,
    **PAST_PROOFS,
    "payouts": (
        "Every payout is booked with its amount, back again if it was returned, and every booked payout is one.",
        """
        SELECT coalesce(p.source, e.source) AS name,
               (p.amount, p.currency::text) IS DISTINCT FROM (e.amount, e.currency::text) AS wrong
        FROM (
            SELECT 'stripe:' || stripe_payout_id AS source, amount, currency FROM donations_payout
            UNION ALL
            SELECT 'stripe:' || stripe_payout_id || ':returned', amount, currency FROM donations_payout
            WHERE returned_at IS NOT NULL
            UNION ALL
            SELECT m.source, b.amount, b.currency FROM donations_movementexplanation m
            JOIN donations_balancetransaction b ON b.id = m.movement_id
            WHERE m.meaning = 'collected' AND m.source IS NOT NULL) p
        FULL JOIN (SELECT source, amount, currency FROM donations_entry
                   WHERE kind IN ('payout_left', 'payout_returned') AND reverses_id IS NULL) e
            ON e.source = p.source""",
    ),
    "deposits": (
        "All cash brought to the bank is booked with its amount, and all that is booked was brought.",
        """
        SELECT coalesce(d.source, e.source) AS name,
               (d.amount, d.currency::text, d.voided_at IS NOT NULL)
               IS DISTINCT FROM (e.amount, e.currency::text, e.is_reversed) AS wrong
        FROM (SELECT 'deposit:' || number AS source, * FROM donations_cashdeposit) d
        FULL JOIN (
            SELECT e.source, e.amount, e.currency, r.id IS NOT NULL AS is_reversed
            FROM donations_entry e LEFT JOIN donations_entry r ON r.reverses_id = e.id
            WHERE e.kind = 'deposit_left' AND e.reverses_id IS NULL) e ON e.source = d.source""",
    ),
    "slips": (
        "Every slip for cash or a cheque has the next number of its year, and its amount where it is booked.",
        """
        SELECT r.year || '-' || r.serial AS name,
               r.serial <> row_number() OVER (PARTITION BY r.year ORDER BY r.serial)
               OR (d.id IS NOT NULL AND (r.amount, r.currency::text, r.fund_id)
                                        IS DISTINCT FROM (d.amount, d.currency::text, d.fund_id))
               OR (r.voided_at IS NOT NULL AND d.id IS NOT NULL AND d.reversed_at IS NULL)
               OR (r.voided_at IS NULL AND r.kind = 'cash' AND d.reversed_at IS NOT NULL) AS wrong
        FROM donations_cashreceipt r LEFT JOIN donations_donation d ON d.id = r.donation_id""",
    ),
    "cash": (
        "There is never less than nothing in the cash box.",
        """
        SELECT code AS name, donations_balance(id) < 0 AS wrong
        FROM donations_account WHERE place = 'cash'""",
    ),
    **BANK_PROOFS,
    "reversals": (
        "Every reversal mirrors the entry it takes back, and says who did it and why.",
        """
        SELECT e.source AS name,
               (e.kind, e.debit_id, e.credit_id, e.amount, e.currency, e.source)
               IS DISTINCT FROM (o.kind, o.credit_id, o.debit_id, o.amount, o.currency, 'reversal:' || o.source)
               OR r.id IS NULL OR btrim(r.reason) = '' AS wrong
        FROM donations_entry e LEFT JOIN donations_entry o ON o.id = e.reverses_id
        LEFT JOIN donations_reversal r ON r.entry_id = e.id
        WHERE e.reverses_id IS NOT NULL OR e.source LIKE 'reversal:%%'""",
    ),
    "closed": (
        "Every closed month is as it was when it was closed.",
        """
        SELECT to_char(month, 'YYYY-MM') AS name, donations_period_sha256(month) <> sha256 AS wrong
        FROM donations_period WHERE closed_at IS NOT NULL""",
    ),
    # From one charge to the next, and to the one planned, is a month; what a supporter chose (a pause, another day) may
    # make it longer. One that is overdue for days was never told of.
    "months": (
        "Every month of a monthly gift was charged or tried, or its supporter had chosen otherwise.",
        """
        SELECT s.stripe_subscription_id || ' ' || m.due_on AS name,
               (m.next_on > m.due_on + 35 AND NOT EXISTS (
                    SELECT 1 FROM donations_subscriptionchange c
                    WHERE c.subscription_id = s.id AND c.kind IN ('pause', 'resume', 'day') AND c.done_at IS NOT NULL
                    AND c.asked_at::date BETWEEN m.due_on AND m.next_on))
               OR (m.is_planned AND s.paused_at IS NULL AND s.next_charge_at < now() - interval '3 days') AS wrong
        FROM donations_subscription s JOIN LATERAL (
            SELECT due_on, lead(due_on, 1, s.next_charge_at::date) OVER due AS next_on,
                   lead(due_on) OVER due IS NULL AND s.ended_at IS NULL AS is_planned
            FROM donations_monthlycharge WHERE subscription_id = s.id WINDOW due AS (ORDER BY due_on, id)) m ON true
        UNION ALL
        SELECT s.stripe_subscription_id, s.ended_at IS NULL AND s.created_at < now() - interval '1 day'
        FROM donations_subscription s
        WHERE NOT EXISTS (SELECT 1 FROM donations_monthlycharge c WHERE c.subscription_id = s.id)""",
    ),
    "sources": (
        "Every entry's source is of a kind that this kind of entry has.",
        """
        SELECT e.source AS name, e.source !~ CASE e.kind
            WHEN 'donation' THEN '^(stripe:pi_|bank:|cash:|past:).'
            WHEN 'fee' THEN '^(stripe:txn_.+|past:[0-9a-f]{32}):fee$'
            WHEN 'opening' THEN '^past:[0-9a-f]{32}$'
            WHEN 'past_payment' THEN '^past:[0-9a-f]{32}$'
            WHEN 'dispute_fee' THEN '^stripe:txn_.+:fee$'
            WHEN 'refund' THEN '^(stripe:txn_.+|refund:[0-9a-f-]{36})$'
            WHEN 'refund_returned' THEN '^stripe:txn_.'
            WHEN 'dispute' THEN '^stripe:txn_.'
            WHEN 'dispute_won' THEN '^stripe:txn_.'
            WHEN 'payout_left' THEN '^stripe:po_[^:]+$'
            WHEN 'payout_returned' THEN '^stripe:po_[^:]+:(returned|collected(:[0-9]+)?)$'
            WHEN 'deposit_left' THEN '^deposit:[0-9a-f-]{36}$'
            WHEN 'deposit_arrived' THEN '^bank:.'
            WHEN 'payout_arrived' THEN '^bank:.'
            WHEN 'transfer_left' THEN '^bank:.'
            WHEN 'transfer_arrived' THEN '^bank:.'
            WHEN 'bank_fee' THEN '^(bank:.|stripe:txn_[^:]+(:[0-9]+)?(:fee)?$)'
            WHEN 'interest' THEN '^(bank:.|stripe:txn_[^:]+(:[0-9]+)?(:fee)?$)'
            WHEN 'bail_returned' THEN '^bail:[0-9a-f-]{36}$'
            WHEN 'bail_forfeited' THEN '^bail:[0-9a-f-]{36}$'
            WHEN 'allocation' THEN '^allocation:[0-9a-f-]{36}$'
            WHEN 'release' THEN '^allocation:[0-9a-f-]{36}$'
            WHEN 'disbursement' THEN '^disbursement:[0-9a-f-]{36}$'
            WHEN 'bail_paid' THEN '^disbursement:[0-9a-f-]{36}$'
            WHEN 'cover' THEN '^cover:[0-9a-f-]{36}$'
            WHEN 'exchange' THEN '^exchange:[0-9a-f-]{36}:(in|out)$'
            WHEN 'surplus' THEN '^surplus:[0-9a-f-]{36}$'
            WHEN 'partner_payment' THEN '^partner_payment:[0-9a-f-]{36}$'
            ELSE '$never^' END AS wrong
        FROM donations_entry e WHERE e.reverses_id IS NULL""",
    ),
    "overdrawn": (
        "No fund or cost is below zero without being frozen.",
        """
        SELECT a.code AS name, a.frozen_at IS NULL AND donations_free(a.id) < 0 AS wrong
        FROM donations_account a WHERE a.kind <> 'asset'""",
    ),
    "currencies": (
        "Every entry has the currency of both its accounts and no finer amount than it has.",
        """
        SELECT e.source AS name, e.currency <> d.currency OR e.currency <> c.currency OR e.amount <= 0
               OR e.amount <> round(e.amount, donations_exponent(e.currency)) AS wrong
        FROM donations_entry e
        JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id""",
    ),
}

STRIPE = f"""
SELECT kind || ' ' || name || ': ' || coalesce(round(told, donations_exponent(currency)) || ' ' || currency, 'nothing')
       || ' at Stripe, ' || coalesce(round(booked, donations_exponent(currency)) || ' ' || currency, 'nothing') || ' booked',
       kind IS NOT NULL
FROM ({DIFFERENCES}) compared
"""  # noqa: S608  our own SQL

# The names of what is wrong are put in order afterwards: an aggregate with an order would first sort all that was looked at.
COUNTED = """
SELECT cases, contradictions,
       ARRAY(SELECT name FROM unnest(names) AS wrong (name) ORDER BY name LIMIT {examples})
FROM (SELECT count(*), count(*) FILTER (WHERE wrong), array_agg(name) FILTER (WHERE wrong)
      FROM ({query}) AS looked_at (name, wrong)) AS counted (cases, contradictions, names)
"""


def prove() -> Iterator[Proof]:
    """Looks at every invariant, one after the other; each is of one instant."""
    for name in PROOFS:
        yield look(name)
    yield prove_stripe()
    yield prove_guards()


def look(name: str) -> Proof:
    """One of PROOFS."""
    sentence, query = PROOFS[name]
    return _look(name, sentence, query, [])


def prove_stripe() -> Proof:
    """That Stripe's movements, payouts and balance are what the books say; differences.wrong names each that is not."""
    sentence = "Every movement on Stripe's balance is booked as Stripe says: amount, currency, fund, day; and nothing else is."
    return _look("stripe", sentence, STRIPE, differences.params(at=timezone.now()))


def prove_guards() -> Proof:
    """That the database still has the triggers, functions and constraints, as the migrations made them."""
    sentence = "The database's guards are in place, on, and as they were written."
    return _look("guards", sentence, GUARDS, guards_written())


NAMES = (*PROOFS, "stripe", "guards")


def _look(name: str, sentence: str, query: str, params: list[list[str]] | dict[str, Any]) -> Proof:
    with connection.cursor() as cursor:
        cursor.execute(COUNTED.format(query=query, examples=EXAMPLES), params)
        cases, contradictions, examples = cursor.fetchone()
    return Proof(name, sentence, cases, contradictions, tuple(examples))
