"""What the books must never do, refused by the database itself."""

from django.db import migrations

# The table of donations/currencies.py; a test compares the two.
EXPONENT = """
CREATE FUNCTION donations_exponent(currency text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN currency IN ('BIF','CLP','DJF','GNF','JPY','KMF','KRW','MGA','PYG','RWF','UGX','VND','VUV','XAF','XOF','XPF') THEN 0
        WHEN currency IN ('BHD','JOD','KWD','OMR','TND') THEN 3
        ELSE 2
    END
$$;
"""
EXPONENT_BACK = "DROP FUNCTION donations_exponent(text);"

EXACT = "\n".join(
    f"""ALTER TABLE donations_{table} ADD CONSTRAINT {table}_amount_exact
    CHECK ({column} = round({column}, donations_exponent(currency)));"""
    for table, column in [
        ("entry", "amount"),
        ("pledge", "amount"),
        ("donation", "amount"),
        ("disbursement", "amount"),
        ("legalcost", "owed"),
        ("fundcover", "amount"),
        ("payout", "amount"),
    ]
)
EXACT_BACK = "\n".join(
    f"ALTER TABLE donations_{table} DROP CONSTRAINT {table}_amount_exact;"
    for table in ["entry", "pledge", "donation", "disbursement", "legalcost", "fundcover", "payout"]
)

# An entry and both its accounts share one currency: the foreign keys carry it.
ONE_CURRENCY = """
ALTER TABLE donations_entry
    ADD CONSTRAINT entry_currency_of_debit FOREIGN KEY (debit_id, currency) REFERENCES donations_account (id, currency),
    ADD CONSTRAINT entry_currency_of_credit FOREIGN KEY (credit_id, currency) REFERENCES donations_account (id, currency);
"""
ONE_CURRENCY_BACK = """
ALTER TABLE donations_entry DROP CONSTRAINT entry_currency_of_debit, DROP CONSTRAINT entry_currency_of_credit;
"""

APPEND_ONLY = """
CREATE FUNCTION donations_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger entries are never changed: post a reversal'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'entry_append_only';
END $$;
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON donations_entry
    FOR EACH ROW EXECUTE FUNCTION donations_entry_append_only();
CREATE TRIGGER entry_no_truncate BEFORE TRUNCATE ON donations_entry
    FOR EACH STATEMENT EXECUTE FUNCTION donations_entry_append_only();
-- ALWAYS: also for a session that plays replica (session_replication_role).
ALTER TABLE donations_entry ENABLE ALWAYS TRIGGER entry_append_only;
ALTER TABLE donations_entry ENABLE ALWAYS TRIGGER entry_no_truncate;
"""
APPEND_ONLY_BACK = """
DROP TRIGGER entry_append_only ON donations_entry;
DROP TRIGGER entry_no_truncate ON donations_entry;
DROP FUNCTION donations_entry_append_only();
"""

POSTING = """
CREATE FUNCTION donations_balance(account bigint) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(t.credit - t.debit), 0) * CASE WHEN a.kind = 'asset' THEN -1 ELSE 1 END
    FROM donations_account a LEFT JOIN donations_total t ON t.account_id = a.id
    WHERE a.id = account GROUP BY a.kind
$$;

-- What may still be decided over: a cost's money that lies with a court as bail cannot be spent a second time.
CREATE FUNCTION donations_free(account bigint) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT donations_balance(a.id)
         - CASE WHEN a.kind = 'cost' THEN coalesce((
               SELECT donations_balance(b.id) FROM donations_account b
               WHERE b.place = 'bail' AND b.legal_cost_id = a.legal_cost_id), 0)
           ELSE 0 END
    FROM donations_account a WHERE a.id = account
$$;

CREATE FUNCTION donations_entry_post() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    lowered record;
    lowered_ids bigint[];
    decisions constant text[] := ARRAY['allocation', 'release', 'disbursement', 'bail_paid', 'cover'];
BEGIN
    -- Whoever takes money out of a fund or a cost, or lays down bail for a cost, holds its row until the end of the
    -- transaction. NO KEY, since the foreign keys of entries being posted hold KEY SHARE on the same rows.
    SELECT array_agg(DISTINCT a.id) INTO lowered_ids
    FROM new_entries n JOIN donations_account d ON d.id = n.debit_id
    JOIN donations_account a ON (d.place = 'bail' AND a.kind = 'cost' AND a.legal_cost_id = d.legal_cost_id)
                             OR (d.kind <> 'asset' AND a.id = d.id);
    IF lowered_ids IS NOT NULL THEN
        PERFORM 1 FROM donations_account WHERE id = ANY (lowered_ids) ORDER BY id FOR NO KEY UPDATE;
    END IF;

    IF EXISTS (
        SELECT 1 FROM new_entries n JOIN donations_account d ON d.id = n.debit_id
        WHERE n.kind = 'bail_paid' AND NOT EXISTS (
            SELECT 1 FROM donations_account a WHERE a.kind = 'cost' AND a.legal_cost_id = d.legal_cost_id)
    ) THEN
        RAISE EXCEPTION 'nothing is set aside for this bail'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_not_overdrawn';
    END IF;

    INSERT INTO donations_total AS t (account_id, kind, slot, debit, credit)
    SELECT m.account_id, m.kind, pg_backend_pid() % 16, sum(m.debit), sum(m.credit)
    FROM (
        SELECT debit_id AS account_id, kind, amount AS debit, 0 AS credit FROM new_entries
        UNION ALL
        SELECT credit_id, kind, 0, amount FROM new_entries
    ) m
    GROUP BY m.account_id, m.kind ORDER BY m.account_id, m.kind
    ON CONFLICT (account_id, kind, slot)
        DO UPDATE SET debit = t.debit + excluded.debit, credit = t.credit + excluded.credit;

    IF lowered_ids IS NULL THEN
        RETURN NULL;
    END IF;

    FOR lowered IN
        SELECT a.id, a.code, a.frozen_at, donations_free(a.id) AS free,
               EXISTS (
                   SELECT 1 FROM new_entries n JOIN donations_account d ON d.id = n.debit_id
                   WHERE n.kind = ANY (decisions)
                     AND (d.id = a.id OR (d.place = 'bail' AND d.legal_cost_id = a.legal_cost_id))
               ) AS decided
        FROM donations_account a WHERE a.id = ANY (lowered_ids) ORDER BY a.id
    LOOP
        IF lowered.decided AND lowered.frozen_at IS NOT NULL THEN
            RAISE EXCEPTION 'account % is frozen: it was below zero and nobody covered it', lowered.code
                USING ERRCODE = 'check_violation', CONSTRAINT = 'account_not_frozen';
        ELSIF lowered.decided AND lowered.free < 0 THEN
            RAISE EXCEPTION 'account % has not enough for this', lowered.code
                USING ERRCODE = 'check_violation', CONSTRAINT = 'account_not_overdrawn';
        ELSIF lowered.free < 0 AND lowered.frozen_at IS NULL THEN
            UPDATE donations_account SET frozen_at = now() WHERE id = lowered.id;
        END IF;
    END LOOP;

    UPDATE donations_account SET frozen_at = NULL
    WHERE frozen_at IS NOT NULL AND donations_free(id) >= 0
      AND id IN (SELECT credit_id FROM new_entries WHERE kind = 'cover' AND reverses_id IS NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER entry_post AFTER INSERT ON donations_entry
    REFERENCING NEW TABLE AS new_entries
    FOR EACH STATEMENT EXECUTE FUNCTION donations_entry_post();
ALTER TABLE donations_entry ENABLE ALWAYS TRIGGER entry_post;
"""
POSTING_BACK = """
DROP TRIGGER entry_post ON donations_entry;
DROP FUNCTION donations_entry_post();
DROP FUNCTION donations_free(bigint);
DROP FUNCTION donations_balance(bigint);
"""

APPROVAL = """
CREATE FUNCTION donations_disbursement_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.content_hash := encode(sha256(convert_to(concat_ws('|', NEW.cost_id, NEW.amount, NEW.currency,
        NEW.payee_hash, NEW.bank_account_id,
        (SELECT sha256 FROM donations_costdocument WHERE id = NEW.document_id)), 'UTF8')), 'hex');
    IF TG_OP = 'UPDATE' AND NEW.content_hash <> OLD.content_hash THEN
        IF OLD.paid_at IS NOT NULL THEN
            RAISE EXCEPTION 'a paid disbursement is not changed'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_paid_is_final';
        END IF;
        -- The approval was for something else.
        NEW.approved_by_id := NULL;
        NEW.approved_at := NULL;
        NEW.approved_hash := '';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.paid_at IS NOT NULL
       AND (NEW.paid_at, NEW.paid_on, NEW.paid_by_id, NEW.approved_by_id, NEW.requested_by_id)
           IS DISTINCT FROM (OLD.paid_at, OLD.paid_on, OLD.paid_by_id, OLD.approved_by_id, OLD.requested_by_id) THEN
        RAISE EXCEPTION 'a paid disbursement is not changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_paid_is_final';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER disbursement_content BEFORE INSERT OR UPDATE ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_content();
"""
APPROVAL_BACK = """
DROP TRIGGER disbursement_content ON donations_disbursement;
DROP FUNCTION donations_disbursement_content();
"""

# The row and the job that will act on it are committed together, in one round trip.
# `queueing_lock` is the queue's own way to keep one waiting job of a kind (procrastinate, "queueing locks").
WAKE = """
CREATE FUNCTION donations_wake() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = TG_ARGV[0] AND status = 'todo') THEN
        INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock)
        VALUES ('default', TG_ARGV[0], TG_ARGV[0]) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER stripe_event_wake AFTER INSERT ON donations_stripeevent
    FOR EACH STATEMENT EXECUTE FUNCTION donations_wake('process_events');
CREATE TRIGGER letter_wake AFTER INSERT ON donations_letter
    FOR EACH STATEMENT EXECUTE FUNCTION donations_wake('send_letters');
"""
WAKE_BACK = """
DROP TRIGGER stripe_event_wake ON donations_stripeevent;
DROP TRIGGER letter_wake ON donations_letter;
DROP FUNCTION donations_wake();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0001_initial"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]
    operations = [
        migrations.RunSQL(EXPONENT, EXPONENT_BACK),
        migrations.RunSQL(EXACT, EXACT_BACK),
        migrations.RunSQL(ONE_CURRENCY, ONE_CURRENCY_BACK),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_BACK),
        migrations.RunSQL(POSTING, POSTING_BACK),
        migrations.RunSQL(APPROVAL, APPROVAL_BACK),
        migrations.RunSQL(WAKE, WAKE_BACK),
    ]
