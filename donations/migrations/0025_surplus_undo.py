"""The move of a surplus is taken back by two people, while all of it is there; "all its costs are paid" is held to the costs."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from defensefund.tables import Together

STEPS = """
-- Costs that this fund is for are owed and not all paid. As LegalCostQuerySet.served_by and unpaid say.
CREATE FUNCTION donations_fund_has_open_costs(fund bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM donations_fund f, donations_legalcost l JOIN appeals_case c ON c.id = l.case_id
        WHERE f.id = $1 AND l.ended_on IS NULL
          AND (f.kind = 'general' OR c.appeal_id = f.appeal_id OR c.id = f.case_id
               OR donations_cost_concerns(l.id, f.defendant_id))
          AND l.owed > coalesce((SELECT sum(d.amount) FROM donations_disbursement d
                                 WHERE d.cost_id = l.id AND d.paid_at IS NOT NULL AND d.came_back_on IS NULL), 0))
$$;

CREATE OR REPLACE FUNCTION donations_surplusmove_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'the move of a surplus is never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'surplus_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL OR NEW.undo_requested_at IS NOT NULL THEN
            RAISE EXCEPTION 'the move of a surplus starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_starts_as_request';
        END IF;
    ELSIF OLD.refused_at IS NOT NULL OR OLD.undone_at IS NOT NULL OR
       (NEW.number, NEW.source_id, NEW.target_id, NEW.amount, NEW.currency, NEW.cause, NEW.note,
        NEW.requested_by_id, NEW.requested_at)
       IS DISTINCT FROM
       (OLD.number, OLD.source_id, OLD.target_id, OLD.amount, OLD.currency, OLD.cause, OLD.note,
        OLD.requested_by_id, OLD.requested_at)
       OR (OLD.approved_at IS NOT NULL AND
           (NEW.approved_at, NEW.approved_by_id, NEW.refused_at)
           IS DISTINCT FROM (OLD.approved_at, OLD.approved_by_id, OLD.refused_at)) THEN
        RAISE EXCEPTION 'the move of a surplus is approved as it was asked for, or refused, once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'surplus_stays';
    ELSIF (NEW.undone_at IS NOT NULL OR (OLD.undo_requested_at IS NOT NULL AND NEW.undo_requested_at IS NOT NULL))
       AND (NEW.undo_reason, NEW.undo_requested_by_id, NEW.undo_requested_at)
           IS DISTINCT FROM (OLD.undo_reason, OLD.undo_requested_by_id, OLD.undo_requested_at) THEN
        RAISE EXCEPTION 'the move of a surplus is taken back as it was asked for'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'surplus_undone_as_asked';
    ELSIF OLD.approved_at IS NOT NULL THEN
        -- What is decided is not held to the rule of the day on which it is taken back.
        RETURN NEW;
    END IF;
    IF NEW.refused_at IS NOT NULL THEN
        RETURN NEW;
    END IF;
    -- Held, so that nobody names another fallback meanwhile.
    IF NEW.target_id IS DISTINCT FROM
       (SELECT fallback_id FROM donations_fund WHERE id = NEW.source_id FOR SHARE) THEN
        RAISE EXCEPTION 'a surplus goes to the fund that the rule names'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_goes_to_the_fallback';
    END IF;
    IF NEW.cause = 'paid' AND donations_fund_has_open_costs(NEW.source_id) THEN
        RAISE EXCEPTION 'not all costs of this fund are paid'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_costs_are_paid';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION donations_surplusmove_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.approved_at IS NOT NULL THEN
        RETURN NEW;
    END IF;
    IF NEW.refused_at IS NULL AND donations_surplus_hindrance(
           NEW.source_id, NEW.target_id, NEW.currency,
           (coalesce(NEW.approved_at, NEW.requested_at) AT TIME ZONE 'UTC')::date) IS NOT NULL THEN
        RAISE EXCEPTION 'a surplus goes by the order of the policy'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_by_the_policy';
    END IF;
    RETURN NEW;
END $$;
"""
# As they were in 0012_moves.
STEPS_BACK = """
CREATE OR REPLACE FUNCTION donations_surplusmove_steps() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION donations_surplusmove_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.refused_at IS NULL AND donations_surplus_hindrance(
           NEW.source_id, NEW.target_id, NEW.currency,
           (coalesce(NEW.approved_at, NEW.requested_at) AT TIME ZONE 'UTC')::date) IS NOT NULL THEN
        RAISE EXCEPTION 'a surplus goes by the order of the policy'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_by_the_policy';
    END IF;
    RETURN NEW;
END $$;

DROP FUNCTION donations_fund_has_open_costs;
"""

UNDONE = """
-- What of the money that came to the fund `target` from the fund `source` is still there, neither spent nor set aside.
-- Both accounts are held until the end of the transaction, so that none of it is decided over meanwhile.
CREATE FUNCTION donations_moved_and_left(source bigint, target bigint, in_currency text) RETURNS numeric
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM donations_account a WHERE a.fund_id IN (source, target) AND a.currency = in_currency
    ORDER BY a.id FOR NO KEY UPDATE;
    -- Lots tell it, once every entry is followed; whoever follows them just now is waited for.
    PERFORM pg_advisory_xact_lock(hashtext('donations_follow'), 0);
    WHILE donations_follow(1000) > 0 LOOP
    END LOOP;
    RETURN (SELECT coalesce(sum(l."left"), 0) FROM donations_lot l
            JOIN donations_account a ON a.id = l.account_id AND a.fund_id = target AND a.currency = in_currency
            JOIN donations_lot p ON p.id = l.parent_id
            JOIN donations_account b ON b.id = p.account_id AND b.fund_id = source);
END $$;

-- What was spent meanwhile is not undone, and not taken from later gifts to the fund that spent it.
CREATE FUNCTION donations_surplusmove_undone() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    closed date;
BEGIN
    IF donations_moved_and_left(NEW.source_id, NEW.target_id, NEW.currency) < NEW.amount THEN
        RAISE EXCEPTION 'not all of this surplus is still there'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_undone_while_it_is_there';
    END IF;
    SELECT closed_on INTO closed FROM donations_fund WHERE id = NEW.source_id FOR SHARE;
    IF closed IS NOT NULL THEN
        RAISE EXCEPTION 'a closed fund takes no money back'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_undone_to_open_fund';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER surplus_undone BEFORE UPDATE ON donations_surplusmove
    FOR EACH ROW WHEN (NEW.undone_at IS NOT NULL AND OLD.undone_at IS NULL)
    EXECUTE FUNCTION donations_surplusmove_undone();

-- That the surplus or the exchange behind the entry that this reversal names was taken back.
CREATE FUNCTION donations_is_taken_back(kind text, source text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE kind WHEN 'surplus' THEN EXISTS (
        SELECT 1 FROM donations_surplusmove s
        WHERE s.number = substring($2 from '[0-9a-f-]{36}')::uuid AND $2 = 'reversal:surplus:' || s.number
          AND s.undone_at IS NOT NULL)
    ELSE EXISTS (
        SELECT 1 FROM donations_exchange x
        WHERE x.number = substring($2 from '[0-9a-f-]{36}')::uuid
          AND $2 IN ('reversal:exchange:' || x.number || ':out', 'reversal:exchange:' || x.number || ':in')
          AND x.undone_at IS NOT NULL)
    END
$$;
"""
UNDONE_BACK = """
DROP FUNCTION donations_is_taken_back;
DROP FUNCTION donations_surplusmove_undone CASCADE;
DROP FUNCTION donations_moved_and_left;
"""

# As before, but what two people decided is reversed only where it was taken back.
ENTRY_POST = """
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
           bool_or(n.kind IN ('exchange', 'surplus')) AS are_decided, bool_or(n.kind = 'bail_paid' AND n.reverses_id IS NULL) AS lay_bail,
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
        WHERE n.kind IN ('exchange', 'surplus') AND NOT CASE
            WHEN n.reverses_id IS NOT NULL THEN donations_is_taken_back(n.kind, n.source)
            ELSE donations_is_decided(n.kind, n.source, n.amount, coalesce(d.fund_id, c.fund_id), c.fund_id,
                                      coalesce(c.bank_account_id, d.bank_account_id)) END;
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
        WHERE n.kind = 'bail_paid' AND n.reverses_id IS NULL AND NOT EXISTS (
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
ENTRY_POST_BACK = ENTRY_POST.replace(
    """AND NOT CASE
            WHEN n.reverses_id IS NOT NULL THEN donations_is_taken_back(n.kind, n.source)
            ELSE donations_is_decided(n.kind, n.source, n.amount, coalesce(d.fund_id, c.fund_id), c.fund_id,
                                      coalesce(c.bank_account_id, d.bank_account_id)) END;""",
    """AND n.reverses_id IS NULL AND NOT donations_is_decided(
            n.kind, n.source, n.amount, coalesce(d.fund_id, c.fund_id), c.fund_id,
            coalesce(c.bank_account_id, d.bank_account_id));""",
)

FOLLOW = """
-- What came from the place `origin` goes back there: the newest first, so that what came first stays. Returns what of
-- `wanted` was not there.
CREATE FUNCTION donations_lots_return(place bigint, origin bigint, wanted numeric) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    rest numeric := wanted;
    lot record;
    part numeric;
    worth numeric;
BEGIN
    FOR lot IN
        SELECT l.* FROM donations_lot l JOIN donations_lot p ON p.id = l.parent_id
        WHERE l.account_id = place AND p.account_id = origin AND l."left" > 0 ORDER BY l.id DESC
    LOOP
        EXIT WHEN rest = 0;
        part := least(rest, lot."left");
        worth := donations_worth_of(lot.left_worth, part, lot."left", lot.currency);
        UPDATE donations_lot l SET "left" = l."left" - part, left_worth = l.left_worth - worth WHERE l.id = lot.id;
        PERFORM donations_lot_put(lot.id, origin, '', NULL, part, worth);
        rest := rest - part;
    END LOOP;
    RETURN rest;
END $$;

-- Money set aside goes back to its fund.
CREATE OR REPLACE FUNCTION donations_lots_release(place bigint, fund bigint, wanted numeric) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    rest numeric;
BEGIN
    PERFORM donations_lots_spend(place, 0, fund, wanted);
    rest := donations_lots_return(place, fund, wanted);
    IF rest > 0 THEN
        PERFORM donations_lot_new(fund, NULL, 'release', rest);
    END IF;
END $$;

-- As before, but what is taken back from one fund to another is what had come from there.
CREATE OR REPLACE FUNCTION donations_follow_one(entry donations_entry) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    from_kind text;
    to_kind text;
    gift bigint;
    rest numeric;
BEGIN
    SELECT d.kind, c.kind INTO from_kind, to_kind FROM donations_account d, donations_account c
    WHERE d.id = entry.debit_id AND c.id = entry.credit_id;
    IF from_kind = 'asset' AND to_kind = 'asset' THEN
        RETURN;
    END IF;
    IF entry.kind = 'exchange' THEN
        PERFORM donations_follow_exchange(entry);
        RETURN;
    END IF;
    IF from_kind = 'asset' OR to_kind = 'asset' THEN
        gift := donations_gift_of(CASE WHEN entry.reverses_id IS NULL THEN entry.source
                                       ELSE substr(entry.source, length('reversal:') + 1) END);
    END IF;
    CASE from_kind || ' ' || to_kind
        WHEN 'asset fund' THEN
            IF entry.kind IN ('donation', 'interest') AND entry.reverses_id IS NULL THEN
                PERFORM donations_lot_new(entry.credit_id, gift, entry.kind, entry.amount);
            ELSE
                PERFORM donations_lots_restore(
                    entry.credit_id,
                    CASE entry.kind WHEN 'refund_returned' THEN 'refund' WHEN 'dispute_won' THEN 'dispute'
                                    ELSE entry.kind END, entry.amount, gift);
            END IF;
            PERFORM donations_lots_absorb(entry.credit_id);
        WHEN 'fund asset' THEN
            PERFORM donations_lots_move(
                entry.debit_id, NULL,
                CASE WHEN entry.reverses_id IS NULL THEN entry.kind
                     WHEN entry.kind = 'refund_returned' THEN 'refund'
                     WHEN entry.kind = 'dispute_won' THEN 'dispute' ELSE entry.kind END,
                entry.amount, gift, NULL, NULL);
        WHEN 'fund fund' THEN
            rest := CASE WHEN entry.reverses_id IS NULL THEN entry.amount
                         ELSE donations_lots_return(entry.debit_id, entry.credit_id, entry.amount) END;
            PERFORM donations_lots_move(entry.debit_id, entry.credit_id, entry.kind, rest, NULL, NULL, NULL);
            PERFORM donations_lots_absorb(entry.credit_id);
        WHEN 'fund cost' THEN
            PERFORM donations_lots_move(entry.debit_id, entry.credit_id, entry.kind, entry.amount, NULL, NULL, NULL);
            PERFORM donations_lots_spend(entry.credit_id, 0, NULL, 0);
        WHEN 'cost fund' THEN
            PERFORM donations_lots_release(entry.debit_id, entry.credit_id, entry.amount);
            PERFORM donations_lots_absorb(entry.credit_id);
        WHEN 'cost asset' THEN
            PERFORM donations_lots_spend(entry.debit_id, entry.amount, NULL, 0);
        WHEN 'asset cost' THEN
            PERFORM donations_lots_spend(entry.credit_id, -entry.amount, NULL, 0);
    END CASE;
END $$;
"""
# As they were in 0004_follow.
FOLLOW_BACK = """
CREATE OR REPLACE FUNCTION donations_follow_one(entry donations_entry) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    from_kind text;
    to_kind text;
    gift bigint;
BEGIN
    SELECT d.kind, c.kind INTO from_kind, to_kind FROM donations_account d, donations_account c
    WHERE d.id = entry.debit_id AND c.id = entry.credit_id;
    IF from_kind = 'asset' AND to_kind = 'asset' THEN
        RETURN;
    END IF;
    IF entry.kind = 'exchange' THEN
        PERFORM donations_follow_exchange(entry);
        RETURN;
    END IF;
    IF from_kind = 'asset' OR to_kind = 'asset' THEN
        gift := donations_gift_of(CASE WHEN entry.reverses_id IS NULL THEN entry.source
                                       ELSE substr(entry.source, length('reversal:') + 1) END);
    END IF;
    CASE from_kind || ' ' || to_kind
        WHEN 'asset fund' THEN
            IF entry.kind IN ('donation', 'interest') AND entry.reverses_id IS NULL THEN
                PERFORM donations_lot_new(entry.credit_id, gift, entry.kind, entry.amount);
            ELSE
                PERFORM donations_lots_restore(
                    entry.credit_id,
                    CASE entry.kind WHEN 'refund_returned' THEN 'refund' WHEN 'dispute_won' THEN 'dispute'
                                    ELSE entry.kind END, entry.amount, gift);
            END IF;
            PERFORM donations_lots_absorb(entry.credit_id);
        WHEN 'fund asset' THEN
            PERFORM donations_lots_move(
                entry.debit_id, NULL,
                CASE WHEN entry.reverses_id IS NULL THEN entry.kind
                     WHEN entry.kind = 'refund_returned' THEN 'refund'
                     WHEN entry.kind = 'dispute_won' THEN 'dispute' ELSE entry.kind END,
                entry.amount, gift, NULL, NULL);
        WHEN 'fund fund' THEN
            PERFORM donations_lots_move(entry.debit_id, entry.credit_id, entry.kind, entry.amount, NULL, NULL, NULL);
            PERFORM donations_lots_absorb(entry.credit_id);
        WHEN 'fund cost' THEN
            PERFORM donations_lots_move(entry.debit_id, entry.credit_id, entry.kind, entry.amount, NULL, NULL, NULL);
            PERFORM donations_lots_spend(entry.credit_id, 0, NULL, 0);
        WHEN 'cost fund' THEN
            PERFORM donations_lots_release(entry.debit_id, entry.credit_id, entry.amount);
            PERFORM donations_lots_absorb(entry.credit_id);
        WHEN 'cost asset' THEN
            PERFORM donations_lots_spend(entry.debit_id, entry.amount, NULL, 0);
        WHEN 'asset cost' THEN
            PERFORM donations_lots_spend(entry.credit_id, -entry.amount, NULL, 0);
    END CASE;
END $$;

-- Money set aside goes back to its fund: the newest of that fund's first, so that what was given first stays.
CREATE OR REPLACE FUNCTION donations_lots_release(place bigint, fund bigint, wanted numeric) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    rest numeric := wanted;
    lot record;
    part numeric;
    worth numeric;
BEGIN
    PERFORM donations_lots_spend(place, 0, fund, wanted);
    FOR lot IN
        SELECT l.* FROM donations_lot l JOIN donations_lot p ON p.id = l.parent_id
        WHERE l.account_id = place AND p.account_id = fund AND l."left" > 0 ORDER BY l.id DESC
    LOOP
        EXIT WHEN rest = 0;
        part := least(rest, lot."left");
        worth := donations_worth_of(lot.left_worth, part, lot."left", lot.currency);
        UPDATE donations_lot l SET "left" = l."left" - part, left_worth = l.left_worth - worth WHERE l.id = lot.id;
        PERFORM donations_lot_put(lot.id, fund, '', NULL, part, worth);
        rest := rest - part;
    END LOOP;
    IF rest > 0 THEN
        PERFORM donations_lot_new(fund, NULL, 'release', rest);
    END IF;
END $$;

DROP FUNCTION donations_lots_return;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0024_batch_of"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        Together(
            [
                migrations.AlterModelOptions(
                    name="surplusmove",
                    options={
                        "ordering": ["-pk"],
                        "permissions": [
                            ("request_surplusmove", "Can ask to move a fund's surplus"),
                            ("approve_surplusmove", "Can approve the move of a surplus"),
                            ("undo_surplusmove", "Can take back the move of a surplus"),
                        ],
                        "verbose_name": "move of a surplus",
                        "verbose_name_plural": "moves of surpluses",
                    },
                ),
                migrations.AddField(
                    model_name="surplusmove",
                    name="undo_reason",
                    field=models.TextField(
                        blank=True, db_default="", verbose_name="why it is taken back"
                    ),
                ),
                migrations.AddField(
                    model_name="surplusmove",
                    name="undo_requested_at",
                    field=models.DateTimeField(null=True, verbose_name="taking back asked for at"),
                ),
                migrations.AddField(
                    model_name="surplusmove",
                    name="undo_requested_by",
                    field=models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="taking back asked for by",
                    ),
                ),
                migrations.AddField(
                    model_name="surplusmove",
                    name="undone_at",
                    field=models.DateTimeField(null=True, verbose_name="taken back at"),
                ),
                migrations.AddField(
                    model_name="surplusmove",
                    name="undone_by",
                    field=models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="taken back by",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="surplusmove",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("undo_reason", ""),
                                ("undo_requested_at", None),
                                ("undo_requested_by", None),
                            ),
                            models.Q(
                                ("approved_at__isnull", False),
                                ("undo_requested_at__isnull", False),
                                ("undo_requested_by__isnull", False),
                                models.Q(("undo_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="surplus_undo_asked_whole",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="surplusmove",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("undone_at", None), ("undone_by", None)),
                            models.Q(
                                ("undone_at__isnull", False),
                                ("undone_by__isnull", False),
                                ("undo_requested_by__isnull", False),
                                models.Q(
                                    ("undone_by", models.F("undo_requested_by")), _negated=True
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="surplus_undone_by_another_person",
                    ),
                ),
            ]
        ),
        migrations.RunSQL(STEPS, STEPS_BACK),
        migrations.RunSQL(UNDONE, UNDONE_BACK),
        migrations.RunSQL(ENTRY_POST, ENTRY_POST_BACK),
        migrations.RunSQL(FOLLOW, FOLLOW_BACK),
    ]
