"""READ: what must hold of what was taken over from before these books began; in the form of proofs.PROOFS."""

PAST_PROOFS: dict[str, tuple[str, str]] = {
    "past": (
        "Every row of the past is booked with its day and amount as two people wanted it, and every booked one is one.",
        """
        SELECT coalesce(p.source, e.source) AS name,
               (p.entry_kind, p.amount, p.currency::text, p.happened_on, p.fund_id, p.bank_account_id)
               IS DISTINCT FROM
               (e.kind, e.amount, e.currency::text, e.day, e.fund_id, e.bank_account_id)
               OR p.approved_by_id IS NULL OR p.approved_by_id = p.requested_by_id AS wrong
        FROM (
            SELECT 'past:' || r.key || part.name AS source, part.entry_kind, part.amount, r.currency, r.happened_on,
                   r.fund_id, r.bank_account_id, i.approved_by_id, i.requested_by_id
            FROM donations_pastrow r JOIN donations_pastimport i ON i.id = r.past_import_id
            CROSS JOIN LATERAL (VALUES
                ('', CASE r.kind WHEN 'gift' THEN 'donation' WHEN 'opening' THEN 'opening' ELSE 'past_payment' END,
                 r.amount),
                (':fee', 'fee', r.fee)) part (name, entry_kind, amount)
            WHERE r.kind <> 'cost' AND part.amount > 0) p
        FULL JOIN (
            SELECT e.source, e.kind, e.amount, e.currency, coalesce(e.happened_on, e.booked_on) AS day,
                   coalesce(d.fund_id, c.fund_id) AS fund_id,
                   coalesce(d.bank_account_id, c.bank_account_id) AS bank_account_id
            FROM donations_entry e
            JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
            WHERE (e.source LIKE 'past:%%' OR e.kind IN ('opening', 'past_payment')) AND e.reverses_id IS NULL) e
            ON e.source = p.source""",
    ),
}
