"""Exchange rates of a day, which are added and never changed."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

APPEND_ONLY = """
CREATE FUNCTION donations_rate_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rates are never changed: enter the right one for the same day'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'rate_append_only';
END $$;
CREATE TRIGGER rate_append_only BEFORE UPDATE OR DELETE ON donations_rate
    FOR EACH ROW EXECUTE FUNCTION donations_rate_append_only();
CREATE TRIGGER rate_no_truncate BEFORE TRUNCATE ON donations_rate
    FOR EACH STATEMENT EXECUTE FUNCTION donations_rate_append_only();
ALTER TABLE donations_rate ENABLE ALWAYS TRIGGER rate_append_only;
ALTER TABLE donations_rate ENABLE ALWAYS TRIGGER rate_no_truncate;
"""
APPEND_ONLY_BACK = """
DROP TRIGGER rate_append_only ON donations_rate;
DROP TRIGGER rate_no_truncate ON donations_rate;
DROP FUNCTION donations_rate_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0008_promises"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Rate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "base",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z]{3}\\Z", "Three capital letters, like EUR."
                            )
                        ],
                        verbose_name="one unit of",
                    ),
                ),
                (
                    "quote",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z]{3}\\Z", "Three capital letters, like EUR."
                            )
                        ],
                        verbose_name="is worth so many",
                    ),
                ),
                (
                    "rate",
                    models.DecimalField(decimal_places=12, max_digits=24, verbose_name="rate"),
                ),
                ("rated_on", models.DateField(verbose_name="day")),
                (
                    "source",
                    models.CharField(
                        help_text="Who publishes the rate.", max_length=120, verbose_name="source"
                    ),
                ),
                ("entered_at", models.DateTimeField(verbose_name="entered at")),
                (
                    "entered_by",
                    models.ForeignKey(
                        help_text="Empty when a command did it.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="entered by",
                    ),
                ),
            ],
            options={
                "verbose_name": "exchange rate",
                "verbose_name_plural": "exchange rates",
                "ordering": ["-rated_on", "base", "quote", "-pk"],
                "permissions": [("import_rate", "Can import exchange rates")],
                "indexes": [
                    models.Index(fields=["base", "quote", "-rated_on", "-id"], name="rate_latest")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("rate__gt", 0)), name="rate_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("base__regex", "^[A-Z]{3}$"),
                            ("quote__regex", "^[A-Z]{3}$"),
                            models.Q(("base", models.F("quote")), _negated=True),
                        ),
                        name="rate_of_two_currencies",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source", ""), _negated=True), name="rate_has_source"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rated_on__lte", models.F("entered_at__date"))),
                        name="rate_not_of_the_future",
                    ),
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_BACK),
    ]
