"""READ: what must hold of costs in UMA, shared costs and agreed instalments; in the form of proofs.PROOFS."""

COST_PROOFS: dict[str, tuple[str, str]] = {
    "uma": (
        "Every cost in UMA owes each payment as it was made and what is open at the newest value; each payment settled some.",
        """
        SELECT number AS name,
               (ended_on IS NULL AND owed IS DISTINCT FROM donations_uma_owed(id, uma))
               OR donations_uma_open(id, uma) < 0
               OR EXISTS (SELECT 1 FROM donations_disbursement d
                          LEFT JOIN donations_umapayment p ON p.disbursement_id = d.id AND p.cost_id = d.cost_id
                          WHERE d.cost_id = c.id AND (d.paid_at IS NULL) <> (p.id IS NULL)) AS wrong
        FROM donations_legalcost c WHERE uma IS NOT NULL""",
    ),
    "shares": (
        "Of every shared cost the shares add up to what is owed; of every cost with instalments these do.",
        """
        SELECT number AS name,
               owed IS DISTINCT FROM (SELECT sum(s.owed) FROM donations_shares(c.id) s)
               OR NOT donations_own_funds_fit(c.id) AND uma IS NULL
               OR coalesce(uma, owed) <> (SELECT sum(amount) FROM donations_costinstalment WHERE cost_id = c.id) AS wrong
        FROM donations_legalcost c
        WHERE EXISTS (SELECT 1 FROM donations_costshare WHERE cost_id = c.id)
           OR EXISTS (SELECT 1 FROM donations_costinstalment WHERE cost_id = c.id)""",
    ),
}
