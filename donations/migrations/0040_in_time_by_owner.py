"""What an account had on an earlier day is looked at with its row held, which the web's own role may not do."""

from django.db import migrations

IN_TIME = """
CREATE OR REPLACE FUNCTION donations_entry_in_time() RETURNS trigger
    LANGUAGE plpgsql%s AS $$
DECLARE
    lowered bigint;
BEGIN
    SELECT id INTO lowered FROM donations_account
    WHERE id = NEW.debit_id AND NEW.kind = 'exchange' AND kind = 'fund'
       OR id = NEW.credit_id AND NEW.kind <> 'exchange' AND place = 'bail';
    IF NOT EXISTS (SELECT 1 FROM donations_daytotal WHERE account_id = lowered AND booked_on > NEW.booked_on) THEN
        RETURN NULL;
    END IF;
    -- Held until the end of the transaction, so that two at once see each other.
    PERFORM 1 FROM donations_account WHERE id = lowered FOR NO KEY UPDATE;
    IF donations_least_from(lowered, NEW.booked_on) < NEW.amount THEN
        RAISE EXCEPTION 'on that day there was not so much'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_in_time';
    END IF;
    RETURN NULL;
END $$;
"""
BY_OWNER = " SECURITY DEFINER SET search_path = public, pg_temp"


class Migration(migrations.Migration):
    dependencies = [("donations", "0039_declared")]
    operations = [migrations.RunSQL(IN_TIME % BY_OWNER, IN_TIME % "")]
