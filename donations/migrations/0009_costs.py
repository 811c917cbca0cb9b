"""Legal costs: owed in money or UMA, shared to the cent, by instalments, with documents that are not exchanged."""

from django.db import migrations

RATES = """
CREATE FUNCTION donations_rate_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rates are never changed: enter the right one for the same day'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'rate_append_only';
END $$;
CREATE TRIGGER rate_append_only BEFORE UPDATE OR DELETE ON donations_rate
    FOR EACH ROW EXECUTE FUNCTION donations_rate_append_only();
ALTER TABLE donations_rate ENABLE ALWAYS TRIGGER rate_append_only;
CREATE TRIGGER rate_no_truncate BEFORE TRUNCATE ON donations_rate
    FOR EACH STATEMENT EXECUTE FUNCTION donations_rate_append_only();
ALTER TABLE donations_rate ENABLE ALWAYS TRIGGER rate_no_truncate;
"""
RATES_BACK = "DROP FUNCTION donations_rate_append_only CASCADE;"

APPEND_ONLY = """
CREATE FUNCTION donations_uma_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was owed and what it was settled at is never changed: enter the right value for the same day'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'uma_append_only';
END $$;
CREATE TRIGGER uma_value_append_only BEFORE UPDATE OR DELETE ON donations_umavalue
    FOR EACH ROW EXECUTE FUNCTION donations_uma_append_only();
ALTER TABLE donations_umavalue ENABLE ALWAYS TRIGGER uma_value_append_only;
CREATE TRIGGER uma_value_no_truncate BEFORE TRUNCATE ON donations_umavalue
    FOR EACH STATEMENT EXECUTE FUNCTION donations_uma_append_only();
ALTER TABLE donations_umavalue ENABLE ALWAYS TRIGGER uma_value_no_truncate;
CREATE TRIGGER uma_payment_append_only BEFORE UPDATE OR DELETE ON donations_umapayment
    FOR EACH ROW EXECUTE FUNCTION donations_uma_append_only();
ALTER TABLE donations_umapayment ENABLE ALWAYS TRIGGER uma_payment_append_only;
CREATE TRIGGER uma_payment_no_truncate BEFORE TRUNCATE ON donations_umapayment
    FOR EACH STATEMENT EXECUTE FUNCTION donations_uma_append_only();
ALTER TABLE donations_umapayment ENABLE ALWAYS TRIGGER uma_payment_no_truncate;
CREATE TRIGGER owed_change_append_only BEFORE UPDATE OR DELETE ON donations_owedchange
    FOR EACH ROW EXECUTE FUNCTION donations_uma_append_only();
ALTER TABLE donations_owedchange ENABLE ALWAYS TRIGGER owed_change_append_only;
CREATE TRIGGER owed_change_no_truncate BEFORE TRUNCATE ON donations_owedchange
    FOR EACH STATEMENT EXECUTE FUNCTION donations_uma_append_only();
ALTER TABLE donations_owedchange ENABLE ALWAYS TRIGGER owed_change_no_truncate;
"""
APPEND_ONLY_BACK = "DROP FUNCTION donations_uma_append_only CASCADE;"

UMA = """
-- What is open is owed at: the latest day of effect, and of one day what was entered last.
CREATE FUNCTION donations_uma_newest() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT id FROM donations_umavalue ORDER BY effective_from DESC, id DESC LIMIT 1
$$;

-- A payment settles at the value in effect on its day as far as it was published by then; failing that, at what was
-- published later for that day; failing that, at the newest.
CREATE FUNCTION donations_uma_value_of_payment(day date) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT id FROM donations_umavalue WHERE effective_from <= day AND published_on <= day
         ORDER BY effective_from DESC, id DESC LIMIT 1),
        (SELECT id FROM donations_umavalue WHERE effective_from <= day ORDER BY effective_from DESC, id DESC LIMIT 1),
        donations_uma_newest())
$$;

-- A payment in UMA that came back settled nothing, as long as it is back.
CREATE FUNCTION donations_uma_open(legal_cost bigint, units numeric) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT units - coalesce((
        SELECT sum(p.settled) FROM donations_umapayment p
        JOIN donations_disbursement d ON d.id = p.disbursement_id AND d.came_back_on IS NULL
        WHERE p.cost_id = legal_cost), 0)
$$;

-- Each payment as it was made, and what is open at the newest value; NULL while no value is known.
CREATE FUNCTION donations_uma_owed(legal_cost bigint, units numeric) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT sum(d.amount) FROM donations_umapayment p
                     JOIN donations_disbursement d ON d.id = p.disbursement_id AND d.came_back_on IS NULL
                     WHERE p.cost_id = legal_cost), 0)
         + round(donations_uma_open(legal_cost, units) * value, donations_exponent('ARS'))
    FROM donations_umavalue WHERE id = donations_uma_newest()
$$;

CREATE FUNCTION donations_legalcost_floats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- What has ended owes what it owed then.
    IF NEW.uma IS NOT NULL AND NEW.ended_on IS NULL THEN
        IF donations_uma_open(NEW.id, NEW.uma) < 0 THEN
            RAISE EXCEPTION 'more UMA are paid than this'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_cost_owes_the_uma_paid';
        END IF;
        NEW.owed := donations_uma_owed(NEW.id, NEW.uma);
        IF NEW.owed IS NULL THEN
            RAISE EXCEPTION 'no value of the UMA is known'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_cost_uma_has_a_value';
        END IF;
    END IF;
    RETURN NEW;
END $$;
-- Its name sorts before the other triggers of the table: they look at what is owed.
CREATE TRIGGER legal_cost_floats BEFORE INSERT OR UPDATE ON donations_legalcost
    FOR EACH ROW EXECUTE FUNCTION donations_legalcost_floats();

CREATE FUNCTION donations_uma_revalue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE donations_legalcost SET owed = owed WHERE id IN (
        SELECT id FROM donations_legalcost WHERE uma IS NOT NULL AND ended_on IS NULL AND donations_uma_open(id, uma) > 0
        ORDER BY id FOR NO KEY UPDATE);
    RETURN NULL;
END $$;
CREATE TRIGGER uma_value_revalues AFTER INSERT ON donations_umavalue
    FOR EACH STATEMENT EXECUTE FUNCTION donations_uma_revalue();

CREATE FUNCTION donations_uma_settle() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    units numeric;
    still_open numeric;
    at_value donations_umavalue;
BEGIN
    SELECT uma INTO units FROM donations_legalcost WHERE id = NEW.cost_id FOR NO KEY UPDATE;
    IF units IS NULL THEN
        RETURN NULL;
    END IF;
    still_open := donations_uma_open(NEW.cost_id, units);
    SELECT * INTO at_value FROM donations_umavalue WHERE id = donations_uma_value_of_payment(NEW.paid_on);
    INSERT INTO donations_umapayment (disbursement_id, cost_id, value_id, settled) VALUES (
        NEW.id, NEW.cost_id, at_value.id,
        CASE WHEN NEW.amount >= round(still_open * at_value.value, donations_exponent('ARS')) THEN still_open
             ELSE round(NEW.amount / at_value.value, 12) END);
    UPDATE donations_legalcost SET owed = owed WHERE id = NEW.cost_id;
    RETURN NULL;
END $$;
CREATE TRIGGER disbursement_settles_uma AFTER UPDATE OF paid_at ON donations_disbursement
    FOR EACH ROW WHEN (OLD.paid_at IS NULL AND NEW.paid_at IS NOT NULL)
    EXECUTE FUNCTION donations_uma_settle();

CREATE FUNCTION donations_uma_reopen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE donations_legalcost SET owed = owed WHERE id = NEW.cost_id AND uma IS NOT NULL AND ended_on IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER disbursement_reopens_uma AFTER UPDATE OF came_back_on ON donations_disbursement
    FOR EACH ROW WHEN (OLD.came_back_on IS DISTINCT FROM NEW.came_back_on)
    EXECUTE FUNCTION donations_uma_reopen();
"""
UMA_BACK = """
DROP FUNCTION
    donations_uma_reopen,
    donations_uma_settle,
    donations_uma_revalue,
    donations_legalcost_floats,
    donations_uma_owed,
    donations_uma_open,
    donations_uma_value_of_payment,
    donations_uma_newest CASCADE;
"""

OWED = """
CREATE FUNCTION donations_owed_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.owed IS DISTINCT FROM OLD.owed THEN
        INSERT INTO donations_owedchange (cost_id, owed, changed_at, uma_value_id) VALUES (
            NEW.id, NEW.owed, CASE TG_OP WHEN 'INSERT' THEN NEW.recorded_at ELSE clock_timestamp() END,
            CASE WHEN NEW.uma IS NOT NULL THEN donations_uma_newest() END);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER legal_cost_owed_change AFTER INSERT OR UPDATE ON donations_legalcost
    FOR EACH ROW EXECUTE FUNCTION donations_owed_change();
"""
OWED_BACK = "DROP FUNCTION donations_owed_change CASCADE;"

SHARES = """
-- As models/cost_share.py split(): cut to the smallest unit, and what was cut off carried to the next.
CREATE FUNCTION donations_shares(legal_cost bigint) RETURNS TABLE (defendant_id bigint, owed numeric)
LANGUAGE sql STABLE AS $$
    SELECT s.defendant_id, coalesce(s.amount,
           (div(c.owed * u.units * sum(s.parts) OVER upto, sum(s.parts) OVER ())
            - div(c.owed * u.units * (sum(s.parts) OVER upto - s.parts), sum(s.parts) OVER ())) / u.units)
    FROM donations_legalcost c JOIN donations_costshare s ON s.cost_id = c.id
    CROSS JOIN LATERAL (SELECT power(10::numeric, donations_exponent(c.currency)) AS units) u
    WHERE c.id = legal_cost
    WINDOW upto AS (ORDER BY s.id)
    UNION ALL
    SELECT c.defendant_id, c.owed FROM donations_legalcost c
    WHERE c.id = legal_cost AND NOT EXISTS (SELECT 1 FROM donations_costshare WHERE cost_id = c.id)
$$;

CREATE FUNCTION donations_own_funds_fit(legal_cost bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (
        SELECT 1 FROM (
            SELECT f.defendant_id, sum(CASE WHEN a.is_release THEN -a.amount ELSE a.amount END) AS given
            FROM donations_allocation a JOIN donations_fund f ON f.id = a.fund_id
            WHERE a.cost_id = legal_cost AND f.kind = 'defendant' GROUP BY f.defendant_id) g
        LEFT JOIN donations_shares(legal_cost) s ON s.defendant_id = g.defendant_id
        WHERE g.given > coalesce(s.owed, 0))
$$;

CREATE FUNCTION donations_cost_adds_up(legal_cost bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    cost donations_legalcost;
    shares record;
    agreed numeric;
BEGIN
    SELECT * INTO cost FROM donations_legalcost WHERE id = legal_cost;
    SELECT count(*) AS of_all, count(parts) AS by_parts, sum(amount) AS amount,
           coalesce(bool_or(defendant_id = cost.defendant_id), true) AS has_its_own,
           NOT coalesce(bool_and(EXISTS (
               SELECT 1 FROM appeals_defendant_cases d
               WHERE d.defendant_id = s.defendant_id AND d.case_id = cost.case_id)), true) AS has_strangers
    INTO shares FROM donations_costshare s WHERE cost_id = legal_cost;
    IF shares.of_all = 1 THEN
        RAISE EXCEPTION 'a cost is shared by several or by nobody'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_shared_by_several';
    ELSIF shares.by_parts NOT IN (0, shares.of_all) THEN
        RAISE EXCEPTION 'the shares of a cost are all parts or all amounts'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_shares_of_one_sort';
    ELSIF NOT shares.has_its_own OR shares.has_strangers THEN
        RAISE EXCEPTION 'a cost is shared by its defendant and others of its case'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_shared_within_its_case';
    ELSIF shares.of_all > 0 AND shares.by_parts = 0 AND shares.amount <> cost.owed THEN
        RAISE EXCEPTION 'the shares do not add up to what is owed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_shares_add_up';
    ELSIF cost.uma IS NULL AND NOT donations_own_funds_fit(legal_cost) THEN
        RAISE EXCEPTION 'a defendant''s own fund gave more than that defendant''s share'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'own_fund_within_share';
    END IF;
    SELECT sum(amount) INTO agreed FROM donations_costinstalment WHERE cost_id = legal_cost;
    IF agreed <> coalesce(cost.uma, cost.owed) THEN
        RAISE EXCEPTION 'the instalments do not add up to what is owed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_instalments_add_up';
    END IF;
END $$;

CREATE FUNCTION donations_cost_part_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM donations_cost_adds_up(OLD.cost_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM donations_cost_adds_up(NEW.cost_id);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER cost_share_adds_up AFTER INSERT OR UPDATE OR DELETE ON donations_costshare
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION donations_cost_part_adds_up();
CREATE CONSTRAINT TRIGGER cost_instalment_adds_up AFTER INSERT OR UPDATE OR DELETE ON donations_costinstalment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION donations_cost_part_adds_up();

CREATE FUNCTION donations_legalcost_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM donations_cost_adds_up(NEW.id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER legal_cost_adds_up AFTER UPDATE ON donations_legalcost
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((NEW.owed, NEW.uma, NEW.defendant_id, NEW.case_id)
          IS DISTINCT FROM (OLD.owed, OLD.uma, OLD.defendant_id, OLD.case_id))
    EXECUTE FUNCTION donations_legalcost_adds_up();
"""
SHARES_BACK = """
DROP FUNCTION
    donations_legalcost_adds_up,
    donations_cost_part_adds_up,
    donations_cost_adds_up,
    donations_own_funds_fit,
    donations_shares CASCADE;
"""

DUE = """
-- By the agreed instalments, the oldest first, in the unit the cost is owed in; without any by the cost's own day.
CREATE FUNCTION donations_next_due(legal_cost bigint) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN c.ended_on IS NOT NULL THEN NULL
        WHEN EXISTS (SELECT 1 FROM donations_costinstalment WHERE cost_id = c.id) THEN (
        SELECT min(i.due_on) FROM (
            SELECT due_on, sum(amount) OVER (ORDER BY due_on) AS upto FROM donations_costinstalment
            WHERE cost_id = c.id) i
        WHERE i.upto > CASE WHEN c.uma IS NULL THEN p.amount ELSE c.uma - donations_uma_open(c.id, c.uma) END)
        WHEN p.amount < c.owed THEN c.due_on END
    FROM donations_legalcost c CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount), 0) AS amount FROM donations_disbursement
        WHERE cost_id = c.id AND paid_at IS NOT NULL AND came_back_on IS NULL) p
    WHERE c.id = legal_cost
$$;
"""
DUE_BACK = "DROP FUNCTION donations_next_due;"

# The content of a payment names its document by hash: that must go on being the document's.
DOCUMENT = """
CREATE FUNCTION donations_costdocument_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.cost_id, NEW.sha256, NEW.size, NEW.content_type)
       IS DISTINCT FROM (OLD.cost_id, OLD.sha256, OLD.size, OLD.content_type) THEN
        RAISE EXCEPTION 'a document is not exchanged: attach another'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'document_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER document_stays BEFORE UPDATE ON donations_costdocument
    FOR EACH ROW EXECUTE FUNCTION donations_costdocument_stays();
"""
DOCUMENT_BACK = "DROP FUNCTION donations_costdocument_stays CASCADE;"


class Migration(migrations.Migration):
    replaces = [("donations", "0037_shared_costs_and_uma")]
    dependencies = [("donations", "0008_policy")]
    operations = [
        migrations.RunSQL(RATES, RATES_BACK),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_BACK),
        migrations.RunSQL(UMA, UMA_BACK),
        migrations.RunSQL(OWED, OWED_BACK),
        migrations.RunSQL(SHARES, SHARES_BACK),
        migrations.RunSQL(DUE, DUE_BACK),
        migrations.RunSQL(DOCUMENT, DOCUMENT_BACK),
    ]
