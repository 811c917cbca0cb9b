"""The fund's policy: enacted versions stay, and each gift, cost, payment and allocation is measured by its own."""

from django.db import migrations

STAYS = """
CREATE FUNCTION donations_policy_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.enacted_at IS NOT NULL THEN
            RAISE EXCEPTION 'a policy starts as a draft'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_starts_as_draft';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.enacted_at IS NOT NULL THEN
        RAISE EXCEPTION 'an enacted policy stays as it is: draft another version'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_enacted_stays';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER policy_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_policy
    FOR EACH ROW EXECUTE FUNCTION donations_policy_steps();

CREATE FUNCTION donations_policy_rule_of_draft() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    enacted timestamptz;
BEGIN
    -- Held against donations/policy.py, which enacts what it read. Without a row the whole draft is being deleted.
    IF TG_OP <> 'INSERT' THEN
        SELECT enacted_at INTO enacted FROM donations_policy WHERE id = OLD.policy_id FOR SHARE;
    END IF;
    IF TG_OP <> 'DELETE' AND enacted IS NULL THEN
        SELECT enacted_at INTO enacted FROM donations_policy WHERE id = NEW.policy_id FOR SHARE;
    END IF;
    IF enacted IS NOT NULL THEN
        RAISE EXCEPTION 'an enacted policy stays as it is: draft another version'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_enacted_stays';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER policy_kind_of_draft BEFORE INSERT OR UPDATE OR DELETE ON donations_policykind
    FOR EACH ROW EXECUTE FUNCTION donations_policy_rule_of_draft();
CREATE TRIGGER policy_cap_of_draft BEFORE INSERT OR UPDATE OR DELETE ON donations_policycap
    FOR EACH ROW EXECUTE FUNCTION donations_policy_rule_of_draft();
CREATE TRIGGER policy_limit_of_draft BEFORE INSERT OR UPDATE OR DELETE ON donations_policylimit
    FOR EACH ROW EXECUTE FUNCTION donations_policy_rule_of_draft();
CREATE TRIGGER policy_text_of_draft BEFORE INSERT OR UPDATE OR DELETE ON donations_policytext
    FOR EACH ROW EXECUTE FUNCTION donations_policy_rule_of_draft();
"""
STAYS_BACK = "DROP FUNCTION donations_policy_rule_of_draft, donations_policy_steps CASCADE;"

# The same choice as PolicyQuerySet.in_force.
IN_FORCE = """
CREATE FUNCTION donations_policy_in_force(day date) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT id FROM donations_policy WHERE enacted_at IS NOT NULL AND in_force_from <= day
    ORDER BY in_force_from DESC, version DESC LIMIT 1
$$;
"""
IN_FORCE_BACK = "DROP FUNCTION donations_policy_in_force;"

GIFTS = """
CREATE FUNCTION donations_pledge_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.policy_id := donations_policy_in_force((NEW.created_at AT TIME ZONE 'UTC')::date);
    ELSIF NEW.policy_id IS DISTINCT FROM OLD.policy_id THEN
        RAISE EXCEPTION 'a gift keeps the policy it was given under'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'gift_keeps_its_policy';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pledge_policy BEFORE INSERT OR UPDATE OF policy_id ON donations_pledge
    FOR EACH ROW EXECUTE FUNCTION donations_pledge_policy();

CREATE FUNCTION donations_donation_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.pledge_id IS NULL THEN
            NEW.policy_id := donations_policy_in_force((NEW.received_at AT TIME ZONE 'UTC')::date);
        ELSE
            SELECT policy_id INTO NEW.policy_id FROM donations_pledge WHERE id = NEW.pledge_id;
        END IF;
    ELSIF NEW.policy_id IS DISTINCT FROM OLD.policy_id THEN
        RAISE EXCEPTION 'a gift keeps the policy it was given under'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'gift_keeps_its_policy';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER donation_policy BEFORE INSERT OR UPDATE OF policy_id ON donations_donation
    FOR EACH ROW EXECUTE FUNCTION donations_donation_policy();
"""
GIFTS_BACK = "DROP FUNCTION donations_donation_policy, donations_pledge_policy CASCADE;"

# A cost is measured by the policy it was recorded under: whether the kind is paid at all, and its cap.
# The cap is for what people decide: a cost in UMA that rose above it by a new value is still owed.
COST = """
CREATE FUNCTION donations_legalcost_policy() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    most numeric;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.policy_id := donations_policy_in_force((NEW.recorded_at AT TIME ZONE 'UTC')::date);
    ELSIF NEW.policy_id IS DISTINCT FROM OLD.policy_id THEN
        RAISE EXCEPTION 'a cost keeps the policy it was recorded under'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'legal_cost_keeps_its_policy';
    ELSIF (NEW.kind, NEW.currency, NEW.uma, NEW.owed) IS NOT DISTINCT FROM (OLD.kind, OLD.currency, OLD.uma, OLD.owed)
          OR NEW.uma IS NOT NULL AND (NEW.kind, NEW.uma) IS NOT DISTINCT FROM (OLD.kind, OLD.uma) THEN
        RETURN NEW;
    END IF;
    IF NEW.policy_id IS NULL THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM donations_policykind WHERE policy_id = NEW.policy_id AND kind = NEW.kind) THEN
        RAISE EXCEPTION 'the policy does not pay this kind of cost'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_cost_of_a_kind_the_policy_pays';
    END IF;
    SELECT amount INTO most FROM donations_policycap
    WHERE policy_id = NEW.policy_id AND kind = NEW.kind AND currency = NEW.currency;
    IF NEW.owed > most THEN
        RAISE EXCEPTION 'the cost is above the cap of its kind'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_cost_within_its_cap';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER legal_cost_policy BEFORE INSERT OR UPDATE ON donations_legalcost
    FOR EACH ROW EXECUTE FUNCTION donations_legalcost_policy();
"""
COST_BACK = "DROP FUNCTION donations_legalcost_policy CASCADE;"

PAYMENT = """
CREATE FUNCTION donations_disbursement_policy() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER disbursement_policy BEFORE INSERT OR UPDATE OF requested_at ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_policy();
"""
PAYMENT_BACK = "DROP FUNCTION donations_disbursement_policy CASCADE;"

# Of a currency: the policy's part of what funds received in it, or got for it by exchange, less what is asked for or paid
# for kinds of cost that count as administration.
ADMINISTRATION = """
CREATE FUNCTION donations_admin_left(rules bigint, code text, but bigint) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT trunc(p.admin_percent / 100 * greatest((
               SELECT coalesce(sum(t.credit - t.debit), 0) FROM donations_total t
               JOIN donations_account a ON a.id = t.account_id
               WHERE a.kind = 'fund' AND a.currency = $2 AND t.kind IN (
                   'donation', 'interest', 'opening', 'refund', 'refund_returned', 'dispute', 'dispute_won', 'exchange')), 0),
               donations_exponent($2)) - (
               SELECT coalesce(sum(d.amount), 0) FROM donations_disbursement d
               JOIN donations_legalcost l ON l.id = d.cost_id
               JOIN donations_policykind k ON k.policy_id = p.id AND k.kind = l.kind AND k.is_admin
               WHERE d.currency = $2 AND d.refused_at IS NULL AND d.came_back_on IS NULL AND d.id IS DISTINCT FROM $3)
    FROM donations_policy p WHERE p.id = $1
$$;

CREATE FUNCTION donations_disbursement_admin() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rules bigint := donations_policy_in_force((NEW.requested_at AT TIME ZONE 'UTC')::date);
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM donations_policykind k JOIN donations_legalcost l ON l.id = NEW.cost_id AND l.kind = k.kind
        JOIN donations_policy p ON p.id = k.policy_id
        WHERE k.policy_id = rules AND k.is_admin AND p.admin_percent IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    -- Two at once would each count on what is left.
    PERFORM pg_advisory_xact_lock(hashtext('donations.administration ' || NEW.currency));
    IF NEW.amount > donations_admin_left(rules, NEW.currency, NEW.id) THEN
        RAISE EXCEPTION 'more would be paid for administration than the policy lets be'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_within_administration';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER disbursement_admin BEFORE INSERT OR UPDATE OF requested_at, amount ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_admin();
"""
ADMINISTRATION_BACK = "DROP FUNCTION donations_disbursement_admin, donations_admin_left CASCADE;"

RESERVE = """
-- When the transaction ends, and with it the fund's account, held by the entry, is as it will be.
CREATE FUNCTION donations_allocation_leaves_reserve() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    part numeric;
    free numeric;
    given numeric;
BEGIN
    SELECT p.reserve_percent / 100 INTO part FROM donations_policy p, donations_fund f
    WHERE p.id = donations_policy_in_force((NEW.at AT TIME ZONE 'UTC')::date)
    AND f.id = NEW.fund_id AND f.kind = 'general';
    IF part IS NULL OR part = 0 THEN
        RETURN NULL;
    END IF;
    SELECT donations_balance(a.id) INTO free FROM donations_account a JOIN donations_legalcost c ON c.id = NEW.cost_id
    WHERE a.fund_id = NEW.fund_id AND a.currency = c.currency;
    SELECT sum(CASE WHEN a.is_release THEN -a.amount ELSE a.amount END) INTO given
    FROM donations_allocation a JOIN donations_legalcost c ON c.id = a.cost_id
    WHERE a.fund_id = NEW.fund_id AND c.currency = (SELECT currency FROM donations_legalcost WHERE id = NEW.cost_id);
    IF free < (free + given) * part THEN
        RAISE EXCEPTION 'this would not leave the reserve of the general fund'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_leaves_reserve';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER allocation_leaves_reserve AFTER INSERT ON donations_allocation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NOT NEW.is_release)
    EXECUTE FUNCTION donations_allocation_leaves_reserve();
"""
RESERVE_BACK = "DROP FUNCTION donations_allocation_leaves_reserve CASCADE;"


class Migration(migrations.Migration):
    replaces = [("donations", "0025_policy")]
    dependencies = [("donations", "0007_bank")]
    operations = [
        migrations.RunSQL(STAYS, STAYS_BACK),
        migrations.RunSQL(IN_FORCE, IN_FORCE_BACK),
        migrations.RunSQL(GIFTS, GIFTS_BACK),
        migrations.RunSQL(COST, COST_BACK),
        migrations.RunSQL(PAYMENT, PAYMENT_BACK),
        migrations.RunSQL(ADMINISTRATION, ADMINISTRATION_BACK),
        migrations.RunSQL(RESERVE, RESERVE_BACK),
    ]
