"""What Stripe charges that belongs to no single gift is borne as the banks' fees are: by whom the policy names."""

import django.contrib.postgres.fields
from django.db import migrations, models

FEES = """
CREATE FUNCTION donations_explanation_fee() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bearing text[];
BEGIN
    -- Looked at when it is asked for, and again by the policy in force when it is booked.
    IF TG_OP = 'UPDATE' AND (OLD.approved_at IS NOT NULL OR NEW.approved_at IS NULL) THEN
        RETURN NEW;
    END IF;
    SELECT fee_order INTO bearing FROM donations_policy
    WHERE id = donations_policy_in_force((coalesce(NEW.approved_at, NEW.requested_at) AT TIME ZONE 'UTC')::date);
    IF cardinality(bearing) > 0 AND EXISTS (
        SELECT 1 FROM donations_balancetransaction b JOIN donations_fund f ON f.id = NEW.fund_id
        WHERE b.id = NEW.movement_id AND (b.amount < 0 OR b.fee > 0) AND f.kind <> ALL (bearing)) THEN
        RAISE EXCEPTION 'by the policy other funds bear the charges of Stripe'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'explanation_fee_by_the_policy';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER explanation_fee BEFORE INSERT OR UPDATE OF approved_at ON donations_movementexplanation
    FOR EACH ROW WHEN (NEW.meaning = 'fee') EXECUTE FUNCTION donations_explanation_fee();
"""
FEES_BACK = "DROP FUNCTION donations_explanation_fee CASCADE;"


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0022_never_left"),
    ]

    operations = [
        migrations.AlterField(
            model_name="policy",
            name="fee_order",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("general", "general"),
                        ("appeal", "an appeal"),
                        ("case", "a case"),
                        ("defendant", "a defendant"),
                    ],
                    max_length=10,
                ),
                blank=True,
                db_default=[],
                default=list,
                help_text="Which funds bear fees of banks, and charges of Stripe, that belong to no single gift, the first to be asked first. Empty: whichever the treasurer names.",
                verbose_name="who bears the banks' fees",
            ),
        ),
        migrations.RunSQL(FEES, FEES_BACK),
    ]
