"""One fact, as nearly all are booked, is looked up by itself: to take lists apart and join them costs as much as its rules."""

from importlib import import_module

from django.db import migrations

BEFORE = import_module("donations.migrations.0002_ledger").POST.replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)

# As before; an account that is not there yet leaves the fact out in both ways, and so does a source that is booked.
POST = """
CREATE OR REPLACE FUNCTION donations_post(kinds text, debits text, credits text, amounts text, days text, sources text)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    open_from constant date := donations_open_from();
    booked integer;
BEGIN
    IF strpos(sources, chr(31)) = 0 THEN
        INSERT INTO donations_entry (kind, debit_id, credit_id, amount, currency, booked_on, happened_on, source)
        SELECT kinds, d.id, c.id, amounts::numeric, d.currency, greatest(days::date, open_from),
               CASE WHEN days::date < open_from THEN days::date END, sources
        FROM donations_account d, donations_account c
        WHERE d.code = debits AND c.code = credits
        ON CONFLICT (source) DO NOTHING;
    ELSE
        INSERT INTO donations_entry (kind, debit_id, credit_id, amount, currency, booked_on, happened_on, source)
        SELECT p.kind, d.id, c.id, p.amount, d.currency, greatest(p.day, open_from),
               CASE WHEN p.day < open_from THEN p.day END, p.source
        FROM unnest(string_to_array(kinds, chr(31)), string_to_array(debits, chr(31)),
                    string_to_array(credits, chr(31)), string_to_array(amounts, chr(31))::numeric[],
                    string_to_array(days, chr(31))::date[], string_to_array(sources, chr(31)))
             AS p (kind, debit, credit, amount, day, source)
        JOIN donations_account d ON d.code = p.debit
        JOIN donations_account c ON c.code = p.credit
        -- In one order, so that two who post the same facts wait for each other and do not block each other.
        ORDER BY p.source
        ON CONFLICT (source) DO NOTHING;
    END IF;
    GET DIAGNOSTICS booked = ROW_COUNT;
    RETURN booked;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0027_movement_names")]
    operations = [migrations.RunSQL(POST, BEFORE)]
