"""A frozen fund is free again when two people covered it, and when what took it below zero is undone: a dispute that was
won, an entry that was reversed. Later gifts do not free it: they were given for something else than an old hole.
"""

from django.db import migrations

LIFT = """
CREATE OR REPLACE FUNCTION donations_entry_post() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    decisions constant text[] := ARRAY['allocation', 'release', 'disbursement', 'bail_paid', 'cover', 'exchange',
                                     'surplus'];
    seen record;
    lowered_ids bigint[];
    decided_ids bigint[];
    lifted_ids bigint[];
BEGIN
    -- Whoever closes a month waits for all who are posting, and holds up all who begin to.
    PERFORM pg_advisory_xact_lock_shared(hashtext('donations_period'), 0);
    SELECT min(n.booked_on) AS first_day,
           bool_or(d.kind = 'fund' AND c.kind = 'fund' AND n.kind NOT IN ('cover', 'surplus')) AS between_funds,
           bool_or(n.kind IN ('exchange', 'surplus')) AS are_decided, bool_or(n.kind = 'bail_paid') AS lay_bail,
           bool_or(c.place = 'bail') AS end_bail, bool_or(d.kind <> 'asset' OR d.place = 'bail') AS lower,
           bool_or(n.kind IN ('cover', 'dispute_won') OR n.reverses_id IS NOT NULL) AS lift
    INTO seen
    FROM new_entries n JOIN donations_account d ON d.id = n.debit_id JOIN donations_account c ON c.id = n.credit_id;
    IF seen.first_day < donations_open_from() THEN
        RAISE EXCEPTION 'this month is closed: a later fact is booked on the first open day'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_period_open';
    END IF;
    IF seen.between_funds THEN
        RAISE EXCEPTION 'money given for one fund becomes another''s only by a cover or by the surplus rule'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_keeps_its_money';
    END IF;
    IF seen.are_decided THEN
        PERFORM 1 FROM new_entries n
        JOIN donations_account d ON d.id = n.debit_id JOIN donations_account c ON c.id = n.credit_id
        WHERE n.kind IN ('exchange', 'surplus') AND n.reverses_id IS NULL AND NOT donations_is_decided(
            n.kind, n.source, n.amount, coalesce(d.fund_id, c.fund_id), c.fund_id,
            coalesce(c.bank_account_id, d.bank_account_id));
        IF FOUND THEN
            RAISE EXCEPTION 'nobody decided this, or not so'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_decided_by_two';
        END IF;
    END IF;
    IF seen.end_bail THEN
        -- What courts give back or keep waits for each other on the cost's row, and is never more than they hold.
        PERFORM 1 FROM donations_account WHERE kind = 'cost' AND legal_cost_id IN (
            SELECT c.legal_cost_id FROM new_entries n JOIN donations_account c ON c.id = n.credit_id
            WHERE c.place = 'bail') ORDER BY id FOR NO KEY UPDATE;
    END IF;
    IF seen.lower THEN
        -- Whoever takes money out of a fund or a cost, or lays down bail for a cost, holds its row until the end of the
        -- transaction. NO KEY, since the foreign keys of entries being posted hold KEY SHARE on the same rows.
        SELECT array_agg(DISTINCT a.id), array_agg(DISTINCT a.id) FILTER (WHERE n.kind = ANY (decisions))
        INTO lowered_ids, decided_ids
        FROM new_entries n JOIN donations_account d ON d.id = n.debit_id
        JOIN donations_account a ON (d.place = 'bail' AND a.kind = 'cost' AND a.legal_cost_id = d.legal_cost_id)
                                 OR (d.kind <> 'asset' AND a.id = d.id);
    END IF;
    IF seen.lift THEN
        SELECT array_agg(DISTINCT c.id) INTO lifted_ids
        FROM new_entries n JOIN donations_account c ON c.id = n.credit_id
        WHERE c.kind <> 'asset' AND (n.kind IN ('cover', 'dispute_won') OR n.reverses_id IS NOT NULL);
    END IF;
    IF lowered_ids IS NOT NULL OR lifted_ids IS NOT NULL THEN
        PERFORM 1 FROM donations_account WHERE id = ANY (lowered_ids || lifted_ids) ORDER BY id FOR NO KEY UPDATE;
    END IF;
    IF seen.lay_bail THEN
        PERFORM 1 FROM new_entries n JOIN donations_account d ON d.id = n.debit_id
        WHERE n.kind = 'bail_paid' AND NOT EXISTS (
            SELECT 1 FROM donations_account a WHERE a.kind = 'cost' AND a.legal_cost_id = d.legal_cost_id);
        IF FOUND THEN
            RAISE EXCEPTION 'nothing is set aside for this bail'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'account_not_overdrawn';
        END IF;
    END IF;

    -- Each entry is noted to be followed (donations_follow), and counted in the totals of its day and of all days.
    WITH noted AS (
        INSERT INTO donations_unfollowedentry (entry_id) SELECT id FROM new_entries
    ), moved AS MATERIALIZED (
        SELECT account_id, kind, booked_on, sum(debit) AS debit, sum(credit) AS credit
        FROM (SELECT debit_id AS account_id, kind, booked_on, amount AS debit, 0 AS credit FROM new_entries
              UNION ALL SELECT credit_id, kind, booked_on, 0, amount FROM new_entries) sides
        GROUP BY account_id, kind, booked_on
    ), days AS (
        INSERT INTO donations_daytotal AS t (account_id, booked_on, kind, slot, debit, credit)
        SELECT account_id, booked_on, kind, pg_backend_pid() % 16, debit, credit
        FROM moved ORDER BY account_id, booked_on, kind
        ON CONFLICT (account_id, booked_on, kind, slot)
            DO UPDATE SET debit = t.debit + excluded.debit, credit = t.credit + excluded.credit
    )
    INSERT INTO donations_total AS t (account_id, kind, slot, debit, credit)
    SELECT account_id, kind, pg_backend_pid() % 16, sum(debit), sum(credit)
    FROM moved GROUP BY account_id, kind ORDER BY account_id, kind
    ON CONFLICT (account_id, kind, slot)
        DO UPDATE SET debit = t.debit + excluded.debit, credit = t.credit + excluded.credit;

    IF seen.end_bail THEN
        PERFORM 1 FROM new_entries n JOIN donations_account c ON c.id = n.credit_id
        WHERE c.place = 'bail' AND donations_balance(c.id) < 0;
        IF FOUND THEN
            RAISE EXCEPTION 'no court holds that much bail'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'bail_within_deposit';
        END IF;
    END IF;
    IF lowered_ids IS NOT NULL THEN
        PERFORM donations_refuse_or_freeze(lowered_ids, decided_ids);
    END IF;
    IF lifted_ids IS NOT NULL THEN
        UPDATE donations_account SET frozen_at = NULL
        WHERE frozen_at IS NOT NULL AND donations_free(id) >= 0 AND id = ANY (lifted_ids);
    END IF;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0013_past")]
    operations = [migrations.RunSQL(LIFT, migrations.RunSQL.noop)]
