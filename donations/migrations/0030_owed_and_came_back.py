"""A cost owes no less than what is set aside for it and what a court gave back of it: that is not owed again, and was owed."""

from django.db import migrations

HOLDS = """
CREATE OR REPLACE FUNCTION donations_legalcost_holds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.uma IS NULL AND {when} NEW.owed < donations_set_aside(NEW.id){came_back} THEN
        RAISE EXCEPTION 'more is set aside than this'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_cost_owes_what_is_set_aside';
    END IF;
    IF (NEW.number, NEW.case_id, NEW.defendant_id, NEW.kind, NEW.currency, NEW.uma IS NULL)
       IS DISTINCT FROM (OLD.number, OLD.case_id, OLD.defendant_id, OLD.kind, OLD.currency, OLD.uma IS NULL)
       AND EXISTS (SELECT 1 FROM donations_account WHERE legal_cost_id = NEW.id) THEN
        RAISE EXCEPTION 'the cost stands in the ledger: its case, defendant, kind and currency stay'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'legal_cost_stays';
    END IF;
    RETURN NEW;
END $$;
"""
CAME_BACK = """ + coalesce((
           SELECT sum(amount) FROM donations_bailoutcome
           WHERE cost_id = NEW.id AND kind = 'returned' AND undone_at IS NULL), 0)"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0029_came_in")]
    operations = [
        # A cost from before this rule may be changed in all else.
        migrations.RunSQL(
            HOLDS.format(when="NEW.owed IS DISTINCT FROM OLD.owed AND", came_back=CAME_BACK),
            HOLDS.format(when="", came_back=""),
        )
    ]
