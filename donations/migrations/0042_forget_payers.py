"""Who is on the other side of a bank line can be forgotten, and then stays forgotten."""

from django.db import migrations, models

from defensefund.tables import Together

STAYS = """
CREATE FUNCTION donations_statementline_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'who was forgotten stays forgotten'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'statement_line_stays_forgotten';
END $$;
CREATE TRIGGER statement_line_forgotten BEFORE UPDATE OF forgotten_at ON donations_statementline
    FOR EACH ROW WHEN (OLD.forgotten_at IS DISTINCT FROM NEW.forgotten_at AND OLD.forgotten_at IS NOT NULL)
    EXECUTE FUNCTION donations_statementline_forgotten();
"""
STAYS_BACK = "DROP FUNCTION donations_statementline_forgotten CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("donations", "0041_same_document")]
    operations = [
        Together(
            [
                migrations.AlterModelOptions(
                    name="statementline",
                    options={
                        "ordering": ["-booked_on", "-pk"],
                        "permissions": [
                            ("match_statementline", "Can match statement lines"),
                            (
                                "forget_statementline",
                                "Can forget who is on the other side of a line",
                            ),
                        ],
                        "verbose_name": "statement line",
                        "verbose_name_plural": "statement lines",
                    },
                ),
                migrations.AddField(
                    model_name="statementline",
                    name="forgotten_at",
                    field=models.DateTimeField(
                        editable=False,
                        help_text="When the other side was forgotten: nothing that names it comes back.",
                        null=True,
                        verbose_name="forgotten at",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="statementline",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("forgotten_at", None),
                            models.Q(
                                ("counterparty", ""),
                                ("counterparty_account", ""),
                                ("payer_hash", ""),
                                ("text", ""),
                            ),
                            _connector="OR",
                        ),
                        name="statement_line_forgotten_names_nobody",
                    ),
                ),
                migrations.AddIndex(
                    model_name="statementline",
                    index=models.Index(
                        condition=models.Q(("forgotten_at__isnull", False)),
                        fields=["account"],
                        name="statement_line_forgotten",
                    ),
                ),
            ]
        ),
        migrations.RunSQL(STAYS, STAYS_BACK),
    ]
