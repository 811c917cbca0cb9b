"""What a general fund keeps in reserve is not paid to the partner, and what was paid to it is of what the fund received."""

from django.db import migrations

RESERVE = """
-- What the policy of the day keeps in a general fund: its part of what is free there, set aside, or went to the partner.
-- NULL where it keeps nothing.
CREATE FUNCTION donations_reserve(fund bigint, code text, day date) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT p.reserve_percent / 100 * (
        coalesce((SELECT donations_balance(a.id) FROM donations_account a WHERE a.fund_id = f.id AND a.currency = $2), 0)
        + coalesce((SELECT sum(CASE WHEN a.is_release THEN -a.amount ELSE a.amount END)
                    FROM donations_allocation a JOIN donations_legalcost c ON c.id = a.cost_id
                    WHERE a.fund_id = f.id AND c.currency = $2), 0)
        + coalesce((SELECT sum(w.amount) FROM donations_partnerpayment w
                    WHERE w.fund_id = f.id AND w.currency = $2 AND w.paid_at IS NOT NULL AND w.came_back_on IS NULL), 0))
    FROM donations_fund f, donations_policy p
    WHERE f.id = $1 AND f.kind = 'general' AND p.id = donations_policy_in_force($3) AND p.reserve_percent > 0
$$;

-- When the transaction ends, and with it the fund's account, held by the entry, is as it will be.
CREATE OR REPLACE FUNCTION donations_allocation_leaves_reserve() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    money text := (SELECT currency FROM donations_legalcost WHERE id = NEW.cost_id);
    free numeric := (SELECT donations_balance(id) FROM donations_account WHERE fund_id = NEW.fund_id AND currency = money);
BEGIN
    IF free < donations_reserve(NEW.fund_id, money, (NEW.at AT TIME ZONE 'UTC')::date) THEN
        RAISE EXCEPTION 'this would not leave the reserve of the general fund'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_leaves_reserve';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION donations_partnerpayment_leaves_reserve() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    day date := (greatest(NEW.requested_at, NEW.approved_at, NEW.seconded_at) AT TIME ZONE 'UTC')::date;
    free numeric := (SELECT donations_free(id) FROM donations_account
                     WHERE fund_id = NEW.fund_id AND currency = NEW.currency);
BEGIN
    IF NEW.refused_at IS NULL AND NEW.paid_at IS NULL
       AND free - NEW.amount < donations_reserve(NEW.fund_id, NEW.currency, day) THEN
        RAISE EXCEPTION 'this would not leave the reserve of the general fund'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_leaves_reserve';
    END IF;
    RETURN NEW;
END $$;
-- Its name sorts after partner_people.
CREATE TRIGGER partner_reserve BEFORE INSERT OR UPDATE OF approved_at, seconded_at ON donations_partnerpayment
    FOR EACH ROW EXECUTE FUNCTION donations_partnerpayment_leaves_reserve();
"""
# As it was in 0008_policy.
RESERVE_BACK = """
DROP FUNCTION donations_partnerpayment_leaves_reserve CASCADE;
CREATE OR REPLACE FUNCTION donations_allocation_leaves_reserve() RETURNS trigger LANGUAGE plpgsql AS $$
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
DROP FUNCTION donations_reserve;
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0050_line_amounts")]
    operations = [migrations.RunSQL(RESERVE, RESERVE_BACK)]
