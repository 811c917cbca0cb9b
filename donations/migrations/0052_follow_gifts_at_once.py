"""Gifts are followed all at once: each is one new lot of its fund, so that a million of them takes a minute."""

from importlib import import_module

from django.db import migrations

# An entry by which a gift comes into a fund. What takes one back, or takes that back, is followed by itself.
IS_GIFT = "e.kind = 'donation' AND e.reverses_id IS NULL AND d.kind = 'asset' AND c.kind = 'fund'"

FOLLOW = f"""
CREATE FUNCTION donations_follow_gifts(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place bigint;
    places bigint[];
BEGIN
    WITH lots AS (
        INSERT INTO donations_lot (account_id, kind, donation_id, currency, "left", left_worth)
        SELECT c.id, e.kind, g.id, c.currency, e.amount, e.amount
        FROM donations_entry e
        JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
        LEFT JOIN donations_donation g ON g.source = e.source
        WHERE e.id = ANY (ids) AND {IS_GIFT}
        ORDER BY e.id
        RETURNING account_id)
    SELECT array_agg(DISTINCT account_id) INTO places FROM lots;
    FOR place IN SELECT DISTINCT s.account_id FROM donations_shortfall s WHERE s.account_id = ANY (places) LOOP
        PERFORM donations_lots_absorb(place);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION donations_follow(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ids bigint[];
    entry donations_entry;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('donations_follow'), 0) THEN
        RETURN -1;
    END IF;
    WITH next AS (SELECT entry_id FROM donations_unfollowedentry ORDER BY entry_id LIMIT most),
         taken AS (DELETE FROM donations_unfollowedentry u USING next WHERE u.entry_id = next.entry_id
                   RETURNING u.entry_id)
    SELECT array_agg(taken.entry_id) INTO ids FROM taken;
    IF ids IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM donations_follow_gifts(ids);
    FOR entry IN
        SELECT e.* FROM donations_entry e
        JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
        WHERE e.id = ANY (ids) AND NOT ({IS_GIFT})
        ORDER BY NOT (e.kind = 'donation' AND d.kind = 'asset'), e.id
    LOOP
        PERFORM donations_follow_one(entry);
    END LOOP;
    RETURN cardinality(ids);
END $$;
"""  # noqa: S608  our own SQL
FOLLOW_BACK = (
    "CREATE OR REPLACE FUNCTION donations_follow(most"
    + import_module("donations.migrations.0036_follow").FOLLOW.partition(
        "CREATE FUNCTION donations_follow(most"
    )[2]
    + "DROP FUNCTION donations_follow_gifts(bigint[]);"
)


class Migration(migrations.Migration):
    dependencies = [("donations", "0051_statement_details")]
    operations = [migrations.RunSQL(FOLLOW, FOLLOW_BACK)]
