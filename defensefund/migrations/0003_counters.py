"""Counters of attempts: one row a key and span, one call an attempt."""

from django.db import migrations

# Counting is worth nothing after a crash, so its rows are not written to the log of changes: a flood of attempts would
# fill that log and every backup made of it. The price: after a crash every count starts at nought.
UNLOGGED = "ALTER TABLE defensefund_tally SET UNLOGGED"
LOGGED = "ALTER TABLE defensefund_tally SET LOGGED"

# The limit for waiting belongs to the function, so that it is in force before the table is touched and gone after.
COUNT = """
CREATE FUNCTION defensefund_count(keys text[], mosts integer[], ends timestamptz[]) RETURNS integer[]
LANGUAGE plpgsql SET lock_timeout = '400ms' AS $$
DECLARE
    found integer;
    counts integer[] := '{}';
BEGIN
    FOR i IN 1 .. cardinality(keys) LOOP
        INSERT INTO defensefund_tally AS t (key, count, ends_at) VALUES (keys[i], 1, ends[i])
            ON CONFLICT (key) DO UPDATE SET count = t.count + 1 RETURNING t.count INTO found;
        counts := counts || found;
        EXIT WHEN found > mosts[i];
    END LOOP;
    RETURN counts;
END $$
"""
COUNT_BACK = "DROP FUNCTION defensefund_count(text[], integer[], timestamptz[])"


class Migration(migrations.Migration):
    replaces = [("defensefund", "0004_tally")]
    dependencies = [("defensefund", "0002_security_log")]
    operations = [
        migrations.RunSQL(UNLOGGED, LOGGED),
        migrations.RunSQL(COUNT, COUNT_BACK),
    ]
