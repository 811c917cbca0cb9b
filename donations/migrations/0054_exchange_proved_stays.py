"""A bank line proves an exchange that is in the books, on its account and of its amount; and while one does, it is not taken back."""

from django.db import migrations

PROVED = """
CREATE FUNCTION donations_match_of_exchange() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Held, so that nobody takes it back meanwhile.
    PERFORM 1 FROM donations_exchange WHERE id = NEW.exchange_id FOR NO KEY UPDATE;
    IF NOT EXISTS (
        SELECT 1 FROM donations_exchange x JOIN donations_statementline l ON l.id = NEW.line_id
        WHERE x.id = NEW.exchange_id AND x.approved_at IS NOT NULL AND x.undone_at IS NULL
          AND (l.account_id, NEW.amount) IN ((x.given_from_id, -x.given), (x.received_into_id, x.received))) THEN
        RAISE EXCEPTION 'this exchange is not in the books so'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'match_of_an_exchange_made';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER match_of_exchange BEFORE INSERT ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.exchange_id IS NOT NULL) EXECUTE FUNCTION donations_match_of_exchange();

CREATE FUNCTION donations_exchange_undone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM donations_statementmatch WHERE exchange_id = NEW.id AND undone_at IS NULL) THEN
        RAISE EXCEPTION 'a bank line proves this exchange'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'exchange_proved_is_not_undone';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_undone BEFORE UPDATE ON donations_exchange
    FOR EACH ROW WHEN (NEW.undo_requested_at IS NOT NULL AND OLD.undo_requested_at IS NULL
                       OR NEW.undone_at IS NOT NULL AND OLD.undone_at IS NULL)
    EXECUTE FUNCTION donations_exchange_undone();
"""
PROVED_BACK = "DROP FUNCTION donations_exchange_undone, donations_match_of_exchange CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("donations", "0053_gift_as_a_whole")]
    operations = [migrations.RunSQL(PROVED, PROVED_BACK)]
