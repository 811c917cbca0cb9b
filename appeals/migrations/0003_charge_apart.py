from django.db import migrations

# The appeal's page asks it of each case every time. A function keeps its plan, and to plan the view anew took ten times as
# long as to read it.
CHARGE_APART = """
CREATE FUNCTION appeals_has_charge_apart(of_case bigint, named bigint[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM appeals_public_party p
        WHERE p.case_id = of_case AND p.defendant_id = ANY (named) AND p.name_source IS NULL
    );
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("appeals", "0002_review_and_consent_in_the_database")]
    operations = [
        migrations.RunSQL(CHARGE_APART, "DROP FUNCTION appeals_has_charge_apart(bigint, bigint[])")
    ]
