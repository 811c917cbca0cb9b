"""Bank lines are found by their amount, whether it came or left, of one amount in the order of days."""

import django.db.models.functions.math
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("donations", "0049_exchange_undo")]
    operations = [
        migrations.AddIndex(
            model_name="statementline",
            index=models.Index(
                django.db.models.functions.math.Abs("amount"),
                models.F("booked_on"),
                models.F("id"),
                models.F("amount"),
                name="statement_line_by_amount",
            ),
        ),
    ]
