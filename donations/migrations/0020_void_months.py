from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0019_refund_rules"),
    ]

    operations = [
        migrations.AlterField(
            model_name="monthlycharge",
            name="state",
            field=models.CharField(
                choices=[
                    ("paid", "paid"),
                    ("failed", "not gone through"),
                    ("action", "to be confirmed by the supporter"),
                    ("void", "not asked for"),
                ],
                max_length=10,
                verbose_name="state",
            ),
        ),
    ]
