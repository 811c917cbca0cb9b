from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0010_card_testing"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="checkout",
            index=models.Index(
                condition=models.Q(
                    ("completed_at", None), ("expired_at", None), ("failed_at", None)
                ),
                fields=["expires_at"],
                name="checkout_untold",
            ),
        ),
    ]
