"""What somebody said of a bank line and nobody booked is listed with its age: found by an index of these alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0031_in_time"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="statementmatch",
            index=models.Index(
                condition=models.Q(
                    ("source", None),
                    ("undone_at", None),
                    models.Q(("explanation", ""), _negated=True),
                ),
                fields=["line"],
                name="match_note",
            ),
        ),
    ]
