"""READ: where Stripe's movements and our entries do not say the same, each case once and named by its kind; one query."""

from .booked_movements import BOOKED

# What each movement on Stripe's balance must be booked as: an entry named so, of that amount, fund and day. `part` says
# what it is: a payment, its fee, money back, a dispute, a payout. What two people explained has the name they booked it by. A movement without a donation of ours has no fund.
EXPECTED = """
SELECT b.id AS movement_id, b.stripe_id AS txn, b.currency, b.stripe_payment_intent_id AS payment, d.fund_id,
       p.part, p.source, p.moved, p.day
FROM donations_balancetransaction b
LEFT JOIN donations_movementexplanation m ON m.movement_id = b.id AND m.approved_at IS NOT NULL AND m.undone_at IS NULL
LEFT JOIN donations_donation d
    ON b.stripe_payment_intent_id <> '' AND d.stripe_payment_intent_id = b.stripe_payment_intent_id
CROSS JOIN LATERAL (VALUES
    (CASE WHEN b.is_dispute THEN 'dispute'
          WHEN b.type IN ('charge', 'payment') THEN 'payment'
          WHEN b.type IN ('refund', 'payment_refund', 'refund_failure') THEN 'refund'
          WHEN b.type = 'payout' AND b.amount > 0 THEN 'collected'
          WHEN b.type IN ('payout', 'payout_failure', 'payout_cancel') THEN 'payout' ELSE 'unknown' END,
     coalesce(m.source, 'stripe:' || CASE WHEN b.is_dispute THEN b.stripe_id
                       WHEN b.type IN ('charge', 'payment') THEN b.stripe_payment_intent_id
                       WHEN b.type = 'payout' THEN b.source_id
                       WHEN b.type IN ('payout_failure', 'payout_cancel') THEN b.source_id || ':returned'
                       ELSE b.stripe_id END),
     b.amount,
     CASE WHEN b.type IN ('charge', 'payment') AND NOT b.is_dispute THEN coalesce(d.received_at, b.created_at)
          WHEN b.type NOT IN ('payout_failure', 'payout_cancel') THEN b.created_at END::date),
    (CASE WHEN b.is_dispute THEN 'dispute' ELSE 'fee' END, coalesce(m.source, 'stripe:' || b.stripe_id) || ':fee', -b.fee,
     b.created_at::date)
) p (part, source, moved, day)
WHERE p.moved <> 0 AND m.meaning IS DISTINCT FROM 'not_ours'
"""

# A gift may be told of before Stripe's balance is listed: so long nothing is missing.
DIFFERENCES = f"""
WITH booked AS MATERIALIZED (
    SELECT b.*, e.posted_at FROM ({BOOKED}) b JOIN donations_entry e ON e.id = b.id
    WHERE b.reverses_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM donations_entry r WHERE r.reverses_id = b.id)
),
expected AS MATERIALIZED ({EXPECTED}),
overpaid AS (
    SELECT stripe_payment_intent_id AS payment FROM donations_balancetransaction
    WHERE stripe_payment_intent_id <> '' AND NOT is_dispute
      AND type IN ('charge', 'payment', 'refund', 'payment_refund', 'refund_failure')
    GROUP BY 1 HAVING sum(amount) < 0
),
wrong_events AS (
    SELECT facts->>'payment_intent' AS payment FROM donations_stripeevent
    WHERE processed_at IS NOT NULL AND (livemode <> %(livemode)s OR (%(account)s <> '' AND account NOT IN ('', %(account)s)))
),
compared AS (
    SELECT coalesce(x.source, b.source) AS name, coalesce(x.currency, b.currency)::text AS currency,
           x.moved AS told, b.moved AS booked, coalesce(x.day, b.booked_on) AS day, b.id AS entry_id, x.movement_id,
           CASE
               WHEN b.id IS NULL THEN CASE
                   WHEN x.part = 'dispute' THEN 'dispute' WHEN x.part = 'fee' AND x.fund_id IS NOT NULL THEN 'fee'
                   WHEN x.part = 'refund' AND o.payment IS NOT NULL THEN 'duplicate_refund'
                   WHEN x.part IN ('unknown', 'collected') THEN x.part ELSE 'missing' END
               WHEN x.source IS NULL THEN CASE
                   WHEN b.kind IN ('dispute', 'dispute_won', 'dispute_fee') THEN 'dispute'
                   WHEN b.kind = 'refund' AND EXISTS (
                       SELECT 1 FROM booked t JOIN expected y ON y.source = t.source
                       WHERE t.kind = 'refund' AND t.id <> b.id
                         AND (t.fund_id, t.moved, t.currency) = (b.fund_id, b.moved, b.currency)) THEN 'duplicate_refund'
                   WHEN b.kind = 'fee' THEN 'fee' ELSE 'extra' END
               WHEN x.currency <> b.currency THEN 'currency'
               WHEN x.moved <> b.moved THEN
                   CASE x.part WHEN 'fee' THEN 'fee' WHEN 'dispute' THEN 'dispute' ELSE 'amount' END
               WHEN x.fund_id <> b.fund_id THEN 'fund'
               WHEN x.day <> b.happened_on THEN 'date'
           END AS kind
    FROM expected x FULL JOIN booked b ON b.source = x.source
    LEFT JOIN overpaid o ON o.payment = x.payment
    WHERE NOT (x.source IS NULL AND b.kind = 'donation' AND (
                   b.posted_at > %(told_until)s
                   OR EXISTS (SELECT 1 FROM wrong_events w WHERE 'stripe:' || w.payment = b.source)))
      -- A fee of what has no donation is part of what is missing.
      AND NOT (b.id IS NULL AND x.part = 'fee' AND x.fund_id IS NULL)
),
split AS (
    SELECT p.stripe_payout_id AS name, p.currency::text, coalesce(sum(b.amount - b.fee), 0) AS told, p.amount AS booked,
           p.created_at::date AS day, p.id AS payout_id,
           coalesce(sum(b.amount - b.fee), 0) <> p.amount OR bool_or(b.currency <> p.currency) AS is_wrong
    FROM donations_payout p LEFT JOIN donations_balancetransaction b ON b.payout_id = p.id
    WHERE p.itemised_at IS NOT NULL GROUP BY p.id
)
SELECT kind, name, currency, told, booked, day,
       CASE WHEN entry_id IS NOT NULL THEN 'entry' ELSE 'balancetransaction' END AS subject,
       coalesce(entry_id, movement_id) AS subject_id
FROM compared
UNION ALL
SELECT CASE WHEN is_wrong THEN 'payout_split' END, name, currency, told, booked, day, 'payout', payout_id FROM split
UNION ALL
SELECT CASE WHEN livemode <> %(livemode)s THEN 'test_mode'
            WHEN %(account)s <> '' AND account NOT IN ('', %(account)s) THEN 'foreign_account' END,
       event_id, '', NULL, NULL, created_at::date, 'stripeevent', id
FROM donations_stripeevent WHERE processed_at IS NOT NULL
UNION ALL
SELECT CASE WHEN amount <> moved THEN 'balance' END, 'stripe:' || currency, currency, amount, moved, read_at::date,
       'stripebalance', id
FROM donations_stripebalance
"""  # noqa: S608  our own SQL
