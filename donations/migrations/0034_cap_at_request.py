"""A cap is for all payments of one cost together, looked at at each request; what the UMA lifts above it wants a third person."""

from django.db import migrations

LEFT = """
-- Of the cap that the policy has for a cost of this kind and currency, what is neither asked for nor paid, the payment
-- `but` left out; NULL without a cap. What came back, or never left, is not paid.
CREATE FUNCTION donations_cap_left(rules bigint, legal_cost bigint, but bigint) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT cap.amount - coalesce((
               SELECT sum(d.amount) FROM donations_disbursement d
               WHERE d.cost_id = l.id AND d.refused_at IS NULL AND d.came_back_on IS NULL AND d.id IS DISTINCT FROM $3), 0)
    FROM donations_legalcost l
    JOIN donations_policycap cap ON cap.policy_id = $1 AND cap.kind = l.kind AND cap.currency = l.currency
    WHERE l.id = $2
$$;
"""
LEFT_BACK = "DROP FUNCTION donations_cap_left;"

# As before, and held to the cap. A cost in UMA was held to it when it was recorded; what its value lifts above it since is
# what the court sets: it stays payable, and donations_disbursement_people wants a third person.
POLICY = """
CREATE OR REPLACE FUNCTION donations_disbursement_policy() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rules bigint := donations_policy_in_force((NEW.requested_at AT TIME ZONE 'UTC')::date);
    cost record;
    needed text[];
BEGIN
    IF rules IS NULL THEN
        RETURN NEW;
    END IF;
    -- Held, so that of two at once the second counts the first.
    SELECT kind, uma INTO cost FROM donations_legalcost WHERE id = NEW.cost_id FOR NO KEY UPDATE;
    SELECT documents INTO needed FROM donations_policykind WHERE policy_id = rules AND kind = cost.kind;
    IF needed IS NULL THEN
        RAISE EXCEPTION 'the policy does not pay this kind of cost'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_of_a_kind_the_policy_pays';
    END IF;
    IF EXISTS (
        SELECT 1 FROM unnest(needed) AS each (kind) WHERE NOT EXISTS (
            SELECT 1 FROM donations_costdocument d WHERE d.cost_id = NEW.cost_id AND d.kind = each.kind)) THEN
        RAISE EXCEPTION 'the policy wants more documents for this cost'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_has_its_documents';
    END IF;
    IF cost.uma IS NULL AND NEW.amount > donations_cap_left(rules, NEW.cost_id, NEW.id) THEN
        RAISE EXCEPTION 'the payments of this cost would be above the cap of its kind'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_within_the_cap';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER disbursement_policy ON donations_disbursement;
CREATE TRIGGER disbursement_policy BEFORE INSERT OR UPDATE OF requested_at, amount, cost_id ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_policy();
"""
# As it was in 0008_policy.
POLICY_BACK = """
CREATE OR REPLACE FUNCTION donations_disbursement_policy() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rules bigint := donations_policy_in_force((NEW.requested_at AT TIME ZONE 'UTC')::date);
    kind_of_cost text;
    needed text[];
BEGIN
    IF rules IS NULL THEN
        RETURN NEW;
    END IF;
    SELECT kind INTO kind_of_cost FROM donations_legalcost WHERE id = NEW.cost_id;
    SELECT documents INTO needed FROM donations_policykind WHERE policy_id = rules AND kind = kind_of_cost;
    IF needed IS NULL THEN
        RAISE EXCEPTION 'the policy does not pay this kind of cost'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_of_a_kind_the_policy_pays';
    END IF;
    IF EXISTS (
        SELECT 1 FROM unnest(needed) AS each (kind) WHERE NOT EXISTS (
            SELECT 1 FROM donations_costdocument d WHERE d.cost_id = NEW.cost_id AND d.kind = each.kind)) THEN
        RAISE EXCEPTION 'the policy wants more documents for this cost'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_has_its_documents';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER disbursement_policy ON donations_disbursement;
CREATE TRIGGER disbursement_policy BEFORE INSERT OR UPDATE OF requested_at ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_policy();
"""

# As before, but a payment above the cap, as there is of a cost in UMA alone, wants a third person.
PEOPLE = """
CREATE OR REPLACE FUNCTION donations_disbursement_people() RETURNS trigger LANGUAGE plpgsql AS $$
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
            WHEN rule.approvers = 2 OR NEW.amount > coalesce(rule.third_person_above, 0)
                 OR NEW.amount > donations_cap_left(NEW.policy_id, NEW.cost_id, NEW.id) THEN 2
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
        WHERE d.emergency_reason <> '' AND d.seconded_at IS NULL AND d.undone_at IS NULL
          AND d.paid_at + p.emergency_hours * interval '1 hour' < coalesce(NEW.paid_at, NEW.requested_at)
    ) THEN
        RAISE EXCEPTION 'an earlier emergency still waits for its second approval'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_emergencies_frozen';
    END IF;
    RETURN NEW;
END $$;
"""
PEOPLE_BACK = PEOPLE.replace(
    """
                 OR NEW.amount > donations_cap_left(NEW.policy_id, NEW.cost_id, NEW.id)""",
    "",
)


class Migration(migrations.Migration):
    dependencies = [("donations", "0033_ask_stripe")]
    operations = [
        migrations.RunSQL(LEFT, LEFT_BACK),
        migrations.RunSQL(POLICY, POLICY_BACK),
        migrations.RunSQL(PEOPLE, PEOPLE_BACK),
    ]
