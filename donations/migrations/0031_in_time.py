"""What is decided is not dated back to before it could be: a payment to before its approval, an exchange or what a court
did with bail to days on which the money was not there."""

from django.db import migrations

PAID_IN_TIME = """
CREATE FUNCTION donations_disbursement_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.paid_on < (NEW.approved_at AT TIME ZONE 'UTC')::date THEN
        RAISE EXCEPTION 'a payment is made after it was approved'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_paid_after_approval';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER disbursement_in_time BEFORE UPDATE ON donations_disbursement
    FOR EACH ROW WHEN (NEW.paid_at IS NOT NULL AND OLD.paid_at IS NULL)
    EXECUTE FUNCTION donations_disbursement_in_time();
"""
PAID_IN_TIME_BACK = "DROP FUNCTION donations_disbursement_in_time CASCADE;"

# Of most entries no later day is booked, and the total alone decides (donations_entry_post).
BOOKED_IN_TIME = """
-- The least that an account had at the end of this day, or of a later one.
CREATE FUNCTION donations_least_from(account bigint, day date) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT min(donations_balance_on(account, days.day))
    FROM (SELECT day UNION SELECT booked_on FROM donations_daytotal t
          WHERE t.account_id = account AND t.booked_on > day) AS days (day)
$$;

CREATE FUNCTION donations_entry_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER entry_in_time AFTER INSERT ON donations_entry
    FOR EACH ROW WHEN (NEW.kind IN ('exchange', 'bail_returned', 'bail_forfeited') AND NEW.reverses_id IS NULL)
    EXECUTE FUNCTION donations_entry_in_time();
ALTER TABLE donations_entry ENABLE ALWAYS TRIGGER entry_in_time;
"""
BOOKED_IN_TIME_BACK = "DROP FUNCTION donations_entry_in_time, donations_least_from CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("donations", "0030_owed_and_came_back")]
    operations = [
        migrations.RunSQL(PAID_IN_TIME, PAID_IN_TIME_BACK),
        migrations.RunSQL(BOOKED_IN_TIME, BOOKED_IN_TIME_BACK),
    ]
