"""Whoever writes a payout by hand need not say that nobody accepted it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0020_fee_order"),
    ]

    operations = [
        migrations.AlterField(
            model_name="payout",
            name="accepted_reason",
            field=models.TextField(blank=True, db_default="", verbose_name="why it was accepted"),
        ),
    ]
