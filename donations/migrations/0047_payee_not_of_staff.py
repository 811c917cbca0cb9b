"""An account that somebody of the staff declared is no payee's from the beginning, and not only once it is to be paid."""

from django.db import migrations

RECORDED = """
CREATE FUNCTION donations_payeeaccount_recorded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF donations_is_staff_account(NEW.account_hash) THEN
        RAISE EXCEPTION 'this is the account of a member of staff'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payee_account_not_of_staff';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payee_account_recorded BEFORE INSERT ON donations_payeeaccount
    FOR EACH ROW EXECUTE FUNCTION donations_payeeaccount_recorded();
"""
RECORDED_BACK = "DROP FUNCTION donations_payeeaccount_recorded CASCADE;"


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0046_partner_rules"),
    ]

    operations = [
        migrations.RunSQL(RECORDED, RECORDED_BACK),
    ]
