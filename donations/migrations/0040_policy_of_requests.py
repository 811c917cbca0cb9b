"""A payment is asked for under the policy in force: for a kind it pays, and with the documents it wants."""

from django.db import migrations

REQUEST = """
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
REQUEST_BACK = """
DROP TRIGGER disbursement_policy ON donations_disbursement;
DROP FUNCTION donations_disbursement_policy();
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0039_lists_by_day")]
    operations = [migrations.RunSQL(REQUEST, REQUEST_BACK)]
