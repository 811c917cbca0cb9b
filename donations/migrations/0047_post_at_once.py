"""An entry is posted by one function and one trigger: each statement less in them is paid for by every gift."""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

# The same as before, in a language that keeps their plans for the session, or needs none.
CHEAPER = """
CREATE OR REPLACE FUNCTION donations_open_from() RETURNS date LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT max(month) + interval '1 month' FROM donations_period WHERE closed_at IS NOT NULL),
                    '-infinity');
END $$;

CREATE OR REPLACE FUNCTION donations_exponent(currency text) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE
        WHEN currency IN ('BIF','CLP','DJF','GNF','JPY','KMF','KRW','MGA','PYG','RWF','UGX','VND','VUV','XAF','XOF','XPF') THEN 0
        WHEN currency IN ('BHD','JOD','KWD','OMR','TND') THEN 3
        ELSE 2
    END;
END $$;
"""

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
POST_BACK = "DROP FUNCTION donations_post(text, text, text, text, text, text);"

# Of a gift only the first look, the month and the totals are asked; the rest is for what takes money out of a fund. A
# condition that asks a table stands alone inside its IF: beside a variable it would be planned anew at each call.
RULES = """
CREATE OR REPLACE FUNCTION donations_entry_post() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    decisions constant text[] := ARRAY['allocation', 'release', 'disbursement', 'bail_paid', 'cover', 'exchange',
                                     'surplus'];
    seen record;
    lowered_ids bigint[];
    decided_ids bigint[];
BEGIN
    -- Whoever closes a month waits for all who are posting, and holds up all who begin to.
    PERFORM pg_advisory_xact_lock_shared(hashtext('donations_period'), 0);
    SELECT min(n.booked_on) AS first_day,
           bool_or(d.kind = 'fund' AND c.kind = 'fund' AND n.kind NOT IN ('cover', 'surplus')) AS between_funds,
           bool_or(n.kind IN ('exchange', 'surplus')) AS are_decided, bool_or(n.kind = 'bail_paid') AS lay_bail,
           bool_or(c.place = 'bail') AS end_bail, bool_or(d.kind <> 'asset' OR d.place = 'bail') AS lower
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
        PERFORM 1 FROM donations_account WHERE id = ANY (lowered_ids) ORDER BY id FOR NO KEY UPDATE;
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
        UPDATE donations_account SET frozen_at = NULL
        WHERE frozen_at IS NOT NULL AND donations_free(id) >= 0
          AND id IN (SELECT credit_id FROM new_entries WHERE kind = 'cover' AND reverses_id IS NULL);
    END IF;
    RETURN NULL;
END $$;

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

ONE_TRIGGER = """
DROP TRIGGER entry_period ON donations_entry;
DROP FUNCTION donations_entry_period();
DROP TRIGGER entry_totals_of_day ON donations_entry;
DROP FUNCTION donations_entry_totals_of_day();
DROP TRIGGER entry_unfollowed ON donations_entry;
DROP FUNCTION donations_entry_unfollowed();
"""


def _of(migration: str, constant: str, start: str, end: str = "") -> str:
    """What an earlier migration wrote, from one of its lines to another."""
    text: str = getattr(import_module(f"donations.migrations.{migration}"), constant)
    _before, found, rest = text.partition(start)
    return found + (rest.partition(end)[0] if end else rest)


CHEAPER_BACK = "CREATE OR REPLACE FUNCTION donations_open_from()" + _of(
    "0026_periods", "OPEN_FROM", " RETURNS date LANGUAGE sql", "CREATE FUNCTION"
)
RULES_BACK = (
    _of("0028_exchange_bail_surplus_rules", "POSTING", "CREATE OR REPLACE FUNCTION")
    + "DROP FUNCTION donations_refuse_or_freeze(bigint[], bigint[]);"
)
ONE_TRIGGER_BACK = (
    _of("0026_periods", "OPEN_FROM", "CREATE FUNCTION donations_entry_period")
    + _of("0026_periods", "DAYS", "CREATE FUNCTION", "CREATE FUNCTION")
    + _of(
        "0036_follow",
        "NOTE",
        "CREATE FUNCTION",
        "INSERT INTO donations_unfollowedentry (entry_id) SELECT id FROM donations_entry;",
    )
)


class Migration(migrations.Migration):
    dependencies = [("donations", "0046_fewer_indexes")]
    operations = [
        migrations.RunSQL(CHEAPER, CHEAPER_BACK),
        migrations.RunSQL(POST, POST_BACK),
        migrations.RunSQL(ONE_TRIGGER, ONE_TRIGGER_BACK),
        migrations.RunSQL(RULES, RULES_BACK),
        # Entries are never deleted, so none is ever missing to its note: the key would be looked up for each in vain.
        migrations.AlterField(
            "unfollowedentry",
            "entry",
            models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                primary_key=True,
                related_name="+",
                serialize=False,
                to="donations.entry",
            ),
        ),
    ]
