"""READ: which movement on Stripe's balance each entry at Stripe books; SQL that other reads build on."""

# One row an entry that touches an account at Stripe: `txn` the movement, null when Stripe told of none by that name;
# `moved` what it adds there, `other_place` where the money is that comes or goes. A payment's entry is named by the payment, a payout's by the payout, all else by the movement.
BOOKED = """
SELECT n.*, coalesce(p.stripe_id, o.stripe_id, t.stripe_id) AS txn
FROM (
    SELECT e.id, e.kind, e.source, e.amount, e.currency, e.booked_on, coalesce(e.happened_on, e.booked_on) AS happened_on,
           e.reverses_id, coalesce(d.fund_id, c.fund_id) AS fund_id,
           CASE WHEN d.place = 'stripe' THEN d.id ELSE c.id END AS account_id,
           CASE WHEN d.place = 'stripe' THEN c.place ELSE d.place END AS other_place,
           CASE WHEN d.place = 'stripe' THEN e.amount ELSE -e.amount END AS moved,
           substring(e.source FROM '^(?:reversal:)?stripe:([^:]+)') AS name, e.source LIKE '%%:returned' AS is_returned
    FROM donations_entry e
    JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
    WHERE 'stripe' IN (d.place, c.place)) n
LEFT JOIN donations_balancetransaction p ON p.stripe_payment_intent_id = n.name AND p.type IN ('charge', 'payment')
LEFT JOIN donations_balancetransaction o ON o.source_id = n.name
    AND o.type = ANY (CASE WHEN n.is_returned THEN ARRAY['payout_failure', 'payout_cancel'] ELSE ARRAY['payout'] END)
LEFT JOIN donations_balancetransaction t ON t.stripe_id = n.name
"""
