"""READ: what must hold of exchanges, deposits of bail, moved surpluses and payments to the partner, and of the lots of gifts; in the form of proofs.PROOFS."""

MOVE_PROOFS: dict[str, tuple[str, str]] = {
    "exchanges": (
        "Every exchange is booked both ways in one fund, as another person approved it, and every booked one is one.",
        """
        SELECT coalesce(x.source, e.source) AS name,
               (x.amount, x.currency::text, x.fund_id, x.bank_id, x.is_undone)
               IS DISTINCT FROM (e.amount, e.currency::text, e.fund_id, e.bank_id, e.is_reversed)
               OR x.approved_by_id = x.recorded_by_id OR coalesce(x.undone_by_id = x.undo_requested_by_id, false) AS wrong
        FROM (
            SELECT 'exchange:' || x.number || leg.name AS source, leg.amount, leg.currency, x.fund_id, leg.bank_id,
                   x.undone_at IS NOT NULL AS is_undone, x.approved_by_id, x.recorded_by_id,
                   x.undone_by_id, x.undo_requested_by_id
            FROM donations_exchange x CROSS JOIN LATERAL (VALUES
                (':out', x.given, x.given_currency, x.given_from_id),
                (':in', x.received, x.received_currency, x.received_into_id)) leg (name, amount, currency, bank_id)
            WHERE x.approved_at IS NOT NULL) x
        FULL JOIN (
            SELECT e.source, e.amount, e.currency, coalesce(d.fund_id, c.fund_id) AS fund_id,
                   coalesce(d.bank_account_id, c.bank_account_id) AS bank_id, r.id IS NOT NULL AS is_reversed
            FROM donations_entry e
            JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
            LEFT JOIN donations_entry r ON r.reverses_id = e.id
            WHERE e.kind = 'exchange' AND e.reverses_id IS NULL) e ON e.source = x.source""",
    ),
    "surpluses": (
        "Every surplus moved is booked with its amount, back again if it was taken back; each by another person than asked for it.",
        """
        SELECT coalesce(s.source, e.source) AS name,
               (s.amount, s.currency::text, s.source_id, s.target_id, s.undone_at IS NOT NULL)
               IS DISTINCT FROM (e.amount, e.currency::text, e.from_id, e.to_id, e.is_reversed)
               OR s.approved_by_id = s.requested_by_id OR coalesce(s.undone_by_id = s.undo_requested_by_id, false)
               OR s.refused_at IS NOT NULL AS wrong
        FROM (SELECT 'surplus:' || number AS source, source_id, target_id, amount, currency, approved_by_id,
                     requested_by_id, refused_at, undone_at, undone_by_id, undo_requested_by_id
              FROM donations_surplusmove WHERE approved_at IS NOT NULL) s
        FULL JOIN (
            SELECT e.source, e.amount, e.currency, d.fund_id AS from_id, c.fund_id AS to_id, r.id IS NOT NULL AS is_reversed
            FROM donations_entry e
            JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
            LEFT JOIN donations_entry r ON r.reverses_id = e.id
            WHERE e.kind = 'surplus' AND e.reverses_id IS NULL) e ON e.source = s.source""",
    ),
    # Its entry is reversed when it never left, or came back, and the reversal where it did not come back after all: what
    # counts is whether the last one stands.
    "partner_payments": (
        "Every payment to the partner is booked as others approved it, back again if it never left or came back, and every booked one is one.",
        """
        SELECT coalesce(p.source, e.source) AS name,
               (p.amount, p.currency::text, p.fund_id, p.bank_account_id, p.paid_on, p.came_back_on IS NOT NULL)
               IS DISTINCT FROM (e.amount, e.currency::text, e.fund_id, e.bank_account_id, e.happened_on, e.turns %% 2 = 1)
               OR p.content_hash <> p.hash OR p.refused_at IS NOT NULL
               OR p.approved_by_id IS NULL OR p.approved_by_id = p.requested_by_id
               OR (p.approvals_needed = 2 AND p.seconded_by_id IS NULL)
               OR coalesce(p.seconded_by_id IN (p.requested_by_id, p.approved_by_id), false)
               OR p.came_back_on IS DISTINCT FROM CASE WHEN p.undone_at IS NULL THEN p.given_back_on ELSE p.paid_on END
               OR (p.undone_at IS NOT NULL AND (p.undone_by_id = p.undo_requested_by_id OR p.is_matched)) AS wrong
        FROM (SELECT 'partner_payment:' || p.number AS source, p.*, donations_partnerpayment_hash(p) AS hash, m.*
              FROM donations_partnerpayment p CROSS JOIN LATERAL (
                  SELECT count(*) > 0 AS is_matched, max(l.booked_on) FILTER (WHERE s.amount > 0) AS given_back_on
                  FROM donations_statementmatch s JOIN donations_statementline l ON l.id = s.line_id
                  WHERE s.partner_payment_id = p.id AND s.undone_at IS NULL) m
              WHERE p.paid_at IS NOT NULL) p
        FULL JOIN (
            SELECT e.source, e.amount, e.currency, d.fund_id, c.bank_account_id, coalesce(e.happened_on, e.booked_on) AS happened_on,
                   (WITH RECURSIVE booked (id, turn) AS (
                        SELECT e.id, 0 UNION ALL
                        SELECT r.id, b.turn + 1 FROM booked b JOIN donations_entry r ON r.reverses_id = b.id)
                    SELECT max(turn) FROM booked) AS turns
            FROM donations_entry e
            JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
            WHERE e.kind = 'partner_payment' AND e.reverses_id IS NULL) e ON e.source = p.source""",
    ),
    "bail": (
        "Courts hold of each deposit what was paid, less what they gave back or kept, and each of these is recorded.",
        """
        SELECT c.number || ' ' || m.name AS name, m.wrong FROM donations_legalcost c CROSS JOIN LATERAL (
            SELECT e.source AS name,
                   (o.amount, o.kind, o.bank_account_id)
                   IS DISTINCT FROM (e.amount, substr(e.kind, 6), d.bank_account_id) AS wrong
            FROM donations_account b
            JOIN donations_entry e ON e.credit_id = b.id AND e.kind IN ('bail_returned', 'bail_forfeited')
                                  AND e.reverses_id IS NULL
            JOIN donations_account d ON d.id = e.debit_id
            LEFT JOIN donations_bailoutcome o ON o.cost_id = c.id AND e.source = 'bail:' || o.number
            WHERE b.place = 'bail' AND b.legal_cost_id = c.id
            UNION ALL
            SELECT 'bail:' || o.number, NOT EXISTS (
                SELECT 1 FROM donations_entry WHERE source = 'bail:' || o.number)
            FROM donations_bailoutcome o WHERE o.cost_id = c.id
            UNION ALL
            SELECT b.code, donations_balance(b.id) < 0 OR donations_balance(b.id) > coalesce((
                SELECT donations_balance(a.id) FROM donations_account a
                WHERE a.kind = 'cost' AND a.legal_cost_id = c.id), 0)
            FROM donations_account b WHERE b.place = 'bail' AND b.legal_cost_id = c.id
        ) m WHERE c.kind = 'bail'""",
    ),
    "ended_costs": (
        "Nothing is set aside for a cost that has ended.",
        """
        SELECT c.number AS name, coalesce(donations_balance(a.id), 0) <> 0 AS wrong
        FROM donations_legalcost c LEFT JOIN donations_account a ON a.legal_cost_id = c.id AND a.kind = 'cost'
        WHERE c.ended_on IS NOT NULL""",
    ),
}

LOT_PROOFS: dict[str, tuple[str, str]] = {
    # Entries that are not followed yet (donations_follow) are left out on both sides.
    "lots": (
        "What the lots of gifts say is in a fund, or set aside for a cost, is its balance.",
        """
        SELECT a.code AS name, coalesce(l.kept, 0) - coalesce(s.missing, 0)
                               <> donations_balance(a.id) - coalesce(u.pending, 0) AS wrong
        FROM donations_account a
        LEFT JOIN (SELECT account_id, sum("left") AS kept FROM donations_lot GROUP BY account_id) l
            ON l.account_id = a.id
        LEFT JOIN (SELECT account_id, sum(amount) AS missing FROM donations_shortfall GROUP BY account_id) s
            ON s.account_id = a.id
        LEFT JOIN (
            SELECT m.id, sum(m.amount) AS pending FROM donations_unfollowedentry w
            JOIN donations_entry e ON e.id = w.entry_id
            CROSS JOIN LATERAL (VALUES (e.credit_id, e.amount), (e.debit_id, -e.amount)) m (id, amount)
            GROUP BY m.id) u ON u.id = a.id
        WHERE a.kind <> 'asset'""",
    ),
    "gifts": (
        "The lots of every gift add up to it, to the cent.",
        """
        SELECT d.source AS name, l.worth <> e.amount AS wrong FROM (
            SELECT donation_id, sum(left_worth + spent_worth) AS worth FROM donations_lot
            WHERE donation_id IS NOT NULL GROUP BY donation_id) l
        JOIN donations_donation d ON d.id = l.donation_id JOIN donations_entry e ON e.source = d.source""",
    ),
}
