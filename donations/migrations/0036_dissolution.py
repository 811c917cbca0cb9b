"""The policy says to whom what is left goes when the fund is dissolved; versions enacted before stay as they are."""

from django.db import migrations, models

SAID = """
CREATE FUNCTION donations_policy_dissolution() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a policy says to whom what is left goes when the fund is dissolved'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_says_dissolution';
END $$;
-- Not a rule of the table: versions of before cannot be changed to say it.
CREATE TRIGGER policy_dissolution BEFORE UPDATE ON donations_policy FOR EACH ROW
    WHEN (OLD.enacted_at IS NULL AND NEW.enacted_at IS NOT NULL AND btrim(NEW.dissolution) = '')
    EXECUTE FUNCTION donations_policy_dissolution();
"""
SAID_BACK = "DROP FUNCTION donations_policy_dissolution CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("donations", "0035_dormant")]
    operations = [
        migrations.AddField(
            model_name="policy",
            name="dissolution",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="To whom, in words: an organization, or how it is chosen. Shown to everyone; no names of people.",
                max_length=500,
                verbose_name="when the fund is dissolved, what is left goes to",
            ),
        ),
        migrations.RunSQL(SAID, SAID_BACK),
    ]
