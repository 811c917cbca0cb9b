"""Bank lines are looked up by a reference in them."""

import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("donations", "0042_forget_payers")]
    operations = [
        migrations.AddIndex(
            model_name="statementline",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["references"],
                gin_pending_list_limit=128,
                name="statement_line_references",
            ),
        ),
    ]
