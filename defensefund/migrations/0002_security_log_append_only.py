from django.db import migrations

FORWARD = """
CREATE FUNCTION defensefund_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the security log is append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER security_event_append_only BEFORE UPDATE OR DELETE ON defensefund_securityevent
    FOR EACH ROW EXECUTE FUNCTION defensefund_refuse_change();
CREATE TRIGGER security_event_no_truncate BEFORE TRUNCATE ON defensefund_securityevent
    FOR EACH STATEMENT EXECUTE FUNCTION defensefund_refuse_change();
ALTER TABLE defensefund_securityevent ENABLE ALWAYS TRIGGER security_event_append_only;
ALTER TABLE defensefund_securityevent ENABLE ALWAYS TRIGGER security_event_no_truncate;
"""

REVERSE = """
DROP TRIGGER security_event_no_truncate ON defensefund_securityevent;
DROP TRIGGER security_event_append_only ON defensefund_securityevent;
DROP FUNCTION defensefund_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("defensefund", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
