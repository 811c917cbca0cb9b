"""Who may ask, approve and pay, in the database: a third person above the policy's limit, nobody with a stake in it, the
emergency path with its freeze."""

from django.db import migrations

REGISTER = """
CREATE FUNCTION donations_standing_entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.ended_at IS NOT NULL
       OR (to_jsonb(NEW) - 'ended_at' - 'ended_by_id') IS DISTINCT FROM (to_jsonb(OLD) - 'ended_at' - 'ended_by_id') THEN
        RAISE EXCEPTION 'an entry of this register is ended, never changed or deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'standing_entry_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER conflict_stays BEFORE UPDATE OR DELETE ON donations_conflict
    FOR EACH ROW EXECUTE FUNCTION donations_standing_entry_stays();
CREATE TRIGGER staff_account_stays BEFORE UPDATE OR DELETE ON donations_staffaccount
    FOR EACH ROW EXECUTE FUNCTION donations_standing_entry_stays();

-- The cost is this defendant's, alone or among others.
CREATE FUNCTION donations_cost_concerns(legal_cost bigint, defendant bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM donations_legalcost WHERE id = legal_cost AND defendant_id = defendant)
        OR EXISTS (SELECT 1 FROM donations_costshare WHERE cost_id = legal_cost AND defendant_id = defendant)
$$;

-- Approvals given by, or asked for by, somebody who turns out to have a stake in the payment are void. The payees are
-- locked first, as by who approves and pays: so of two at once the second sees what the first did.
CREATE FUNCTION donations_conflict_voids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM donations_payee p
    WHERE p.id = NEW.payee_id
       OR p.id IN (SELECT payee_id FROM donations_legalcost c WHERE donations_cost_concerns(c.id, NEW.defendant_id))
    ORDER BY p.id FOR NO KEY UPDATE;
    UPDATE donations_disbursement d
    SET approved_by_id = NULL, approved_at = NULL, approved_hash = ''
    FROM donations_payeeaccount a
    WHERE a.id = d.payee_account_id
      AND (a.payee_id = NEW.payee_id OR donations_cost_concerns(d.cost_id, NEW.defendant_id))
      AND NEW.user_id IN (d.requested_by_id, d.approved_by_id, d.seconded_by_id)
      AND d.approved_at IS NOT NULL AND d.paid_at IS NULL AND d.refused_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER conflict_voids AFTER INSERT ON donations_conflict
    FOR EACH ROW EXECUTE FUNCTION donations_conflict_voids();

CREATE FUNCTION donations_staffaccount_voids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM donations_payee p
    WHERE p.id IN (SELECT payee_id FROM donations_payeeaccount WHERE account_hash = NEW.account_hash)
    ORDER BY p.id FOR NO KEY UPDATE;
    UPDATE donations_disbursement d
    SET approved_by_id = NULL, approved_at = NULL, approved_hash = ''
    FROM donations_payeeaccount a
    WHERE a.id = d.payee_account_id AND a.account_hash = NEW.account_hash
      AND d.approved_at IS NOT NULL AND d.paid_at IS NULL AND d.refused_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER staff_account_voids AFTER INSERT ON donations_staffaccount
    FOR EACH ROW EXECUTE FUNCTION donations_staffaccount_voids();

CREATE FUNCTION donations_is_staff_account(hash text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM donations_staffaccount WHERE account_hash = hash AND ended_at IS NULL)
$$;

-- Nobody confirms the account of a payee close to them; and an account of staff is nobody's.
CREATE FUNCTION donations_payeeaccount_confirmer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM donations_payee WHERE id = NEW.payee_id FOR SHARE;
    IF donations_is_staff_account(NEW.account_hash) THEN
        RAISE EXCEPTION 'this is the account of a member of staff'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payee_account_not_of_staff';
    END IF;
    IF EXISTS (SELECT 1 FROM donations_conflict
               WHERE ended_at IS NULL AND payee_id = NEW.payee_id AND user_id = NEW.confirmed_by_id) THEN
        RAISE EXCEPTION 'who has a stake in the payee does not confirm the account'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payee_account_confirmer_without_stake';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payee_account_confirmer BEFORE UPDATE ON donations_payeeaccount FOR EACH ROW
    WHEN (NEW.confirmed_at IS NOT NULL AND OLD.confirmed_at IS NULL)
    EXECUTE FUNCTION donations_payeeaccount_confirmer();
"""
REGISTER_BACK = """
DROP TRIGGER payee_account_confirmer ON donations_payeeaccount;
DROP FUNCTION donations_payeeaccount_confirmer();
DROP FUNCTION donations_is_staff_account(text);
DROP TRIGGER staff_account_voids ON donations_staffaccount;
DROP FUNCTION donations_staffaccount_voids();
DROP TRIGGER conflict_voids ON donations_conflict;
DROP FUNCTION donations_conflict_voids();
DROP FUNCTION donations_cost_concerns(bigint, bigint);
DROP TRIGGER staff_account_stays ON donations_staffaccount;
DROP TRIGGER conflict_stays ON donations_conflict;
DROP FUNCTION donations_standing_entry_stays();
"""

PEOPLE = """
CREATE FUNCTION donations_disbursement_people() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean := TG_OP = 'INSERT';
    is_approved boolean := NOT is_new AND NEW.approved_at IS NOT NULL AND OLD.approved_at IS NULL;
    is_seconded boolean := NOT is_new AND NEW.seconded_at IS NOT NULL AND OLD.seconded_at IS NULL;
    is_paid boolean := NOT is_new AND NEW.paid_at IS NOT NULL AND OLD.paid_at IS NULL;
    rule record;
    account record;
BEGIN
    IF NOT is_new AND OLD.paid_at IS NOT NULL AND
       ((NEW.policy_id, NEW.approvals_needed, NEW.emergency_reason, NEW.bank_reference, NEW.received,
         NEW.received_currency)
        IS DISTINCT FROM
        (OLD.policy_id, OLD.approvals_needed, OLD.emergency_reason, OLD.bank_reference, OLD.received,
         OLD.received_currency)
        OR (OLD.seconded_at IS NOT NULL AND
            (NEW.seconded_at, NEW.seconded_by_id) IS DISTINCT FROM (OLD.seconded_at, OLD.seconded_by_id))) THEN
        RAISE EXCEPTION 'a paid disbursement is not changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_paid_is_final';
    END IF;
    -- Whatever voids the first approval voids the second.
    IF NEW.approved_at IS NULL THEN
        NEW.seconded_by_id := NULL;
        NEW.seconded_at := NULL;
        NEW.seconded_hash := '';
        is_seconded := false;
    END IF;

    -- The rules in force on the day it is asked for; without any, one other person approves.
    IF is_new OR (NEW.amount, NEW.currency, NEW.requested_at, NEW.policy_id, NEW.approvals_needed, NEW.emergency_reason)
                 IS DISTINCT FROM
                 (OLD.amount, OLD.currency, OLD.requested_at, OLD.policy_id, OLD.approvals_needed, OLD.emergency_reason)
    THEN
        IF NOT is_new AND OLD.approved_at IS NOT NULL AND NEW.approved_at IS NOT NULL
           AND NEW.emergency_reason <> OLD.emergency_reason THEN
            RAISE EXCEPTION 'what is approved does not become an emergency afterwards'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_emergency_before_approval';
        END IF;
        NEW.policy_id := donations_policy_in_force((NEW.requested_at AT TIME ZONE 'UTC')::date);
        SELECT p.approvers, l.third_person_above, l.emergency_up_to INTO rule
        FROM donations_policy p
        LEFT JOIN donations_policylimit l ON l.policy_id = p.id AND l.currency = NEW.currency
        WHERE p.id = NEW.policy_id;
        NEW.approvals_needed := CASE
            WHEN NEW.policy_id IS NULL THEN 1
            WHEN rule.approvers = 2 OR NEW.amount > coalesce(rule.third_person_above, 0) THEN 2
            ELSE 1 END;
        IF NEW.emergency_reason <> '' AND (NEW.approvals_needed = 1 OR btrim(NEW.emergency_reason) = ''
                                           OR NEW.amount > coalesce(rule.emergency_up_to, 0)) THEN
            RAISE EXCEPTION 'no emergency by the policy in force'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_emergency_within_limit';
        END IF;
    END IF;

    IF NOT (is_new OR is_approved OR is_seconded OR is_paid OR NEW.requested_by_id <> OLD.requested_by_id) THEN
        RETURN NEW;
    END IF;
    -- Held as by who enters a conflict or an account of staff.
    SELECT p.id AS payee_id, a.account_hash INTO account
    FROM donations_payee p, donations_payeeaccount a
    WHERE a.id = NEW.payee_account_id AND p.id = a.payee_id
    FOR SHARE OF p;
    -- After the payment the late signature is only that: it moves nothing, and is refused to nobody but who has a stake.
    IF donations_is_staff_account(account.account_hash) AND NOT (is_seconded AND OLD.paid_at IS NOT NULL) THEN
        RAISE EXCEPTION 'nothing is paid to an account of staff'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_not_to_staff';
    END IF;
    IF EXISTS (
        SELECT 1 FROM donations_conflict
        WHERE ended_at IS NULL
          AND (payee_id = account.payee_id OR donations_cost_concerns(NEW.cost_id, defendant_id))
          AND (user_id IN (NEW.seconded_by_id, NEW.paid_by_id) AND (is_seconded OR is_paid)
               OR user_id IN (NEW.requested_by_id, NEW.approved_by_id) AND NOT (is_seconded AND OLD.paid_at IS NOT NULL))
    ) THEN
        RAISE EXCEPTION 'who has a stake in a payment keeps out of it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_without_stake';
    END IF;
    IF is_paid AND NEW.approvals_needed = 2 AND NEW.seconded_at IS NULL AND NEW.emergency_reason = '' THEN
        RAISE EXCEPTION 'a third person has not approved it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_needs_a_third_person';
    END IF;
    IF NEW.emergency_reason <> '' AND (is_new OR is_paid) AND EXISTS (
        SELECT 1 FROM donations_disbursement d JOIN donations_policy p ON p.id = d.policy_id
        WHERE d.emergency_reason <> '' AND d.seconded_at IS NULL
          AND d.paid_at + p.emergency_hours * interval '1 hour' < coalesce(NEW.paid_at, NEW.requested_at)
    ) THEN
        RAISE EXCEPTION 'an earlier emergency still waits for its second approval'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_emergencies_frozen';
    END IF;
    RETURN NEW;
END $$;
-- Its name sorts after disbursement_content and disbursement_payee.
CREATE TRIGGER disbursement_people BEFORE INSERT OR UPDATE ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_people();
"""
PEOPLE_BACK = """
DROP TRIGGER disbursement_people ON donations_disbursement;
DROP FUNCTION donations_disbursement_people();
"""

# Requests from before are measured by the policy of their day too; the trigger puts the right number.
MEASURE = """
UPDATE donations_disbursement SET approvals_needed = approvals_needed + 1
WHERE paid_at IS NULL AND refused_at IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0042_third_person")]
    operations = [
        migrations.RunSQL(REGISTER, REGISTER_BACK),
        migrations.RunSQL(PEOPLE, PEOPLE_BACK),
        migrations.RunSQL(MEASURE, migrations.RunSQL.noop),
    ]
