"""A fund is dormant when nothing moved in it for as many months as the policy of the day says."""

from django.db import migrations, models

DORMANT = """
-- The last day on which something moved in the fund: a gift, or money of any kind, came, it was set aside, released,
-- exchanged, refunded or covered, or a cost that has money of it was paid. What comes by itself, interest and fees, is no
-- movement; nor that its rest in another currency went.
CREATE FUNCTION donations_fund_moved_on(fund bigint) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT max(t.booked_on) FROM donations_daytotal t JOIN donations_account a ON a.id = t.account_id
    WHERE a.fund_id = $1 AND t.kind NOT IN ('fee', 'bank_fee', 'dispute_fee', 'interest')
          AND NOT (t.kind = 'surplus' AND t.credit = 0)
       OR a.legal_cost_id IN (SELECT cost_id FROM donations_allocation WHERE fund_id = $1)
          AND t.kind IN ('disbursement', 'bail_paid')
$$;

CREATE FUNCTION donations_surplusmove_dormant() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    day date := (coalesce(NEW.approved_at, NEW.requested_at) AT TIME ZONE 'UTC')::date;
    months integer := (SELECT dormant_months FROM donations_policy WHERE id = donations_policy_in_force(day));
BEGIN
    -- What is refused, or was decided before, is held to no rule of this day.
    IF NEW.refused_at IS NOT NULL OR TG_OP = 'UPDATE' AND OLD.approved_at IS NOT NULL THEN
        RETURN NEW;
    END IF;
    IF months IS NULL OR donations_fund_moved_on(NEW.source_id) + make_interval(months => months) > day THEN
        RAISE EXCEPTION 'this fund is not dormant by the policy'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_of_a_dormant_fund';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER surplus_dormant BEFORE INSERT OR UPDATE ON donations_surplusmove
    FOR EACH ROW WHEN (NEW.cause = 'dormant') EXECUTE FUNCTION donations_surplusmove_dormant();
"""
DORMANT_BACK = "DROP FUNCTION donations_surplusmove_dormant, donations_fund_moved_on CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("donations", "0034_cap_at_request")]
    operations = [
        migrations.RunSQL(DORMANT, DORMANT_BACK),
        migrations.AlterField(
            model_name="surplusmove",
            name="cause",
            field=models.CharField(
                choices=[
                    ("case", "the case has ended"),
                    ("paid", "all its costs are paid"),
                    ("unneeded", "nobody needs it for this purpose any more"),
                    ("appeal", "the appeal has ended"),
                    ("dormant", "nothing moved in it for the months that the rules name"),
                ],
                max_length=10,
                verbose_name="why the purpose is over",
            ),
        ),
    ]
