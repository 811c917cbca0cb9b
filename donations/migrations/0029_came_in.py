"""What is promised is said once, in the database; and what came in for an appeal is planned once a connection, since its
page asks for it every time and planning takes ten times as long as answering."""

from django.db import migrations

# A transfer announced within half a year and not, or not wholly, arrived; and of promises the parts due within twelve
# months, or due since no more than half a year and still missing. Payments cover the oldest part first. A card payment
# in progress is none.
PROMISED = """
CREATE VIEW donations_promised AS
SELECT p.fund_id, p.currency, sum(least(part.amount, part.reached - coalesce(d.received, 0))) AS amount
FROM donations_pledge p
LEFT JOIN LATERAL (SELECT sum(amount) AS received FROM donations_donation
                   WHERE pledge_id = p.id AND reversed_at IS NULL) d ON true
CROSS JOIN LATERAL (
    SELECT due_on, amount, sum(amount) OVER (ORDER BY due_on) AS reached
    FROM donations_instalment WHERE pledge_id = p.id
    UNION ALL
    SELECT (p.created_at AT TIME ZONE 'UTC')::date, p.amount, p.amount
    WHERE NOT EXISTS (SELECT 1 FROM donations_instalment WHERE pledge_id = p.id)) part
WHERE p.method IN ('transfer', 'cash', 'card_later') AND p.cancelled_at IS NULL AND p.paused_at IS NULL
  AND part.reached > coalesce(d.received, 0)
  AND part.due_on BETWEEN current_date - 180 AND current_date + interval '12 months'
GROUP BY p.fund_id, p.currency
"""

# Cards that lie at Stripe for gifts on a condition that is not decided, or is met and whose charge is still to come.
CONDITIONAL = """
CREATE VIEW donations_conditional AS
SELECT p.fund_id, p.currency, sum(p.amount) AS amount
FROM donations_keptcard k
JOIN donations_pledge p ON p.id = k.pledge_id
JOIN donations_condition c ON c.id = p.condition_id
WHERE k.released_at IS NULL AND p.cancelled_at IS NULL AND c.failed_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM donations_donation d WHERE d.pledge_id = p.id AND d.reversed_at IS NULL)
GROUP BY p.fund_id, p.currency
"""

# For an appeal and its cases, or for a case alone; `kinds` are those of entries that say what arrived.
CAME_IN = """
CREATE FUNCTION donations_came_in(of_appeal bigint, of_case bigint, kinds text[])
RETURNS TABLE (currency text, arrived numeric, promised numeric, conditional numeric)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH wanted AS (
        SELECT f.id FROM donations_fund f LEFT JOIN appeals_case c ON c.id = f.case_id
        WHERE of_appeal IN (f.appeal_id, c.appeal_id) OR f.case_id = of_case
    ), sums AS (
        SELECT a.currency::text, sum(t.credit - t.debit) AS arrived, 0 AS promised, 0 AS conditional
        FROM donations_account a JOIN donations_total t ON t.account_id = a.id
        WHERE a.fund_id IN (SELECT id FROM wanted) AND t.kind = ANY (kinds) GROUP BY a.currency
        UNION ALL
        SELECT currency, 0, amount, 0 FROM donations_promised WHERE fund_id IN (SELECT id FROM wanted)
        UNION ALL
        SELECT currency, 0, 0, amount FROM donations_conditional WHERE fund_id IN (SELECT id FROM wanted)
    )
    SELECT currency, sum(arrived), sum(promised), sum(conditional) FROM sums GROUP BY currency ORDER BY currency;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0028_post_one")]
    operations = [
        migrations.RunSQL(PROMISED, "DROP VIEW donations_promised"),
        migrations.RunSQL(CONDITIONAL, "DROP VIEW donations_conditional"),
        migrations.RunSQL(CAME_IN, "DROP FUNCTION donations_came_in(bigint, bigint, text[])"),
    ]
