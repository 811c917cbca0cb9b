"""Money set aside and paid: steps in their order, decisions that stay as decided, to payees who are confirmed."""

from django.db import migrations

ALLOCATION = """
CREATE FUNCTION donations_allocation_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an allocation is released, never changed or deleted'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'allocation_stays';
END $$;
CREATE TRIGGER allocation_stays BEFORE UPDATE OR DELETE ON donations_allocation
    FOR EACH ROW EXECUTE FUNCTION donations_allocation_stays();

CREATE FUNCTION donations_set_aside(legal_cost bigint) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(CASE WHEN is_release THEN -amount ELSE amount END), 0)
    FROM donations_allocation WHERE cost_id = legal_cost
$$;

CREATE FUNCTION donations_allocation_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    cost donations_legalcost;
    of_fund numeric;
BEGIN
    -- Held until the end of the transaction, as donations/allocation does, so that two at once see each other.
    SELECT * INTO cost FROM donations_legalcost WHERE id = NEW.cost_id FOR NO KEY UPDATE;
    IF NOT NEW.is_release AND donations_set_aside(NEW.cost_id) > cost.owed THEN
        RAISE EXCEPTION 'more is set aside than owed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_within_owed';
    END IF;
    SELECT sum(CASE WHEN is_release THEN -amount ELSE amount END) INTO of_fund
    FROM donations_allocation WHERE cost_id = NEW.cost_id AND fund_id = NEW.fund_id;
    IF of_fund < 0 THEN
        RAISE EXCEPTION 'more is released than the fund set aside'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'release_within_allocated';
    END IF;
    IF NEW.is_release THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM donations_fund f JOIN appeals_case c ON c.id = cost.case_id
        WHERE f.id = NEW.fund_id AND f.closed_on IS NULL
        AND (f.kind = 'general' OR f.appeal_id = c.appeal_id OR f.case_id = c.id
             OR f.defendant_id IN (SELECT s.defendant_id FROM donations_shares(cost.id) s))
        AND coalesce((SELECT f.kind = ANY (p.fund_order) FROM donations_policy p
                      WHERE p.id = donations_policy_in_force((NEW.at AT TIME ZONE 'UTC')::date)), true)) THEN
        RAISE EXCEPTION 'this fund may not serve the cost'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_of_a_fund_that_may_serve';
    END IF;
    IF NOT donations_own_funds_fit(cost.id) THEN
        RAISE EXCEPTION 'a defendant''s own fund gave more than that defendant''s share'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'own_fund_within_share';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER allocation_fits AFTER INSERT ON donations_allocation
    FOR EACH ROW EXECUTE FUNCTION donations_allocation_fits();
"""
ALLOCATION_BACK = """
DROP FUNCTION donations_allocation_fits, donations_set_aside, donations_allocation_stays CASCADE;
"""

# What is computed is booked like any fact, above what is set aside or below it: the office is told to release the rest.
COST = """
CREATE FUNCTION donations_legalcost_holds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.uma IS NULL AND NEW.owed < donations_set_aside(NEW.id) THEN
        RAISE EXCEPTION 'more is set aside than this'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_cost_owes_what_is_set_aside';
    END IF;
    IF (NEW.number, NEW.case_id, NEW.defendant_id, NEW.kind, NEW.currency, NEW.uma IS NULL)
       IS DISTINCT FROM (OLD.number, OLD.case_id, OLD.defendant_id, OLD.kind, OLD.currency, OLD.uma IS NULL)
       AND EXISTS (SELECT 1 FROM donations_account WHERE legal_cost_id = NEW.id) THEN
        RAISE EXCEPTION 'the cost stands in the ledger: its case, defendant, kind and currency stay'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'legal_cost_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER legal_cost_holds BEFORE UPDATE ON donations_legalcost
    FOR EACH ROW EXECUTE FUNCTION donations_legalcost_holds();
"""
COST_BACK = "DROP FUNCTION donations_legalcost_holds CASCADE;"

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
           WHERE cost_id = NEW.cost_id AND kind = 'returned' AND undone_at IS NULL), 0) > cost.owed THEN
        RAISE EXCEPTION 'more is set aside than is still owed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_within_owed';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER allocation_of_open_cost AFTER INSERT ON donations_allocation
    FOR EACH ROW WHEN (NOT NEW.is_release) EXECUTE FUNCTION donations_allocation_of_open_cost();
"""
ENDING_BACK = "DROP FUNCTION donations_allocation_of_open_cost, donations_legalcost_ends CASCADE;"

# An approval is of one content: cost, amount, payee and account, the money's own account, and all documents of the cost.
CONTENT = """
CREATE FUNCTION donations_disbursement_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.paid_at IS NOT NULL OR OLD.refused_at IS NOT NULL)
       AND (NEW.cost_id, NEW.amount, NEW.currency, NEW.payee_account_id, NEW.bank_account_id, NEW.document_id)
           IS NOT DISTINCT FROM
           (OLD.cost_id, OLD.amount, OLD.currency, OLD.payee_account_id, OLD.bank_account_id, OLD.document_id) THEN
        -- What was decided under an earlier way of hashing keeps its hash.
        NEW.content_hash := OLD.content_hash;
    ELSE
        NEW.content_hash := encode(sha256(convert_to(concat_ws('|', NEW.cost_id, NEW.amount, NEW.currency,
            (SELECT p.number || '|' || a.payee_hash || '|' || a.account_hash FROM donations_payeeaccount a
             JOIN donations_payee p ON p.id = a.payee_id WHERE a.id = NEW.payee_account_id),
            NEW.bank_account_id,
            (SELECT sha256 FROM donations_costdocument WHERE id = NEW.document_id),
            (SELECT string_agg(kind || ' ' || sha256, ',' ORDER BY sha256) FROM donations_costdocument
             WHERE cost_id = NEW.cost_id)), 'UTF8')), 'hex');
    END IF;
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
    IF NEW.approved_at IS NOT NULL THEN
        NEW.voided_by_document_id := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER disbursement_content BEFORE INSERT OR UPDATE ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_content();

-- After a document came, or became of another kind, what was approved before is not what stands there.
CREATE FUNCTION donations_costdocument_voids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE donations_disbursement
    SET voided_by_document_id = CASE WHEN approved_at IS NULL THEN voided_by_document_id ELSE NEW.id END,
        approved_by_id = NULL, approved_at = NULL, approved_hash = ''
    WHERE cost_id = NEW.cost_id AND paid_at IS NULL AND refused_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER cost_document_voids AFTER INSERT OR UPDATE ON donations_costdocument
    FOR EACH ROW EXECUTE FUNCTION donations_costdocument_voids();
"""
CONTENT_BACK = "DROP FUNCTION donations_costdocument_voids, donations_disbursement_content CASCADE;"

STEPS = """
CREATE FUNCTION donations_disbursement_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a request for payment is refused, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL OR NEW.paid_at IS NOT NULL THEN
            RAISE EXCEPTION 'a payment starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_starts_as_request';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.number, NEW.payment_reference, NEW.cost_id)
       IS DISTINCT FROM (OLD.number, OLD.payment_reference, OLD.cost_id) THEN
        RAISE EXCEPTION 'a payment keeps its cost, number and reference'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_keeps_its_reference';
    END IF;
    -- The content, and who decided what, of a refused one; its approval may be dropped by nobody either.
    IF OLD.refused_at IS NOT NULL AND
       (NEW.content_hash, NEW.requested_by_id, NEW.approved_by_id, NEW.refused_by_id, NEW.refused_at,
        NEW.refusal_reason)
       IS DISTINCT FROM
       (OLD.content_hash, OLD.requested_by_id, OLD.approved_by_id, OLD.refused_by_id, OLD.refused_at,
        OLD.refusal_reason) THEN
        RAISE EXCEPTION 'a refused payment is not changed: ask for another'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_refused_is_final';
    END IF;
    RETURN NEW;
END $$;
-- Its name sorts after disbursement_content, so it runs after the content hash is made.
CREATE TRIGGER disbursement_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_steps();
"""
STEPS_BACK = "DROP FUNCTION donations_disbursement_steps CASCADE;"

# Who is approved or paid is the cost's payee, at the account that a second person confirmed, and still is so when the
# transaction ends: a payee is locked before the payments to it, by the verbs and here.
READY = """
CREATE FUNCTION donations_disbursement_payee() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ready boolean;
BEGIN
    IF TG_OP = 'INSERT' OR NEW.payee_account_id <> OLD.payee_account_id THEN
        IF NOT EXISTS (SELECT 1 FROM donations_payeeaccount a JOIN donations_legalcost c ON c.payee_id = a.payee_id
                       WHERE a.id = NEW.payee_account_id AND c.id = NEW.cost_id) THEN
            RAISE EXCEPTION 'a payment goes to the payee of its cost'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_to_payee_of_cost';
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND ((NEW.approved_at IS NOT NULL AND OLD.approved_at IS NULL)
                             OR (NEW.paid_at IS NOT NULL AND OLD.paid_at IS NULL)) THEN
        SELECT p.account_id = a.id AND p.retired_at IS NULL AND a.confirmed_at IS NOT NULL AND a.sealed <> ''
               AND c.payee_id = p.id
        INTO ready
        FROM donations_payee p, donations_payeeaccount a, donations_legalcost c
        WHERE a.id = NEW.payee_account_id AND p.id = a.payee_id AND c.id = NEW.cost_id
        FOR SHARE OF p;
        IF NOT coalesce(ready, false) THEN
            RAISE EXCEPTION 'the payee is not confirmed, or not the same any more'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_payee_confirmed';
        END IF;
    END IF;
    RETURN NEW;
END $$;
-- Its name sorts after disbursement_content, so it runs after an approval of another content was dropped.
CREATE TRIGGER disbursement_payee BEFORE INSERT OR UPDATE ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_payee();
"""
READY_BACK = "DROP FUNCTION donations_disbursement_payee CASCADE;"


class Migration(migrations.Migration):
    replaces = [("donations", "0004_spending_rules")]
    dependencies = [("donations", "0009_costs")]
    operations = [
        migrations.RunSQL(ALLOCATION, ALLOCATION_BACK),
        migrations.RunSQL(COST, COST_BACK),
        migrations.RunSQL(ENDING, ENDING_BACK),
        migrations.RunSQL(CONTENT, CONTENT_BACK),
        migrations.RunSQL(STEPS, STEPS_BACK),
        migrations.RunSQL(READY, READY_BACK),
    ]
