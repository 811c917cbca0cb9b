"""All that one proposes and another decides says alike who may have refused it; the tables stay as they are."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from defensefund.tables import Together

REFUSED = ("disbursement", "exchange", "refundrequest")


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0025_surplus_undo"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        Together(
            [
                migrations.AlterField(
                    model_name=model,
                    name="refused_by",
                    field=models.ForeignKey(
                        help_text="Who asked for it, when they withdrew it.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="refused by",
                    ),
                )
                for model in REFUSED
            ]
        ),
    ]
