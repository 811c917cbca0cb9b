"""READ: what must hold of money that went back; in the form of proofs.PROOFS."""

REFUND_PROOFS: dict[str, tuple[str, str]] = {
    "refunds": (
        "Every refund that left, or came back, is booked to its donation's fund with its amount, and every booked one is one.",
        """
        SELECT coalesce(r.source, e.source) AS name,
               (r.kind, r.amount, r.currency::text, r.fund_id)
               IS DISTINCT FROM (e.kind, e.amount, e.currency::text, e.fund_id) AS wrong
        FROM (
            SELECT s.kind, s.source, r.amount, d.currency, d.fund_id
            FROM donations_refund r JOIN donations_donation d ON d.id = r.donation_id
            CROSS JOIN LATERAL (VALUES ('refund', r.source), ('refund_returned', r.return_source)) s (kind, source)
            WHERE s.source IS NOT NULL) r
        FULL JOIN (
            SELECT e.kind, e.source, e.amount, e.currency, a.fund_id
            FROM donations_entry e JOIN donations_account a ON a.id IN (e.debit_id, e.credit_id) AND a.kind = 'fund'
            WHERE e.kind IN ('refund', 'refund_returned') AND e.reverses_id IS NULL) e ON e.source = r.source""",
    ),
    "refund_approvals": (
        "No donation has more sent back than it was, and above one person's limit another person approved exactly that refund.",
        """
        SELECT 'request ' || q.number AS name,
               q.needs_two AND (q.approved_by_id IS NULL OR q.approved_by_id = q.requested_by_id
                                OR q.approved_hash <> q.content_hash)
               OR r.amount <> q.amount OR r.donation_id <> q.donation_id AS wrong
        FROM donations_refundrequest q JOIN donations_refund r ON r.id = q.refund_id
        UNION ALL
        SELECT d.source, sum(r.amount) > d.amount FROM donations_donation d
        JOIN donations_refund r ON r.donation_id = d.id AND r.status IN ('pending', 'succeeded') GROUP BY d.id""",
    ),
}
