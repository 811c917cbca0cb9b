"""What the books must never do, refused by the database itself: exact amounts, entries that stay, nothing spent twice."""

from django.db import migrations

# The table of donations/currencies.py; a test compares the two. In plpgsql it needs no plan.
EXPONENT = """
CREATE FUNCTION donations_exponent(currency text) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE
        WHEN currency IN ('BIF','CLP','DJF','GNF','JPY','KMF','KRW','MGA','PYG','RWF','UGX','VND','VUV','XAF','XOF','XPF') THEN 0
        WHEN currency IN ('BHD','JOD','KWD','OMR','TND') THEN 3
        ELSE 2
    END;
END $$;
"""
EXPONENT_BACK = "DROP FUNCTION donations_exponent;"

# No amount is finer than its currency's smallest unit.
EXACT = """
ALTER TABLE donations_entry ADD CONSTRAINT entry_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_pledge ADD CONSTRAINT pledge_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_donation ADD CONSTRAINT donation_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_disbursement ADD CONSTRAINT disbursement_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_legalcost ADD CONSTRAINT legalcost_amount_exact
    CHECK (owed = round(owed, donations_exponent(currency)));
ALTER TABLE donations_fundcover ADD CONSTRAINT fundcover_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_payout ADD CONSTRAINT payout_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_pledge ADD CONSTRAINT pledge_fee_cover_exact
    CHECK (fee_cover = round(fee_cover, donations_exponent(currency)));
ALTER TABLE donations_subscription ADD CONSTRAINT subscription_amounts_exact
    CHECK (amount = round(amount, donations_exponent(currency))
           AND fee_cover = round(fee_cover, donations_exponent(currency)));
ALTER TABLE donations_cashreceipt ADD CONSTRAINT cashreceipt_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_cashdeposit ADD CONSTRAINT cashdeposit_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_condition ADD CONSTRAINT condition_target_exact
    CHECK (target = round(target, donations_exponent(currency)));
ALTER TABLE donations_refundrequest ADD CONSTRAINT refundrequest_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_dispute ADD CONSTRAINT dispute_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_balancetransaction ADD CONSTRAINT balancetransaction_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_exchange
    ADD CONSTRAINT exchange_given_exact CHECK (given = round(given, donations_exponent(given_currency))),
    ADD CONSTRAINT exchange_received_exact CHECK (received = round(received, donations_exponent(received_currency)));
ALTER TABLE donations_surplusmove ADD CONSTRAINT surplus_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_bailoutcome ADD CONSTRAINT bail_outcome_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_pastrow ADD CONSTRAINT pastrow_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)) AND fee = round(fee, donations_exponent(currency)));
"""
EXACT_BACK = """
ALTER TABLE donations_pastrow DROP CONSTRAINT pastrow_amount_exact;
ALTER TABLE donations_bailoutcome DROP CONSTRAINT bail_outcome_amount_exact;
ALTER TABLE donations_surplusmove DROP CONSTRAINT surplus_amount_exact;
ALTER TABLE donations_exchange DROP CONSTRAINT exchange_received_exact, DROP CONSTRAINT exchange_given_exact;
ALTER TABLE donations_balancetransaction DROP CONSTRAINT balancetransaction_amount_exact;
ALTER TABLE donations_dispute DROP CONSTRAINT dispute_amount_exact;
ALTER TABLE donations_refundrequest DROP CONSTRAINT refundrequest_amount_exact;
ALTER TABLE donations_condition DROP CONSTRAINT condition_target_exact;
ALTER TABLE donations_cashdeposit DROP CONSTRAINT cashdeposit_amount_exact;
ALTER TABLE donations_cashreceipt DROP CONSTRAINT cashreceipt_amount_exact;
ALTER TABLE donations_subscription DROP CONSTRAINT subscription_amounts_exact;
ALTER TABLE donations_pledge DROP CONSTRAINT pledge_fee_cover_exact;
ALTER TABLE donations_payout DROP CONSTRAINT payout_amount_exact;
ALTER TABLE donations_fundcover DROP CONSTRAINT fundcover_amount_exact;
ALTER TABLE donations_legalcost DROP CONSTRAINT legalcost_amount_exact;
ALTER TABLE donations_disbursement DROP CONSTRAINT disbursement_amount_exact;
ALTER TABLE donations_donation DROP CONSTRAINT donation_amount_exact;
ALTER TABLE donations_pledge DROP CONSTRAINT pledge_amount_exact;
ALTER TABLE donations_entry DROP CONSTRAINT entry_amount_exact;
"""

# An entry and both its accounts share one currency: the foreign keys carry it.
ONE_CURRENCY = """
ALTER TABLE donations_entry
    ADD CONSTRAINT entry_currency_of_debit FOREIGN KEY (debit_id, currency) REFERENCES donations_account (id, currency),
    ADD CONSTRAINT entry_currency_of_credit FOREIGN KEY (credit_id, currency) REFERENCES donations_account (id, currency);
"""
ONE_CURRENCY_BACK = """
ALTER TABLE donations_entry DROP CONSTRAINT entry_currency_of_credit, DROP CONSTRAINT entry_currency_of_debit;
"""

APPEND_ONLY = """
CREATE FUNCTION donations_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger entries are never changed: post a reversal'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'entry_append_only';
END $$;
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON donations_entry
    FOR EACH ROW EXECUTE FUNCTION donations_entry_append_only();
-- ALWAYS: also for a session that plays replica (session_replication_role).
ALTER TABLE donations_entry ENABLE ALWAYS TRIGGER entry_append_only;
CREATE TRIGGER entry_no_truncate BEFORE TRUNCATE ON donations_entry
    FOR EACH STATEMENT EXECUTE FUNCTION donations_entry_append_only();
ALTER TABLE donations_entry ENABLE ALWAYS TRIGGER entry_no_truncate;
"""
APPEND_ONLY_BACK = "DROP FUNCTION donations_entry_append_only CASCADE;"

BALANCE = """
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
"""
BALANCE_BACK = "DROP FUNCTION donations_free, donations_balance;"

# Each argument holds a value for every posting, parted by the control character 31. A fact whose accounts are not there
# yet, or whose source is booked already, is left out; a fact of a closed month comes on the first open day.
POST = """
CREATE FUNCTION donations_post(kinds text, debits text, credits text, amounts text, days text, sources text)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    open_from constant date := donations_open_from();
    booked integer;
BEGIN
    INSERT INTO donations_entry (kind, debit_id, credit_id, amount, currency, booked_on, happened_on, source)
    SELECT p.kind, d.id, c.id, p.amount, d.currency, greatest(p.day, open_from),
           CASE WHEN p.day < open_from THEN p.day END, p.source
    FROM unnest(string_to_array(kinds, chr(31)), string_to_array(debits, chr(31)), string_to_array(credits, chr(31)),
                string_to_array(amounts, chr(31))::numeric[], string_to_array(days, chr(31))::date[],
                string_to_array(sources, chr(31)))
         AS p (kind, debit, credit, amount, day, source)
    JOIN donations_account d ON d.code = p.debit
    JOIN donations_account c ON c.code = p.credit
    -- In one order, so that two who post the same facts wait for each other and do not block each other.
    ORDER BY p.source
    ON CONFLICT (source) DO NOTHING;
    GET DIAGNOSTICS booked = ROW_COUNT;
    RETURN booked;
END $$;
"""
POST_BACK = "DROP FUNCTION donations_post;"

DECIDED = """
-- An exchange or the move of a surplus that two people decided, with this amount, fund and bank account.
CREATE FUNCTION donations_is_decided(kind text, source text, amount numeric, from_fund bigint, to_fund bigint, bank bigint)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE kind WHEN 'surplus' THEN EXISTS (
        SELECT 1 FROM donations_surplusmove s
        WHERE s.number = substring($2 from '[0-9a-f-]{36}')::uuid AND $2 = 'surplus:' || s.number
          AND s.approved_at IS NOT NULL AND s.amount = $3 AND s.source_id = $4 AND s.target_id = $5)
    ELSE EXISTS (
        SELECT 1 FROM donations_exchange x
        WHERE x.number = substring($2 from '[0-9a-f-]{36}')::uuid AND x.approved_at IS NOT NULL
          AND x.undone_at IS NULL AND x.fund_id = $4
          AND ($2, $3, $6) IN (('exchange:' || x.number || ':out', x.given, x.given_from_id),
                               ('exchange:' || x.number || ':in', x.received, x.received_into_id)))
    END
$$;
"""
DECIDED_BACK = "DROP FUNCTION donations_is_decided;"

# A fund that is frozen is free again when two people covered it, and when what took it below zero is undone: a dispute that
# was won, an entry that was reversed. Later gifts do not free it: they were given for something else than an old hole.
ENTRY_POST = """
-- Of a gift only the first look, the month and the totals are asked; the rest is for what takes money out of a fund. A
-- condition that asks a table stands alone inside its IF: beside a variable it would be planned anew at each call.
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
ENTRY_POST_BACK = "DROP FUNCTION donations_entry_post;"

POSTING = """
CREATE TRIGGER entry_post AFTER INSERT ON donations_entry
    REFERENCING NEW TABLE AS new_entries
    FOR EACH STATEMENT EXECUTE FUNCTION donations_entry_post();
ALTER TABLE donations_entry ENABLE ALWAYS TRIGGER entry_post;

-- Of accounts that money was just taken out of: a decision may not have overdrawn one, nor touched a frozen one; what
-- facts took below zero is frozen for decisions.
CREATE FUNCTION donations_refuse_or_freeze(lowered_ids bigint[], decided_ids bigint[]) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    lowered record;
BEGIN
    FOR lowered IN
        SELECT a.id, a.code, a.frozen_at, donations_free(a.id) AS free, a.id = ANY (decided_ids) AS is_decided
        FROM donations_account a WHERE a.id = ANY (lowered_ids) ORDER BY a.id
    LOOP
        IF lowered.is_decided AND lowered.frozen_at IS NOT NULL THEN
            RAISE EXCEPTION 'account % is frozen: it was below zero and nobody covered it', lowered.code
                USING ERRCODE = 'check_violation', CONSTRAINT = 'account_not_frozen';
        ELSIF lowered.is_decided AND lowered.free < 0 THEN
            RAISE EXCEPTION 'account % has not enough for this', lowered.code
                USING ERRCODE = 'check_violation', CONSTRAINT = 'account_not_overdrawn';
        ELSIF lowered.free < 0 AND lowered.frozen_at IS NULL THEN
            UPDATE donations_account SET frozen_at = now() WHERE id = lowered.id;
        END IF;
    END LOOP;
END $$;
"""
POSTING_BACK = """
DROP TRIGGER entry_post ON donations_entry;
DROP FUNCTION donations_refuse_or_freeze;
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
WAKE_BACK = "DROP FUNCTION donations_wake CASCADE;"


class Migration(migrations.Migration):
    replaces = [
        ("donations", name)
        for name in (
            "0002_ledger_rules",
            "0003_gift_reversed",
            "0005_letter_occasion",
            "0006_checkout_amount",
            "0007_monthly",
            "0009_rates",
            "0010_card_testing",
            "0011_checkout_untold",
            "0012_receipts",
            "0013_change_says_what",
            "0014_transfer_accounts",
            "0015_cash",
            "0016_conditional",
            "0017_condition_outlives_its_supporter",
            "0018_refunds",
            "0020_void_months",
            "0021_look_up_at",
            "0022_awaited_on_balance",
            "0023_payout_items",
            "0024_event_object",
            "0027_exchange_bail_surplus",
            "0029_lists",
            "0030_payees",
            "0032_take_books_away",
            "0034_by_day",
            "0035_lots",
            "0038_cleaned_documents",
            "0039_lists_by_day",
            "0040_policy_of_requests",
            "0041_matches_of_exchanges",
            "0042_third_person",
            "0043_third_person_rules",
            "0045_policy_limits",
            "0046_fewer_indexes",
            "0047_post_at_once",
            "0048_lines_by_currency",
            "0049_own_transfers",
            "0050_came_back",
            "0051_statement_details",
            "0052_follow_gifts_at_once",
            "0053_lines_by_account",
            "0054_explained_movements",
            "0055_policy_order",
            "0056_approved_documents",
            "0057_open_differences",
            "0058_bail_undo",
        )
    ]
    dependencies = [
        ("donations", "0001_initial"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]
    operations = [
        migrations.RunSQL(EXPONENT, EXPONENT_BACK),
        migrations.RunSQL(EXACT, EXACT_BACK),
        migrations.RunSQL(ONE_CURRENCY, ONE_CURRENCY_BACK),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_BACK),
        migrations.RunSQL(BALANCE, BALANCE_BACK),
        migrations.RunSQL(POST, POST_BACK),
        migrations.RunSQL(DECIDED, DECIDED_BACK),
        migrations.RunSQL(ENTRY_POST, ENTRY_POST_BACK),
        migrations.RunSQL(POSTING, POSTING_BACK),
        migrations.RunSQL(WAKE, WAKE_BACK),
    ]
