"""What the bank calls a movement, by which a notification speaks of the line of the statement."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

from defensefund.tables import Together


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0026_refused_by"),
    ]

    operations = [
        Together(
            [
                migrations.AddField(
                    model_name="statementdetail",
                    name="booked_on",
                    field=models.DateField(null=True, verbose_name="booked on"),
                ),
                migrations.AddField(
                    model_name="statementdetail",
                    name="names",
                    field=django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=24),
                        default=list,
                        verbose_name="names of the movement",
                    ),
                ),
                migrations.AddField(
                    model_name="statementline",
                    name="names",
                    field=django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=24),
                        editable=False,
                        help_text="Keyed hashes of what the bank calls it, by which a notification speaks of it; empty where it has none.",
                        null=True,
                        verbose_name="names of the movement",
                    ),
                ),
                migrations.AddIndex(
                    model_name="statementdetail",
                    index=django.contrib.postgres.indexes.GinIndex(
                        fields=["names"], name="statement_detail_names"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="statementdetail",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("names", []), ("booked_on__isnull", False), _connector="OR"
                        ),
                        name="statement_detail_named_of_a_day",
                    ),
                ),
            ]
        ),
    ]
