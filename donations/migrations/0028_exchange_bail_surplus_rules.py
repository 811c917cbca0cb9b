"""What exchanges, deposits of bail, ended costs and surpluses must never do, refused by the database itself."""

from importlib import import_module

from django.db import migrations

EXACT = """
ALTER TABLE donations_exchange
    ADD CONSTRAINT exchange_given_exact CHECK (given = round(given, donations_exponent(given_currency))),
    ADD CONSTRAINT exchange_received_exact CHECK (received = round(received, donations_exponent(received_currency)));
ALTER TABLE donations_surplusmove ADD CONSTRAINT surplus_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_bailoutcome ADD CONSTRAINT bail_outcome_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
"""
EXACT_BACK = """
ALTER TABLE donations_exchange DROP CONSTRAINT exchange_given_exact, DROP CONSTRAINT exchange_received_exact;
ALTER TABLE donations_surplusmove DROP CONSTRAINT surplus_amount_exact;
ALTER TABLE donations_bailoutcome DROP CONSTRAINT bail_outcome_amount_exact;
"""

EXCHANGE = """
CREATE FUNCTION donations_exchange_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an exchange is refused or taken back, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'exchange_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL OR NEW.undone_at IS NOT NULL THEN
            RAISE EXCEPTION 'an exchange starts unbooked'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_starts_unbooked';
        END IF;
        IF NEW.given_currency <> (SELECT currency FROM donations_bankaccount WHERE id = NEW.given_from_id)
           OR NEW.received_currency <> (SELECT currency FROM donations_bankaccount WHERE id = NEW.received_into_id) THEN
            RAISE EXCEPTION 'each side of an exchange has its account''s currency'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_currencies_of_accounts';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.number, NEW.fund_id, NEW.given, NEW.given_currency, NEW.given_from_id, NEW.received,
        NEW.received_currency, NEW.received_into_id, NEW.market, NEW.exchanged_on, NEW.sha256, NEW.size,
        NEW.content_type, NEW.recorded_by_id, NEW.recorded_at)
       IS DISTINCT FROM
       (OLD.number, OLD.fund_id, OLD.given, OLD.given_currency, OLD.given_from_id, OLD.received,
        OLD.received_currency, OLD.received_into_id, OLD.market, OLD.exchanged_on, OLD.sha256, OLD.size,
        OLD.content_type, OLD.recorded_by_id, OLD.recorded_at)
       OR (OLD.approved_at IS NOT NULL AND
           (NEW.approved_at, NEW.approved_by_id) IS DISTINCT FROM (OLD.approved_at, OLD.approved_by_id))
       OR (OLD.refused_at IS NOT NULL AND
           (NEW.refused_at, NEW.refused_by_id, NEW.refusal_reason)
           IS DISTINCT FROM (OLD.refused_at, OLD.refused_by_id, OLD.refusal_reason))
       OR (OLD.undone_at IS NOT NULL AND
           (NEW.undone_at, NEW.undone_by_id, NEW.undoing_reason)
           IS DISTINCT FROM (OLD.undone_at, OLD.undone_by_id, OLD.undoing_reason)) THEN
        RAISE EXCEPTION 'an exchange is booked as it was recorded, or refused, once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'exchange_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_exchange
    FOR EACH ROW EXECUTE FUNCTION donations_exchange_steps();
"""
EXCHANGE_BACK = """
DROP TRIGGER exchange_steps ON donations_exchange;
DROP FUNCTION donations_exchange_steps();
"""

SURPLUS = """
CREATE FUNCTION donations_surplusmove_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'the move of a surplus is never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'surplus_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL THEN
            RAISE EXCEPTION 'the move of a surplus starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_starts_as_request';
        END IF;
    ELSIF OLD.approved_at IS NOT NULL OR OLD.refused_at IS NOT NULL OR
       (NEW.number, NEW.source_id, NEW.target_id, NEW.amount, NEW.currency, NEW.cause, NEW.note,
        NEW.requested_by_id, NEW.requested_at)
       IS DISTINCT FROM
       (OLD.number, OLD.source_id, OLD.target_id, OLD.amount, OLD.currency, OLD.cause, OLD.note,
        OLD.requested_by_id, OLD.requested_at) THEN
        RAISE EXCEPTION 'the move of a surplus is approved as it was asked for, or refused, once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'surplus_stays';
    END IF;
    -- Held, so that nobody names another fallback meanwhile.
    IF NEW.refused_at IS NULL AND NEW.target_id IS DISTINCT FROM
       (SELECT fallback_id FROM donations_fund WHERE id = NEW.source_id FOR SHARE) THEN
        RAISE EXCEPTION 'a surplus goes to the fund that the rule names'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_goes_to_the_fallback';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER surplus_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_surplusmove
    FOR EACH ROW EXECUTE FUNCTION donations_surplusmove_steps();
"""
SURPLUS_BACK = """
DROP TRIGGER surplus_steps ON donations_surplusmove;
DROP FUNCTION donations_surplusmove_steps();
"""

BAIL = """
CREATE FUNCTION donations_bailoutcome_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'what a court did with bail is never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'bail_outcome_stays';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM donations_legalcost
                   WHERE id = NEW.cost_id AND kind = 'bail' AND currency = NEW.currency)
       OR EXISTS (SELECT 1 FROM donations_bankaccount
                  WHERE id = NEW.bank_account_id AND currency <> NEW.currency)
       OR EXISTS (SELECT 1 FROM donations_costdocument
                  WHERE id = NEW.document_id AND cost_id <> NEW.cost_id) THEN
        RAISE EXCEPTION 'bail has its cost''s currency, account and document'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bail_outcome_of_its_cost';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bail_outcome_stays BEFORE INSERT OR UPDATE OR DELETE ON donations_bailoutcome
    FOR EACH ROW EXECUTE FUNCTION donations_bailoutcome_stays();
"""
BAIL_BACK = """
DROP TRIGGER bail_outcome_stays ON donations_bailoutcome;
DROP FUNCTION donations_bailoutcome_stays();
"""

ENDING = """
CREATE FUNCTION donations_legalcost_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM donations_account WHERE kind = 'cost' AND legal_cost_id = NEW.id
               AND donations_balance(id) <> 0)
       OR EXISTS (SELECT 1 FROM donations_disbursement
                  WHERE cost_id = NEW.id AND paid_at IS NULL AND refused_at IS NULL) THEN
        RAISE EXCEPTION 'a cost ends when nothing is set aside, asked for or held by a court for it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_cost_ends_empty';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER legal_cost_ends BEFORE UPDATE OF ended_on ON donations_legalcost
    FOR EACH ROW WHEN (NEW.ended_on IS NOT NULL AND OLD.ended_on IS NULL)
    EXECUTE FUNCTION donations_legalcost_ends();

CREATE FUNCTION donations_allocation_of_open_cost() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    cost record;
BEGIN
    -- Held until the end of the transaction, so that a cost does not end, nor bail come back, meanwhile.
    SELECT owed, ended_on INTO cost FROM donations_legalcost WHERE id = NEW.cost_id FOR NO KEY UPDATE;
    IF cost.ended_on IS NOT NULL THEN
        RAISE EXCEPTION 'this cost has ended'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_of_open_cost';
    END IF;
    -- A deposit that came back is not owed again.
    IF donations_set_aside(NEW.cost_id) + coalesce((
           SELECT sum(amount) FROM donations_bailoutcome
           WHERE cost_id = NEW.cost_id AND kind = 'returned'), 0) > cost.owed THEN
        RAISE EXCEPTION 'more is set aside than is still owed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_within_owed';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER allocation_of_open_cost AFTER INSERT ON donations_allocation
    FOR EACH ROW WHEN (NOT NEW.is_release) EXECUTE FUNCTION donations_allocation_of_open_cost();
"""
ENDING_BACK = """
DROP TRIGGER allocation_of_open_cost ON donations_allocation;
DROP FUNCTION donations_allocation_of_open_cost();
DROP TRIGGER legal_cost_ends ON donations_legalcost;
DROP FUNCTION donations_legalcost_ends();
"""

POSTING = """
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

CREATE OR REPLACE FUNCTION donations_entry_post() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    lowered record;
    lowered_ids bigint[];
    decisions constant text[] := ARRAY['allocation', 'release', 'disbursement', 'bail_paid', 'cover', 'exchange',
                                     'surplus'];
    moves record;
BEGIN
    SELECT bool_or(d.kind = 'fund' AND c.kind = 'fund' AND n.kind NOT IN ('cover', 'surplus')) AS between_funds,
           bool_or(n.kind IN ('exchange', 'surplus')) AS are_decided, bool_or(c.place = 'bail') AS are_bail
    INTO moves
    FROM new_entries n JOIN donations_account d ON d.id = n.debit_id JOIN donations_account c ON c.id = n.credit_id;
    IF moves.between_funds THEN
        RAISE EXCEPTION 'money given for one fund becomes another''s only by a cover or by the surplus rule'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_keeps_its_money';
    END IF;
    IF moves.are_decided AND EXISTS (
        SELECT 1 FROM new_entries n
        JOIN donations_account d ON d.id = n.debit_id JOIN donations_account c ON c.id = n.credit_id
        WHERE n.kind IN ('exchange', 'surplus') AND n.reverses_id IS NULL AND NOT donations_is_decided(
            n.kind, n.source, n.amount, coalesce(d.fund_id, c.fund_id), c.fund_id,
            coalesce(c.bank_account_id, d.bank_account_id))
    ) THEN
        RAISE EXCEPTION 'nobody decided this, or not so'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_decided_by_two';
    END IF;

    -- Whoever takes money out of a fund or a cost, or lays down bail for a cost, holds its row until the end of the
    -- transaction. NO KEY, since the foreign keys of entries being posted hold KEY SHARE on the same rows.
    SELECT array_agg(DISTINCT a.id) INTO lowered_ids
    FROM new_entries n JOIN donations_account d ON d.id = n.debit_id
    JOIN donations_account a ON (d.place = 'bail' AND a.kind = 'cost' AND a.legal_cost_id = d.legal_cost_id)
                             OR (d.kind <> 'asset' AND a.id = d.id);
    IF moves.are_bail THEN
        -- What courts give back or keep waits for each other on the cost's row, and is never more than they hold.
        PERFORM 1 FROM donations_account WHERE kind = 'cost' AND legal_cost_id IN (
            SELECT c.legal_cost_id FROM new_entries n JOIN donations_account c ON c.id = n.credit_id
            WHERE c.place = 'bail') ORDER BY id FOR NO KEY UPDATE;
    END IF;
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

    IF moves.are_bail AND EXISTS (
        SELECT 1 FROM new_entries n JOIN donations_account c ON c.id = n.credit_id
        WHERE c.place = 'bail' AND donations_balance(c.id) < 0
    ) THEN
        RAISE EXCEPTION 'no court holds that much bail'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bail_within_deposit';
    END IF;

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
"""
POSTING_BACK = (
    import_module("donations.migrations.0002_ledger_rules")
    .POSTING.partition("CREATE FUNCTION donations_entry_post()")[2]
    .partition("CREATE TRIGGER")[0]
)
POSTING_BACK = f"""
CREATE OR REPLACE FUNCTION donations_entry_post(){POSTING_BACK}
DROP FUNCTION donations_is_decided(text, text, numeric, bigint, bigint, bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0027_exchange_bail_surplus")]
    operations = [
        migrations.RunSQL(EXACT, EXACT_BACK),
        migrations.RunSQL(EXCHANGE, EXCHANGE_BACK),
        migrations.RunSQL(SURPLUS, SURPLUS_BACK),
        migrations.RunSQL(BAIL, BAIL_BACK),
        migrations.RunSQL(ENDING, ENDING_BACK),
        migrations.RunSQL(POSTING, POSTING_BACK),
    ]
