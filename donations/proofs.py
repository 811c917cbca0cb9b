"""READ: every invariant of the books, each one query over all rows; for the nightly check and for anyone who doubts."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True)
class Proof:
    """One invariant: how many cases contradict it (none, if it holds), and the first few by their own names."""

    name: str
    sentence: str
    contradictions: int
    examples: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return self.contradictions == 0


# name → (sentence, query whose every row contradicts it and names itself in the first column)
PROOFS: dict[str, tuple[str, str]] = {
    "balanced": (
        "Per currency, assets equal funds and costs.",
        """
        SELECT a.currency FROM donations_account a JOIN (
            SELECT debit_id AS id, amount FROM donations_entry
            UNION ALL SELECT credit_id, -amount FROM donations_entry) m ON m.id = a.id
        GROUP BY a.currency HAVING sum(m.amount) <> 0""",
    ),
    "totals": (
        "Stored totals equal what the entries add up to.",
        """
        SELECT coalesce(e.account_id, t.account_id) || ' ' || coalesce(e.kind, t.kind) FROM (
            SELECT account_id, kind, sum(debit) AS debit, sum(credit) AS credit FROM (
                SELECT debit_id AS account_id, kind, amount AS debit, 0 AS credit FROM donations_entry
                UNION ALL SELECT credit_id, kind, 0, amount FROM donations_entry) m
            GROUP BY account_id, kind) e
        FULL JOIN (
            SELECT account_id, kind, sum(debit) AS debit, sum(credit) AS credit FROM donations_total
            GROUP BY account_id, kind) t USING (account_id, kind)
        WHERE (e.debit, e.credit) IS DISTINCT FROM (t.debit, t.credit)""",
    ),
    "donations": (
        "Every donation is booked to its fund with its amount, and every booked donation is one.",
        """
        SELECT coalesce(d.source, e.source) FROM donations_donation d
        FULL JOIN (
            SELECT e.source, e.amount, e.currency, a.fund_id
            FROM donations_entry e JOIN donations_account a ON a.id = e.credit_id
            WHERE e.kind = 'donation' AND e.reverses_id IS NULL) e ON e.source = d.source
        WHERE (d.amount, d.currency::text, d.fund_id) IS DISTINCT FROM (e.amount, e.currency::text, e.fund_id)""",
    ),
    "refunds": (
        "Every refund is booked with its amount, and every booked refund is one.",
        """
        SELECT coalesce('stripe:' || r.stripe_refund_id, e.source) FROM donations_refund r
        FULL JOIN (SELECT source, amount FROM donations_entry WHERE kind = 'refund' AND reverses_id IS NULL) e
            ON e.source = 'stripe:' || r.stripe_refund_id
        WHERE r.amount IS DISTINCT FROM e.amount""",
    ),
    "fees": (
        "The fees of donations add up to the fees booked, per fund and currency.",
        """
        SELECT coalesce(d.fund_id, e.fund_id) || ' ' || coalesce(d.currency, e.currency) FROM (
            SELECT fund_id, currency, sum(fee) AS fee FROM donations_donation
            WHERE fee > 0 GROUP BY fund_id, currency) d
        FULL JOIN (
            SELECT a.fund_id, e.currency, sum(CASE WHEN e.reverses_id IS NULL THEN e.amount ELSE -e.amount END) AS fee
            FROM donations_entry e JOIN donations_account a ON a.id IN (e.debit_id, e.credit_id) AND a.kind = 'fund'
            WHERE e.kind = 'fee' GROUP BY a.fund_id, e.currency) e
            ON e.fund_id = d.fund_id AND e.currency = d.currency
        WHERE d.fee IS DISTINCT FROM e.fee""",
    ),
    "allocations": (
        "Every allocation is booked with its amount, and every booked allocation is one.",
        """
        SELECT coalesce('allocation:' || a.number, e.source) FROM donations_allocation a
        FULL JOIN (
            SELECT source, amount, kind = 'release' AS is_release FROM donations_entry
            WHERE kind IN ('allocation', 'release') AND reverses_id IS NULL) e
            ON e.source = 'allocation:' || a.number
        WHERE (a.amount, a.is_release) IS DISTINCT FROM (e.amount, e.is_release)""",
    ),
    "payments": (
        "Every paid cost is booked with its amount, and every booked payment was approved by another person.",
        """
        SELECT coalesce('disbursement:' || d.number, e.source) FROM (
            SELECT * FROM donations_disbursement WHERE paid_at IS NOT NULL) d
        FULL JOIN (
            SELECT source, amount, currency FROM donations_entry
            WHERE kind IN ('disbursement', 'bail_paid') AND reverses_id IS NULL) e
            ON e.source = 'disbursement:' || d.number
        WHERE (d.amount, d.currency::text) IS DISTINCT FROM (e.amount, e.currency::text)
           OR d.approved_by_id IS NULL OR d.approved_by_id = d.requested_by_id
           OR d.approved_hash <> d.content_hash""",
    ),
    "payouts": (
        "Every payout is booked with its amount, and every booked payout is one.",
        """
        SELECT coalesce('stripe:' || p.stripe_payout_id, e.source) FROM donations_payout p
        FULL JOIN (SELECT source, amount FROM donations_entry
                   WHERE kind = 'payout_left' AND reverses_id IS NULL) e
            ON e.source = 'stripe:' || p.stripe_payout_id
        WHERE p.amount IS DISTINCT FROM e.amount""",
    ),
    "overdrawn": (
        "No fund or cost is below zero without being frozen.",
        """
        SELECT a.code FROM donations_account a
        WHERE a.kind <> 'asset' AND a.frozen_at IS NULL AND donations_free(a.id) < 0""",
    ),
    "currencies": (
        "Every entry has the currency of both its accounts and no finer amount than it has.",
        """
        SELECT e.source FROM donations_entry e
        JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
        WHERE e.currency <> d.currency OR e.currency <> c.currency
           OR e.amount <> round(e.amount, donations_exponent(e.currency)) OR e.amount <= 0""",
    ),
    "guards": (
        "The database's guards of the ledger are in place and on.",
        """
        SELECT guard FROM unnest(ARRAY['entry_append_only', 'entry_no_truncate', 'entry_post']) guard
        WHERE NOT EXISTS (
            SELECT 1 FROM pg_trigger WHERE tgname = guard AND tgenabled = 'A'
              AND tgrelid = 'donations_entry'::regclass)""",
    ),
}

EXAMPLES = 5


def prove() -> Iterator[Proof]:
    """Looks at every invariant, one after the other."""
    for name, (sentence, query) in PROOFS.items():
        with connection.cursor() as cursor:
            cursor.execute(query)
            rows = [str(row[0]) for row in cursor.fetchall()]
        yield Proof(name, sentence, len(rows), tuple(rows[:EXAMPLES]))
