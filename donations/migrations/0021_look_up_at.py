from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0020_void_months"),
    ]

    operations = [
        migrations.AddField(
            model_name="checkout",
            name="look_up_at",
            field=models.DateTimeField(
                help_text="When Stripe is asked again how it ended, as long as it has not told.",
                null=True,
                verbose_name="asked about next at",
            ),
        ),
    ]
