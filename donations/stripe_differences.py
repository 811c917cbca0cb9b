"""READ: where Stripe's movements and our entries do not say the same, each case once and named by its kind, and what else lies
at Stripe; one query."""

from .booked_movements import BOOKED

# What each movement on Stripe's balance must be booked as: an entry named so, of that amount, fund and day. `part` says
# what it is: a payment, its fee, money back, a dispute, a payout. What two people explained has the name they booked it by; what
# they explained as a gift is one like all others.
# A movement without a donation of ours has no fund; what Stripe kept of it is no part by itself. `waits_as` is the kind it
# has while it lies at Stripe and is booked as it must be; what a payout brought to the bank (`is_gone`) does not lie there. A
# payout that we have a row of passes the account of what is on its way (`is_passing`).
EXPECTED = """
SELECT b.id AS movement_id, b.stripe_id AS txn, b.currency, b.stripe_payment_intent_id AS payment, d.fund_id,
       p.part, p.source, p.moved, p.day, b.created_at,
       s.id IS NOT NULL OR (b.type = 'payout' AND p.part <> 'fee' AND t.itemised_at IS NOT NULL) AS is_gone,
       p.part = 'payout' AND t.id IS NOT NULL AND (b.type = 'payout' OR t.returned_at IS NOT NULL) AS is_passing,
       CASE WHEN b.type = 'payout' THEN 'left_over' WHEN b.is_dispute THEN 'disputed'
            WHEN b.type IN ('charge', 'payment') THEN 'at_stripe'
            WHEN b.type IN ('refund', 'payment_refund', 'refund_failure') THEN 'refunded'
            WHEN b.type IN ('payout_failure', 'payout_cancel') THEN 'payout_back' ELSE 'explained' END AS waits_as
FROM donations_balancetransaction b
LEFT JOIN donations_movementexplanation m
    ON m.movement_id = b.id AND m.approved_at IS NOT NULL AND m.undone_at IS NULL AND m.meaning <> 'gift'
LEFT JOIN donations_donation d
    ON b.stripe_payment_intent_id <> '' AND d.stripe_payment_intent_id = b.stripe_payment_intent_id
LEFT JOIN donations_payout s ON s.id = b.payout_id AND s.itemised_at IS NOT NULL
LEFT JOIN donations_payout t ON b.type IN ('payout', 'payout_failure', 'payout_cancel') AND t.stripe_payout_id = b.source_id
CROSS JOIN LATERAL (SELECT
    d.id IS NULL AND m.id IS NULL AND NOT b.is_dispute AND b.type NOT IN ('payout', 'payout_failure', 'payout_cancel') AS is_one
) w
CROSS JOIN LATERAL (VALUES
    (CASE WHEN b.is_dispute THEN 'dispute'
          WHEN b.type IN ('charge', 'payment') THEN 'payment'
          WHEN b.type IN ('refund', 'payment_refund', 'refund_failure') THEN 'refund'
          WHEN b.type = 'payout' AND b.amount > 0 THEN 'collected'
          WHEN b.type IN ('payout', 'payout_failure', 'payout_cancel') THEN 'payout' ELSE 'unknown' END,
     coalesce(m.source, 'stripe:' || CASE WHEN b.is_dispute THEN b.stripe_id
                       WHEN b.type IN ('charge', 'payment') THEN coalesce(nullif(b.stripe_payment_intent_id, ''), b.stripe_id)
                       WHEN b.type = 'payout' THEN b.source_id
                       WHEN b.type IN ('payout_failure', 'payout_cancel') THEN b.source_id || ':returned'
                       ELSE b.stripe_id END),
     CASE WHEN w.is_one THEN b.amount - b.fee ELSE b.amount END,
     CASE WHEN b.type IN ('charge', 'payment') AND NOT b.is_dispute THEN coalesce(d.received_at, b.created_at)
          WHEN b.type NOT IN ('payout_failure', 'payout_cancel') THEN b.created_at END::date),
    (CASE WHEN b.is_dispute THEN 'dispute' ELSE 'fee' END, coalesce(m.source, 'stripe:' || b.stripe_id) || ':fee',
     CASE WHEN w.is_one THEN 0 ELSE -b.fee END, b.created_at::date)
) p (part, source, moved, day)
WHERE p.moved <> 0 AND m.meaning IS DISTINCT FROM 'not_ours'
"""

# Until when what lies at Stripe may have gone with a payout of which Stripe has not said the movements: what is over of all before
# that is one item. Payouts below zero, which fill the balance up from the bank, are never itemised here.
UNITEMISED = """
SELECT currency, max(created_at) AS until FROM (
    SELECT currency, created_at FROM donations_payout WHERE itemised_at IS NULL
    UNION ALL
    SELECT b.currency, b.created_at FROM donations_movementexplanation m JOIN donations_balancetransaction b ON b.id = m.movement_id
    WHERE m.meaning = 'collected' AND m.approved_at IS NOT NULL AND m.undone_at IS NULL) made
GROUP BY currency
"""

# One row a case, and one each for all that agrees, whose kind is null. `there` and `kept` are what of it lies at Stripe, by Stripe
# (in `currency`) and by the books (in `booked_currency`): of what has gone with a payout, only by how much the books are wrong.
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
-- What an event of another mode or account booked is part of that event's case.
by_wrong_events AS (
    SELECT DISTINCT ON (b.id) b.id, b.currency, b.moved, e.id AS event_id
    FROM donations_stripeevent e JOIN booked b ON b.source = 'stripe:' || (e.facts->>'payment_intent')
    LEFT JOIN expected x ON x.source = b.source
    WHERE e.processed_at IS NOT NULL
      AND (e.livemode <> %(livemode)s OR e.account NOT IN ('', %(account)s))
      AND x.source IS NULL AND b.kind = 'donation'
    ORDER BY b.id, e.id
),
compared AS (
    SELECT coalesce(x.source, b.source) AS name, coalesce(x.currency, b.currency)::text AS currency,
           coalesce(b.currency, x.currency)::text AS booked_currency, x.moved AS told, b.moved AS booked,
           coalesce(x.day, b.booked_on) AS day, b.id AS entry_id, x.movement_id,
           coalesce(x.is_gone, false) AS is_gone,
           CASE WHEN x.source IS NOT NULL THEN x.is_passing
                ELSE b.other_place = 'transit'
                     AND NOT EXISTS (SELECT 1 FROM donations_payout p WHERE p.stripe_payout_id = b.name) END AS is_passing,
           CASE WHEN x.source IS NULL THEN 'announced' WHEN x.created_at <= u.until THEN 'left_over' ELSE x.waits_as END AS waits_as,
           coalesce(CASE WHEN x.created_at <= u.until THEN u.until END, x.created_at, b.booked_on)::date AS waits_since,
           CASE
               WHEN b.id IS NULL THEN CASE
                   WHEN x.part = 'dispute' THEN 'dispute' WHEN x.part = 'fee' THEN 'fee'
                   WHEN x.part = 'refund' AND o.payment IS NOT NULL THEN 'duplicate_refund'
                   WHEN x.part IN ('unknown', 'collected') THEN x.part ELSE 'missing' END
               WHEN x.source IS NULL THEN CASE
                   WHEN b.kind = 'donation' AND b.posted_at > %(told_until)s THEN NULL
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
    LEFT JOIN ({UNITEMISED}) u ON u.currency = x.currency
    WHERE b.id IS NULL OR x.source IS NOT NULL OR NOT EXISTS (SELECT 1 FROM by_wrong_events w WHERE w.id = b.id)
),
brought AS (
    SELECT payout_id, currency, sum(amount - fee) AS told FROM donations_balancetransaction
    WHERE payout_id IS NOT NULL GROUP BY payout_id, currency
),
split AS (
    SELECT p.id, p.currency, coalesce(s.told, 0) AS told, p.amount AS booked
    FROM donations_payout p LEFT JOIN brought s ON s.payout_id = p.id AND s.currency = p.currency WHERE p.itemised_at IS NOT NULL
    UNION ALL
    SELECT p.id, s.currency, s.told, NULL
    FROM donations_payout p JOIN brought s ON s.payout_id = p.id AND s.currency <> p.currency WHERE p.itemised_at IS NOT NULL
)
SELECT kind, name, currency, told, booked, day,
       CASE WHEN entry_id IS NOT NULL THEN 'entry' ELSE 'balancetransaction' END AS subject,
       coalesce(entry_id, movement_id) AS subject_id, booked_currency,
       CASE WHEN is_gone THEN 0 ELSE coalesce(told, 0) END AS there,
       CASE WHEN is_gone AND currency = booked_currency THEN -told ELSE 0 END + coalesce(booked, 0) AS kept,
       is_gone, is_passing, waits_as, waits_since, coalesce(movement_id, entry_id) AS fact
FROM compared
UNION ALL
SELECT CASE WHEN s.told IS DISTINCT FROM s.booked THEN 'payout_split' END, p.stripe_payout_id, s.currency, s.told, s.booked,
       p.created_at::date, 'payout', p.id, s.currency, s.told - coalesce(s.booked, 0), s.told - coalesce(s.booked, 0),
       true, false, NULL, NULL, p.id
FROM split s JOIN donations_payout p ON p.id = s.id
UNION ALL
SELECT CASE WHEN e.livemode <> %(livemode)s THEN 'test_mode'
            WHEN e.account NOT IN ('', %(account)s) THEN 'foreign_account' END,
       e.event_id, coalesce(w.currency, ''), NULL, w.moved, e.created_at::date, 'stripeevent', e.id, coalesce(w.currency, ''),
       0, coalesce(w.moved, 0), true, false, NULL, NULL, e.id
FROM donations_stripeevent e LEFT JOIN by_wrong_events w ON w.event_id = e.id WHERE e.processed_at IS NOT NULL
UNION ALL
SELECT CASE WHEN amount <> moved THEN 'balance' END, 'stripe:' || currency, currency, amount, moved, read_at::date,
       'stripebalance', id, currency, 0, 0, true, false, NULL, NULL, id
FROM donations_stripebalance
"""  # noqa: S608  our own SQL

# Each case; by day and kind what agrees and lies at Stripe; and what two people said is not ours.
LISTED = f"""
WITH found AS (SELECT * FROM ({DIFFERENCES}) one WHERE kind IS NOT NULL OR NOT is_gone),
named AS (
    SELECT kind, name, currency, told, booked, day, subject, subject_id, fact, booked_currency, there, kept, is_passing
    FROM found WHERE kind IS NOT NULL
    UNION ALL
    SELECT waits_as, 'stripe:' || currency || ':' || waits_since || ':' || waits_as, currency, told, booked, waits_since,
           'account', NULL, fact, booked_currency, there, kept, false
    FROM found WHERE kind IS NULL
    UNION ALL
    SELECT 'not_ours', 'stripe:' || b.currency || CASE WHEN s.id IS NULL THEN '' ELSE ':paid_out' END, b.currency,
           b.amount - b.fee, NULL, min(b.created_at::date) OVER alike, 'balancetransaction', max(b.id) OVER alike, b.id, b.currency,
           CASE WHEN s.id IS NULL THEN b.amount - b.fee ELSE 0 END, CASE WHEN s.id IS NULL THEN 0 ELSE b.fee - b.amount END, false
    FROM donations_balancetransaction b JOIN donations_movementexplanation m ON m.movement_id = b.id
    LEFT JOIN donations_payout s ON s.id = b.payout_id AND s.itemised_at IS NOT NULL
    WHERE m.meaning = 'not_ours' AND m.approved_at IS NOT NULL AND m.undone_at IS NULL
    WINDOW alike AS (PARTITION BY b.currency, s.id IS NULL)
),
listed AS (
    SELECT kind, name, currency, sum(told) AS told, sum(booked) AS booked, day, subject, subject_id, count(DISTINCT fact) AS facts,
           booked_currency, sum(there) AS there, sum(kept) AS kept, is_passing
    FROM named GROUP BY kind, name, currency, day, subject, subject_id, booked_currency, is_passing
)
SELECT l.kind, l.name, l.currency, l.told, l.booked, l.day, l.subject, coalesce(l.subject_id, a.id), l.facts, l.booked_currency,
       l.there, l.kept, l.is_passing
FROM listed l LEFT JOIN donations_account a ON a.code = 'stripe:' || l.currency
-- What went back leaves nothing over.
WHERE NOT (l.there = 0 AND l.kept = 0 AND (l.subject = 'account' OR l.kind = 'not_ours'))
ORDER BY l.day, l.name
"""  # noqa: S608  our own SQL
