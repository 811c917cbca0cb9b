"""Who may take part: payees and their accounts, sealing keys, stakes in a payment, and the third person."""

from django.db import migrations

PAYEE = """
CREATE FUNCTION donations_payee_holds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a payee is retired, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payee_stays';
    END IF;
    IF NEW.account_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM donations_payeeaccount WHERE id = NEW.account_id AND payee_id = NEW.id) THEN
        RAISE EXCEPTION 'the account is another payee''s'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payee_has_own_account';
    END IF;
    IF TG_OP = 'INSERT' THEN
        RETURN NEW;
    END IF;
    -- An account that was given up does not come back with its old confirmation.
    IF NEW.number <> OLD.number OR (NEW.account_id IS DISTINCT FROM OLD.account_id
                                    AND NOT coalesce(NEW.account_id > OLD.account_id, OLD.account_id IS NULL)) THEN
        RAISE EXCEPTION 'a payee keeps its number, and takes no earlier account again'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payee_stays';
    END IF;
    IF OLD.retired_at IS NOT NULL
       AND (NEW.retired_at, NEW.retired_by_id, NEW.account_id)
           IS DISTINCT FROM (OLD.retired_at, OLD.retired_by_id, OLD.account_id) THEN
        RAISE EXCEPTION 'a retired payee is not changed: record a new one'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payee_retired_is_final';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payee_holds BEFORE INSERT OR UPDATE OR DELETE ON donations_payee
    FOR EACH ROW EXECUTE FUNCTION donations_payee_holds();

CREATE FUNCTION donations_payee_voids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE donations_disbursement d SET approved_by_id = NULL, approved_at = NULL, approved_hash = ''
    FROM donations_payeeaccount a
    WHERE a.id = d.payee_account_id AND a.payee_id = NEW.id
      AND d.approved_at IS NOT NULL AND d.paid_at IS NULL AND d.refused_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER payee_voids AFTER UPDATE ON donations_payee FOR EACH ROW
    WHEN (NEW.account_id IS DISTINCT FROM OLD.account_id OR NEW.retired_at IS DISTINCT FROM OLD.retired_at)
    EXECUTE FUNCTION donations_payee_voids();
"""
PAYEE_BACK = "DROP FUNCTION donations_payee_voids, donations_payee_holds CASCADE;"

ACCOUNT = """
CREATE FUNCTION donations_payeeaccount_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a payee''s account is never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payee_account_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.confirmed_at IS NOT NULL THEN
            RAISE EXCEPTION 'an account waits for its second person'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'payee_account_starts_unconfirmed';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.payee_id, NEW.name, NEW.scheme, NEW.tail, NEW.account_hash, NEW.payee_hash, NEW.given_by_id, NEW.given_at)
       IS DISTINCT FROM
       (OLD.payee_id, OLD.name, OLD.scheme, OLD.tail, OLD.account_hash, OLD.payee_hash, OLD.given_by_id, OLD.given_at)
       OR (OLD.code <> '' AND (NEW.code <> OLD.code OR NEW.sealed = ''))
       OR (NEW.waiting <> OLD.waiting AND NEW.waiting <> '')
       OR (OLD.confirmed_at IS NOT NULL
           AND (NEW.confirmed_at, NEW.confirmed_by_id) IS DISTINCT FROM (OLD.confirmed_at, OLD.confirmed_by_id)) THEN
        RAISE EXCEPTION 'a payee''s account is not changed: another takes its place'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payee_account_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payee_account_stays BEFORE INSERT OR UPDATE OR DELETE ON donations_payeeaccount
    FOR EACH ROW EXECUTE FUNCTION donations_payeeaccount_stays();
"""
ACCOUNT_BACK = "DROP FUNCTION donations_payeeaccount_stays CASCADE;"

KEY = """
CREATE FUNCTION donations_sealingkey_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a sealing key is withdrawn, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'sealing_key_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.confirmed_at IS NOT NULL THEN
            RAISE EXCEPTION 'a sealing key waits for its second person'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'sealing_key_starts_unconfirmed';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.user_id, NEW.public_key, NEW.registered_at) IS DISTINCT FROM (OLD.user_id, OLD.public_key, OLD.registered_at)
       OR (OLD.confirmed_at IS NOT NULL
           AND (NEW.confirmed_at, NEW.confirmed_by_id) IS DISTINCT FROM (OLD.confirmed_at, OLD.confirmed_by_id))
       OR (OLD.withdrawn_at IS NOT NULL
           AND (NEW.withdrawn_at, NEW.withdrawn_by_id, NEW.confirmed_at)
               IS DISTINCT FROM (OLD.withdrawn_at, OLD.withdrawn_by_id, OLD.confirmed_at)) THEN
        RAISE EXCEPTION 'a sealing key is not changed: register another'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'sealing_key_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sealing_key_stays BEFORE INSERT OR UPDATE OR DELETE ON donations_sealingkey
    FOR EACH ROW EXECUTE FUNCTION donations_sealingkey_stays();
"""
KEY_BACK = "DROP FUNCTION donations_sealingkey_stays CASCADE;"

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
DROP FUNCTION
    donations_payeeaccount_confirmer,
    donations_is_staff_account,
    donations_staffaccount_voids,
    donations_conflict_voids,
    donations_cost_concerns,
    donations_standing_entry_stays CASCADE;
"""

OBJECTION = """
CREATE FUNCTION donations_objection_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.answered_at IS NOT NULL OR NOT EXISTS (
            SELECT 1 FROM donations_disbursement
            WHERE id = NEW.disbursement_id AND paid_at IS NOT NULL AND emergency_reason <> '') THEN
            RAISE EXCEPTION 'an objection is to a payment made in an emergency, and is answered afterwards'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'objection_to_an_emergency';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR OLD.answered_at IS NOT NULL
       OR (NEW.disbursement_id, NEW.reason, NEW.by_id, NEW.at)
          IS DISTINCT FROM (OLD.disbursement_id, OLD.reason, OLD.by_id, OLD.at) THEN
        RAISE EXCEPTION 'an objection stays, and is answered once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'objection_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER objection_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_objection
    FOR EACH ROW EXECUTE FUNCTION donations_objection_steps();
"""
OBJECTION_BACK = "DROP FUNCTION donations_objection_steps CASCADE;"

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
PEOPLE_BACK = "DROP FUNCTION donations_disbursement_people CASCADE;"


class Migration(migrations.Migration):
    replaces = [("donations", "0031_payee_rules")]
    dependencies = [("donations", "0010_spending")]
    operations = [
        migrations.RunSQL(PAYEE, PAYEE_BACK),
        migrations.RunSQL(ACCOUNT, ACCOUNT_BACK),
        migrations.RunSQL(KEY, KEY_BACK),
        migrations.RunSQL(REGISTER, REGISTER_BACK),
        migrations.RunSQL(OBJECTION, OBJECTION_BACK),
        migrations.RunSQL(PEOPLE, PEOPLE_BACK),
    ]
