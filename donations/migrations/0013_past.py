"""The past taken over: a request is decided once and never deleted; what a row says is never changed, only who gave forgotten."""

from django.db import migrations

REQUEST = """
CREATE FUNCTION donations_pastimport_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an import of the past is never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'past_import_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL THEN
            RAISE EXCEPTION 'an import of the past starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'past_import_starts_as_request';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.approved_at IS NOT NULL OR OLD.refused_at IS NOT NULL
       OR (NEW.name, NEW.sha256, NEW.requested_by_id, NEW.requested_at)
          IS DISTINCT FROM (OLD.name, OLD.sha256, OLD.requested_by_id, OLD.requested_at)
       OR NEW.table NOT IN (OLD.table, '') THEN
        RAISE EXCEPTION 'an import of the past is decided once, as it was asked for'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'past_import_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER past_import_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_pastimport
    FOR EACH ROW EXECUTE FUNCTION donations_pastimport_steps();
"""
REQUEST_BACK = "DROP FUNCTION donations_pastimport_steps CASCADE;"

ROW = """
CREATE FUNCTION donations_pastrow_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT 1 FROM donations_pastimport WHERE id = NEW.past_import_id AND approved_at IS NOT NULL) THEN
            RAISE EXCEPTION 'a row of the past is booked when its import is approved'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'past_row_is_approved';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR NEW.forgotten_at IS NULL OR OLD.forgotten_at IS NOT NULL
       OR to_jsonb(NEW) - ARRAY['supporter_name', 'supporter_email', 'note', 'forgotten_at']
          IS DISTINCT FROM to_jsonb(OLD) - ARRAY['supporter_name', 'supporter_email', 'note', 'forgotten_at'] THEN
        RAISE EXCEPTION 'a row of the past stays as it was booked'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'past_row_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER past_row_stays BEFORE INSERT OR UPDATE OR DELETE ON donations_pastrow
    FOR EACH ROW EXECUTE FUNCTION donations_pastrow_stays();
"""
ROW_BACK = "DROP FUNCTION donations_pastrow_stays CASCADE;"


class Migration(migrations.Migration):
    replaces = [("donations", "0044_past")]
    dependencies = [("donations", "0012_moves")]
    operations = [
        migrations.RunSQL(REQUEST, REQUEST_BACK),
        migrations.RunSQL(ROW, ROW_BACK),
    ]
