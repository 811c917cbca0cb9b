"""What the policy gives to the partner before others goes to no fund of these others."""

from django.db import migrations

ORDER = """
CREATE OR REPLACE FUNCTION donations_surplus_hindrance(source bigint, target bigint, code text, day date) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    steps text[] := (SELECT surplus_order FROM donations_policy WHERE id = donations_policy_in_force(day));
    mine text := CASE WHEN donations_fund_appeals(source) && donations_fund_appeals(target) THEN 'appeal' ELSE 'others' END;
    step text;
BEGIN
    IF steps IS NULL THEN
        RETURN NULL;
    END IF;
    FOREACH step IN ARRAY steps LOOP
        IF step = mine THEN
            RETURN NULL;
        END IF;
        -- A partner always needs it: what stands after that step gets nothing.
        IF step = 'partner' OR donations_others_need(source, code, step = 'appeal') THEN
            RETURN step;
        END IF;
    END LOOP;
    RETURN 'unnamed';
END $$;
"""
ORDER_BACK = """
CREATE OR REPLACE FUNCTION donations_surplus_hindrance(source bigint, target bigint, code text, day date) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    steps text[] := (SELECT surplus_order FROM donations_policy WHERE id = donations_policy_in_force(day));
    mine text := CASE WHEN donations_fund_appeals(source) && donations_fund_appeals(target) THEN 'appeal' ELSE 'others' END;
    step text;
BEGIN
    IF steps IS NULL THEN
        RETURN NULL;
    END IF;
    FOREACH step IN ARRAY steps LOOP
        IF step = mine THEN
            RETURN NULL;
        END IF;
        IF step <> 'partner' AND donations_others_need(source, code, step = 'appeal') THEN
            RETURN step;
        END IF;
    END LOOP;
    RETURN 'unnamed';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0018_accepted")]
    operations = [migrations.RunSQL(ORDER, ORDER_BACK)]
