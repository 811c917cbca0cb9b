"""The security log: appended to only, and chained."""

from django.db import migrations

# The chain makes a row that was taken out, changed or slipped in by somebody above the triggers show. The lock
# orders those that come at once, and the number is drawn inside it, so that numbers follow the chain.
FORWARD = """
CREATE FUNCTION defensefund_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the security log is append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION defensefund_event_hash(previous text, event defensefund_securityevent) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(concat_ws('|', previous, event.id, event.kind, event.user_id,
        coalesce(event.by_id, 0), to_char(event.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')), 'UTF8')), 'hex')
$$;

CREATE FUNCTION defensefund_chain_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('defensefund_securityevent'));
    NEW.id := nextval(pg_get_serial_sequence('defensefund_securityevent', 'id'));
    NEW.chain := defensefund_event_hash(
        coalesce((SELECT chain FROM defensefund_securityevent ORDER BY id DESC LIMIT 1), ''), NEW);
    RETURN NEW;
END $$;

CREATE TRIGGER security_event_chain BEFORE INSERT ON defensefund_securityevent
    FOR EACH ROW EXECUTE FUNCTION defensefund_chain_event();
CREATE TRIGGER security_event_append_only BEFORE UPDATE OR DELETE ON defensefund_securityevent
    FOR EACH ROW EXECUTE FUNCTION defensefund_refuse_change();
CREATE TRIGGER security_event_no_truncate BEFORE TRUNCATE ON defensefund_securityevent
    FOR EACH STATEMENT EXECUTE FUNCTION defensefund_refuse_change();
ALTER TABLE defensefund_securityevent ENABLE ALWAYS TRIGGER security_event_chain;
ALTER TABLE defensefund_securityevent ENABLE ALWAYS TRIGGER security_event_append_only;
ALTER TABLE defensefund_securityevent ENABLE ALWAYS TRIGGER security_event_no_truncate;
"""

REVERSE = """
DROP TRIGGER security_event_no_truncate ON defensefund_securityevent;
DROP TRIGGER security_event_append_only ON defensefund_securityevent;
DROP TRIGGER security_event_chain ON defensefund_securityevent;
DROP FUNCTION defensefund_chain_event();
DROP FUNCTION defensefund_event_hash(text, defensefund_securityevent);
DROP FUNCTION defensefund_refuse_change();
"""


class Migration(migrations.Migration):
    replaces = [("defensefund", "0002_security_log_rules"), ("defensefund", "0005_lists")]
    dependencies = [("defensefund", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
