"""Months of the books: the first open day, the statement of a month, and what closing it takes and forbids."""

from django.db import migrations

# The first day that takes entries. No row is locked for it: whoever closes a month waits for all who are posting, and
# holds up all who begin to, by one advisory lock that these share. In plpgsql its plan is kept for the session.
OPEN_FROM = """
CREATE FUNCTION donations_open_from() RETURNS date LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT max(month) + interval '1 month' FROM donations_period WHERE closed_at IS NOT NULL),
                    '-infinity');
END $$;
"""
OPEN_FROM_BACK = "DROP FUNCTION donations_open_from;"

DAY = """
CREATE FUNCTION donations_balance_on(account bigint, day date) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(t.credit - t.debit), 0) * CASE WHEN a.kind = 'asset' THEN -1 ELSE 1 END
    FROM donations_account a LEFT JOIN donations_daytotal t ON t.account_id = a.id AND t.booked_on <= day
    WHERE a.id = account GROUP BY a.kind
$$;
"""
DAY_BACK = "DROP FUNCTION donations_balance_on;"

# The statement of a month, one fact a line: what no entry of later can change, once the month takes none.
STATEMENT = """
CREATE FUNCTION donations_period_lines(month date) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT line FROM (
        SELECT 1 AS part, NULL::date AS day, '' AS name, 'month|' || to_char(month, 'YYYY-MM') AS line
        UNION ALL
        SELECT 2, NULL, a.code, concat_ws('|', 'account', a.code, a.currency,
            trim_scale(sum(CASE WHEN t.booked_on < month THEN t.credit - t.debit ELSE 0 END) * sign.of),
            trim_scale(sum(CASE WHEN t.booked_on >= month THEN t.debit ELSE 0 END)),
            trim_scale(sum(CASE WHEN t.booked_on >= month THEN t.credit ELSE 0 END)),
            trim_scale(sum(t.credit - t.debit) * sign.of))
        FROM donations_daytotal t JOIN donations_account a ON a.id = t.account_id
        CROSS JOIN LATERAL (SELECT CASE WHEN a.kind = 'asset' THEN -1 ELSE 1 END AS of) sign
        WHERE t.booked_on < month + interval '1 month'
        GROUP BY a.id, a.code, a.currency, sign.of
        UNION ALL
        SELECT 3, e.booked_on, e.source, concat_ws('|', 'entry', to_char(e.booked_on, 'YYYY-MM-DD'),
            coalesce(to_char(e.happened_on, 'YYYY-MM-DD'), ''), e.source, e.kind, d.code, c.code,
            trim_scale(e.amount), e.currency)
        FROM donations_entry e
        JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
        WHERE e.booked_on >= month AND e.booked_on < month + interval '1 month'
    ) lines
    ORDER BY part, day, name COLLATE "C"
$$;

CREATE FUNCTION donations_period_sha256(month date) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(string_agg(line || chr(10), '' ORDER BY number), 'UTF8')), 'hex')
    FROM donations_period_lines(month) WITH ORDINALITY AS lines (line, number)
$$;
"""
STATEMENT_BACK = "DROP FUNCTION donations_period_sha256, donations_period_lines;"

CLOSING = """
CREATE FUNCTION donations_period_stands() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    last_closed date;
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') OR (TG_OP = 'UPDATE' AND OLD.closed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a month of the books is never deleted, and a closed one never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'period_stands';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.month <> OLD.month THEN
        RAISE EXCEPTION 'a month of the books stays the month it is'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'period_stands';
    END IF;
    IF NEW.closed_at IS NULL THEN
        RETURN NEW;
    END IF;
    -- Whoever posted is done or has not begun: what follows sees all of the month, and nothing is added meanwhile.
    PERFORM pg_advisory_xact_lock(hashtext('donations_period'), 0);
    IF least(NEW.closed_at, now()) AT TIME ZONE 'UTC' < NEW.month + interval '1 month' THEN
        RAISE EXCEPTION 'the month is not over'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'period_is_over';
    END IF;
    SELECT max(month) INTO last_closed FROM donations_period WHERE closed_at IS NOT NULL;
    IF NEW.month <> last_closed + interval '1 month'
       OR (last_closed IS NULL AND EXISTS (SELECT 1 FROM donations_daytotal WHERE booked_on < NEW.month)) THEN
        RAISE EXCEPTION 'an earlier month is open'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'period_closed_in_turn';
    END IF;
    IF EXISTS (
        SELECT 1 FROM donations_account a
        LEFT JOIN donations_assertion s ON s.account_id = a.id AND s.period_id = NEW.id
        WHERE (s.id IS NOT NULL OR (a.place IN ('stripe', 'bank') AND EXISTS (
                  SELECT 1 FROM donations_daytotal t
                  WHERE t.account_id = a.id AND t.booked_on < NEW.month + interval '1 month')))
          AND (s.id IS NULL OR s.stated <> s.booked + s.explained
               OR s.booked <> donations_balance_on(a.id, (NEW.month + interval '1 month' - interval '1 day')::date))
    ) THEN
        RAISE EXCEPTION 'a balance is not proved'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'period_balances_proved';
    END IF;
    IF NEW.sha256 IS DISTINCT FROM donations_period_sha256(NEW.month) THEN
        RAISE EXCEPTION 'something was booked in the month since closing was asked for'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'period_closed_as_requested';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER period_stands BEFORE INSERT OR UPDATE OR DELETE ON donations_period
    FOR EACH ROW EXECUTE FUNCTION donations_period_stands();
ALTER TABLE donations_period ENABLE ALWAYS TRIGGER period_stands;
CREATE TRIGGER period_no_truncate BEFORE TRUNCATE ON donations_period
    FOR EACH STATEMENT EXECUTE FUNCTION donations_period_stands();
ALTER TABLE donations_period ENABLE ALWAYS TRIGGER period_no_truncate;

CREATE FUNCTION donations_assertion_stands() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' OR EXISTS (
        SELECT 1 FROM donations_period WHERE closed_at IS NOT NULL
        AND id IN (CASE WHEN TG_OP <> 'DELETE' THEN NEW.period_id END, CASE WHEN TG_OP <> 'INSERT' THEN OLD.period_id END)
    ) THEN
        RAISE EXCEPTION 'what a closed month was proved by is never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'assertion_stands';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER assertion_stands BEFORE INSERT OR UPDATE OR DELETE ON donations_assertion
    FOR EACH ROW EXECUTE FUNCTION donations_assertion_stands();
ALTER TABLE donations_assertion ENABLE ALWAYS TRIGGER assertion_stands;
CREATE TRIGGER assertion_no_truncate BEFORE TRUNCATE ON donations_assertion
    FOR EACH STATEMENT EXECUTE FUNCTION donations_assertion_stands();
ALTER TABLE donations_assertion ENABLE ALWAYS TRIGGER assertion_no_truncate;
"""
CLOSING_BACK = "DROP FUNCTION donations_assertion_stands, donations_period_stands CASCADE;"


class Migration(migrations.Migration):
    replaces = [("donations", "0026_periods")]
    dependencies = [("donations", "0002_ledger")]
    operations = [
        migrations.RunSQL(OPEN_FROM, OPEN_FROM_BACK),
        migrations.RunSQL(DAY, DAY_BACK),
        migrations.RunSQL(STATEMENT, STATEMENT_BACK),
        migrations.RunSQL(CLOSING, CLOSING_BACK),
    ]
