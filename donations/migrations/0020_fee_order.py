"""Who bears the banks' fees is a rule of the policy; versions enacted before say nothing of it, and hold any fund good."""

import django.contrib.postgres.fields
from django.db import migrations, models

# Of what a match books as a bank's fee, apart from the line or as all of it.
FEES = """
CREATE FUNCTION donations_match_fee() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bearing text[] := (SELECT fee_order FROM donations_policy
                       WHERE id = donations_policy_in_force((NEW.confirmed_at AT TIME ZONE 'UTC')::date));
BEGIN
    IF cardinality(bearing) > 0 AND EXISTS (
        SELECT 1 FROM donations_entry e
        JOIN donations_account a ON a.id = e.debit_id JOIN donations_fund f ON f.id = a.fund_id
        WHERE e.kind = 'bank_fee' AND e.source IN (NEW.source, NEW.source || ':fee') AND f.kind <> ALL (bearing)) THEN
        RAISE EXCEPTION 'by the policy other funds bear the fees of banks'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'match_fee_by_the_policy';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER match_fee BEFORE INSERT ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.source IS NOT NULL AND (NEW.withheld > 0 OR NEW.explanation <> ''))
    EXECUTE FUNCTION donations_match_fee();
"""
FEES_BACK = "DROP FUNCTION donations_match_fee CASCADE;"


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0019_partner_in_order"),
    ]

    operations = [
        migrations.AddField(
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
                help_text="Which funds bear fees of banks that belong to no single gift, the first to be asked first. Empty: whichever the treasurer names.",
                verbose_name="who bears the banks' fees",
            ),
        ),
        migrations.RunSQL(FEES, FEES_BACK),
    ]
