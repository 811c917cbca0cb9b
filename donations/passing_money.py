"""READ: what lies on accounts that money only passes through, but for Stripe's, and what waits for the bank or a person; SQL."""


def unbooked(only: str = "true") -> str:
    """A query of what people said of bank lines and nobody booked, but for two of one account that undo each other, as a wrong
    debit and its return do: account_id, line_id, key, booked_on, currency and amount, with the line's sign. `only` is a condition
    of the lines `l`."""
    return f"""
SELECT account_id, line_id, key, booked_on, currency, amount FROM (
    SELECT l.account_id, l.id AS line_id, l.key, l.booked_on, l.currency::text AS currency, m.amount,
           row_number() OVER (PARTITION BY l.account_id, m.amount ORDER BY l.booked_on, m.id) AS nth,
           count(*) OVER (PARTITION BY l.account_id, abs(m.amount))
               - count(*) OVER (PARTITION BY l.account_id, m.amount) AS undoing
    FROM donations_statementmatch m JOIN donations_statementline l ON l.id = m.line_id
    WHERE m.source IS NULL AND m.explanation <> '' AND m.undone_at IS NULL AND {only}) noted
WHERE nth > undoing
"""  # noqa: S608  our own SQL


# One row: kind, name, currency, what lies there, since when, where to look, how many facts it is made of.
ON_THE_WAY = f"""
SELECT 'in_transit' AS kind, p.stripe_payout_id AS name, p.currency::text AS currency, p.amount, p.created_at::date AS day,
       'payout' AS subject, p.id AS subject_id, 1 AS facts
FROM donations_payout p
WHERE p.returned_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.payout_id = p.id AND m.undone_at IS NULL)
UNION ALL
SELECT 'cash', 'deposit:' || d.number, d.currency, d.amount, d.deposited_on, 'cashdeposit', d.id, 1
FROM donations_cashdeposit d
WHERE d.voided_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.deposit_id = d.id AND m.undone_at IS NULL)
UNION ALL
SELECT CASE WHEN m.amount < 0 THEN 'transfer_out' ELSE 'transfer_in' END, 'transfer:' || f.code || ':' || i.code, t.currency,
       -m.amount - m.withheld, l.booked_on, 'statementline', l.id, 1
FROM donations_statementmatch m
JOIN donations_owntransfer t ON t.id = m.own_transfer_id
JOIN donations_statementline l ON l.id = m.line_id
JOIN donations_bankaccount f ON f.id = t.left_from_id JOIN donations_bankaccount i ON i.id = t.arrives_at_id
WHERE m.own_transfer_id IS NOT NULL AND m.undone_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch o
                  WHERE o.own_transfer_id = t.id AND o.undone_at IS NULL AND o.id <> m.id)
UNION ALL
SELECT 'bail', a.code, a.currency, t.held, t.since, 'account', a.id, 1
FROM donations_account a
JOIN LATERAL (SELECT sum(debit - credit) AS held, min(booked_on) AS since FROM donations_daytotal WHERE account_id = a.id) t ON true
WHERE a.place = 'bail' AND t.held <> 0
UNION ALL
SELECT 'bank_lines', 'bank:' || b.code, b.currency, sum(l.amount - l.explained), min(l.booked_on), 'bankaccount', b.id, count(*)
FROM donations_statementline l JOIN donations_bankaccount b ON b.id = l.account_id
WHERE l.explained <> l.amount
GROUP BY b.id, b.code, b.currency
UNION ALL
SELECT 'unbooked', 'bank:' || b.code || ':' || n.line_id, n.currency, n.amount, n.booked_on, 'statementline', n.line_id, 1
FROM ({unbooked()}) n JOIN donations_bankaccount b ON b.id = n.account_id
UNION ALL
SELECT 'unproved', 'disbursement:' || d.number, d.currency, d.amount, d.paid_on, 'disbursement', d.id, 1
FROM donations_disbursement d
WHERE d.paid_at IS NOT NULL AND d.undone_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.disbursement_id = d.id AND m.undone_at IS NULL)
UNION ALL
SELECT 'unproved', 'partner_payment:' || p.number, p.currency, p.amount, p.paid_on, 'partnerpayment', p.id, 1
FROM donations_partnerpayment p
WHERE p.paid_at IS NOT NULL AND p.undone_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.partner_payment_id = p.id AND m.undone_at IS NULL)
UNION ALL
SELECT 'unproved', 'refund:' || q.number, q.currency, q.amount, q.paid_on, 'refundrequest', q.id, 1
FROM donations_refundrequest q
WHERE q.paid_at IS NOT NULL AND q.bank_account_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.refund_request_id = q.id AND m.undone_at IS NULL)
UNION ALL
SELECT 'unproved', 'bail:' || o.number, o.currency, o.amount, o.happened_on, 'legalcost', o.cost_id, 1
FROM donations_bailoutcome o
WHERE o.kind = 'returned'
  AND o.undone_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.bail_outcome_id = o.id AND m.undone_at IS NULL)
UNION ALL
SELECT 'unproved', 'stripe:' || b.source_id || ':collected', b.currency, b.amount, b.created_at::date, 'movementexplanation', x.id, 1
FROM donations_movementexplanation x JOIN donations_balancetransaction b ON b.id = x.movement_id
WHERE x.meaning = 'collected' AND x.approved_at IS NOT NULL AND x.undone_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.collection_id = x.id AND m.undone_at IS NULL)
UNION ALL
-- Each side by itself: the bank tells of both.
SELECT 'unproved', 'exchange:' || x.number || ':' || side.name, side.currency, side.amount, x.exchanged_on, 'exchange', x.id, 1
FROM donations_exchange x
CROSS JOIN LATERAL (VALUES ('out', x.given_currency, x.given), ('in', x.received_currency, x.received))
    AS side (name, currency, amount)
WHERE x.approved_at IS NOT NULL AND x.undone_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m
                  WHERE m.exchange_id = x.id AND m.undone_at IS NULL AND (m.amount < 0) = (side.name = 'out'))
ORDER BY day, name
"""  # noqa: S608  our own SQL
