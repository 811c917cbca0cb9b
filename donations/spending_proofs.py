"""READ: what must hold of money that is decided over; in the form of proofs.PROOFS."""

SPENDING_PROOFS: dict[str, tuple[str, str]] = {
    "allocations": (
        "Every allocation is booked between its fund and cost with its amount, and every booked one is one.",
        """
        SELECT coalesce(a.source, e.source) AS name,
               (a.amount, a.is_release, a.fund_id, a.cost_id)
               IS DISTINCT FROM (e.amount, e.is_release, e.fund_id, e.cost_id) AS wrong
        FROM (SELECT 'allocation:' || number AS source, * FROM donations_allocation) a
        FULL JOIN (
            SELECT e.source, e.amount, e.kind = 'release' AS is_release,
                   coalesce(d.fund_id, c.fund_id) AS fund_id, coalesce(d.legal_cost_id, c.legal_cost_id) AS cost_id
            FROM donations_entry e
            JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
            WHERE e.kind IN ('allocation', 'release') AND e.reverses_id IS NULL) e ON e.source = a.source""",
    ),
    "payments": (
        "Every paid cost is booked with its amount, and another person approved exactly that payment.",
        """
        SELECT coalesce(d.source, e.source) AS name,
               (d.amount, d.currency::text, d.cost_id, d.bank_account_id)
               IS DISTINCT FROM (e.amount, e.currency::text, e.cost_id, e.bank_account_id)
               OR d.approved_by_id IS NULL OR d.approved_by_id = d.requested_by_id
               OR d.approved_hash <> d.content_hash
               OR (d.seconded_by_id IS NOT NULL AND d.seconded_hash <> d.content_hash)
               OR d.seconded_by_id IN (d.requested_by_id, d.approved_by_id)
               OR (d.approvals_needed = 2 AND d.seconded_by_id IS NULL AND d.emergency_reason = '') AS wrong
        FROM (SELECT 'disbursement:' || number AS source, * FROM donations_disbursement
              WHERE paid_at IS NOT NULL) d
        FULL JOIN (
            SELECT e.source, e.amount, e.currency, d.legal_cost_id AS cost_id, c.bank_account_id
            FROM donations_entry e
            JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
            WHERE e.kind IN ('disbursement', 'bail_paid') AND e.reverses_id IS NULL) e ON e.source = d.source""",
    ),
    # Its entry may have been reversed, and that taken back, before: what counts is that the last one stands for nothing.
    "never_left": (
        "Every payment that never left is booked back by the word of two people, and no bank line shows it.",
        """
        SELECT d.payment_reference AS name,
               d.undone_by_id = d.undo_requested_by_id OR d.came_back_on IS DISTINCT FROM d.paid_on
               OR EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.disbursement_id = d.id AND m.undone_at IS NULL)
               OR (WITH RECURSIVE booked (id, turn) AS (
                       SELECT e.id, 0 FROM donations_entry e WHERE e.source = 'disbursement:' || d.number
                       UNION ALL SELECT r.id, b.turn + 1 FROM booked b JOIN donations_entry r ON r.reverses_id = b.id)
                   SELECT coalesce(max(turn), 0) FROM booked) %% 2 = 0 AS wrong
        FROM donations_disbursement d WHERE d.undone_at IS NOT NULL""",
    ),
    "covers": (
        "Every cover of a fund is booked with its amount and was approved by another person than asked for it.",
        """
        SELECT coalesce(c.source, e.source) AS name,
               (c.amount, c.currency::text, c.source_id, c.target_id)
               IS DISTINCT FROM (e.amount, e.currency::text, e.from_id, e.to_id)
               OR c.approved_by_id = c.requested_by_id OR c.refused_at IS NOT NULL AS wrong
        FROM (SELECT 'cover:' || number AS source, * FROM donations_fundcover
              -- One that only lifts a freeze moves nothing, and has no entry.
              WHERE approved_at IS NOT NULL AND source_id IS NOT NULL) c
        FULL JOIN (
            SELECT e.source, e.amount, e.currency, d.fund_id AS from_id, c.fund_id AS to_id
            FROM donations_entry e
            JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
            WHERE e.kind = 'cover' AND e.reverses_id IS NULL) e ON e.source = c.source""",
    ),
}
