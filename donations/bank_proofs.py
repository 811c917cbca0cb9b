"""READ: what must hold of bank lines, what they are matched to, and what is on its way; in the form of proofs.PROOFS."""

BANK_PROOFS: dict[str, tuple[str, str]] = {
    "clearing": (
        "What is on its way is the sum of the payouts, the cash and the own transfers that have not arrived, less those not seen to leave.",
        """
        SELECT a.code AS name, donations_balance(a.id) <> coalesce(m.amount, 0) AS wrong
        FROM donations_account a
        LEFT JOIN (
            SELECT currency::text, sum(amount) AS amount FROM (
                SELECT p.currency, p.amount FROM donations_payout p
                WHERE p.returned_at IS NULL AND NOT EXISTS (
                    SELECT 1 FROM donations_statementmatch s WHERE s.payout_id = p.id AND s.undone_at IS NULL)
                UNION ALL
                SELECT d.currency, d.amount FROM donations_cashdeposit d
                WHERE d.voided_at IS NULL AND NOT EXISTS (
                    SELECT 1 FROM donations_statementmatch s WHERE s.deposit_id = d.id AND s.undone_at IS NULL)
                UNION ALL
                SELECT l.currency, -s.amount - s.withheld FROM donations_statementmatch s
                JOIN donations_statementline l ON l.id = s.line_id
                WHERE s.own_transfer_id IS NOT NULL AND s.undone_at IS NULL) one
            GROUP BY currency) m ON m.currency = a.currency
        WHERE a.place = 'transit'""",
    ),
    "lines": (
        "What is said of a bank line comes to what is stored for it, and to no more than the bank moved.",
        """
        SELECT a.code || ':' || l.key AS name,
               l.explained <> coalesce(m.said, 0) OR abs(l.explained) > abs(l.amount) OR l.explained * l.amount < 0 AS wrong
        FROM donations_statementline l JOIN donations_bankaccount a ON a.id = l.account_id
        LEFT JOIN (SELECT line_id, sum(amount) AS said FROM donations_statementmatch
                   WHERE undone_at IS NULL GROUP BY line_id) m ON m.line_id = l.id""",
    ),
    # Each match of a line books under a source of its own: the n-th under "…:n".
    "matches": (
        "Every bank line matched to a gift, payout or cash is booked with its amount, and every entry of a bank line is a match.",
        """
        SELECT coalesce(m.source, e.source, m.name) AS name,
               CASE WHEN m.id IS NULL THEN true
                    WHEN e.source IS NULL THEN coalesce(m.donation_id, m.payout_id, m.deposit_id, m.own_transfer_id) IS NOT NULL
                    ELSE (e.amount, e.currency::text, e.is_reversed)
                         IS DISTINCT FROM (abs(m.amount), m.currency::text, m.undone_at IS NOT NULL)
                END
                OR m.gift IS DISTINCT FROM (CASE WHEN m.donation_id IS NOT NULL THEN m.source END)
                OR m.proved IS DISTINCT FROM (CASE WHEN m.undone_at IS NULL
                                                    AND coalesce(m.disbursement_id, m.refund_request_id, m.exchange_id, m.bail_outcome_id,
                                                                 m.collection_id, m.partner_payment_id, m.past_row_id) IS NOT NULL
                                                   THEN -m.amount END)
                OR m.arrived IS DISTINCT FROM (CASE WHEN coalesce(m.payout_id, m.deposit_id, m.own_transfer_id) IS NOT NULL
                                                    THEN m.amount END) AS wrong
        FROM (
            SELECT s.*, l.currency, d.source AS gift, coalesce(p.amount - s.withheld, c.amount, CASE WHEN s.amount < 0 THEN -t.amount ELSE t.amount END - s.withheld) AS arrived,
                   CASE WHEN s.undone_at IS NULL THEN coalesce(CASE WHEN s.amount < 0 THEN b.amount ELSE -b.amount END, q.amount,
                        CASE WHEN s.amount < 0 THEN x.given ELSE -x.received END, -o.amount, k.amount,
                        CASE WHEN s.amount < 0 THEN w.amount ELSE -w.amount END,
                        CASE WHEN f.kind = 'payment' THEN f.amount ELSE f.fee - f.amount END)
                   END AS proved,
                   a.code || ':' || l.key AS name
            FROM donations_statementmatch s
            JOIN donations_statementline l ON l.id = s.line_id
            JOIN donations_bankaccount a ON a.id = l.account_id
            LEFT JOIN donations_donation d ON d.id = s.donation_id
            LEFT JOIN donations_payout p ON p.id = s.payout_id
            LEFT JOIN donations_cashdeposit c ON c.id = s.deposit_id
            LEFT JOIN donations_bailoutcome o ON o.id = s.bail_outcome_id AND o.kind = 'returned'
            LEFT JOIN donations_owntransfer t ON t.id = s.own_transfer_id
            LEFT JOIN donations_movementexplanation n ON n.id = s.collection_id AND n.approved_at IS NOT NULL
                                                     AND n.undone_at IS NULL
            LEFT JOIN donations_balancetransaction k ON k.id = n.movement_id
            LEFT JOIN donations_disbursement b ON b.id = s.disbursement_id AND b.paid_at IS NOT NULL
            LEFT JOIN donations_partnerpayment w ON w.id = s.partner_payment_id AND w.paid_at IS NOT NULL
            LEFT JOIN donations_pastrow f ON f.id = s.past_row_id
            LEFT JOIN donations_exchange x ON x.id = s.exchange_id AND x.approved_at IS NOT NULL AND x.undone_at IS NULL
            LEFT JOIN donations_refundrequest q ON q.id = s.refund_request_id AND q.paid_at IS NOT NULL) m
        FULL JOIN (
            SELECT e.source, e.amount, e.currency, r.id IS NOT NULL AS is_reversed
            FROM donations_entry e LEFT JOIN donations_entry r ON r.reverses_id = e.id
            WHERE e.source LIKE 'bank:%%' AND e.source NOT LIKE 'bank:%%:fee') e ON e.source = m.source""",
    ),
    "withheld": (
        "What banks kept of payouts and own transfers on their way is booked as their fee, and taken back with the match.",
        """
        SELECT coalesce(m.source, e.source) AS name,
               (m.withheld, m.currency::text, m.is_undone) IS DISTINCT FROM (e.amount, e.currency::text, e.is_reversed) AS wrong
        FROM (
            SELECT s.source || ':fee' AS source, s.withheld, l.currency, s.undone_at IS NOT NULL AS is_undone
            FROM donations_statementmatch s JOIN donations_statementline l ON l.id = s.line_id WHERE s.withheld > 0) m
        FULL JOIN (
            SELECT e.source, e.amount, e.currency, r.id IS NOT NULL AS is_reversed
            FROM donations_entry e LEFT JOIN donations_entry r ON r.reverses_id = e.id
            WHERE e.kind = 'bank_fee' AND e.source LIKE 'bank:%%:fee') e ON e.source = m.source""",
    ),
    # Its entry is reversed, and when that is taken back, the reversal is: what counts is whether the last one stands.
    "came_back": (
        "Every payment that came back is booked back by the bank line that says so, and no other is.",
        """
        SELECT d.payment_reference AS name,
               d.came_back_on IS DISTINCT FROM l.booked_on
               OR (m.id IS NOT NULL AND (e.amount IS DISTINCT FROM m.amount OR e.reverses_id IS NULL OR r.id IS NOT NULL))
               OR (m.id IS NULL AND v.id IS NOT NULL AND r.id IS NULL AND w.id IS NULL) AS wrong
        FROM donations_disbursement d
        LEFT JOIN donations_statementmatch m ON m.disbursement_id = d.id AND m.amount > 0 AND m.undone_at IS NULL
        LEFT JOIN donations_statementline l ON l.id = m.line_id
        LEFT JOIN donations_entry e ON e.source = m.source
        LEFT JOIN donations_entry r ON r.reverses_id = e.id
        LEFT JOIN donations_entry v ON v.source = 'reversal:disbursement:' || d.number
        LEFT JOIN donations_entry w ON w.reverses_id = v.id
        WHERE d.paid_at IS NOT NULL AND d.undone_at IS NULL""",
    ),
}
