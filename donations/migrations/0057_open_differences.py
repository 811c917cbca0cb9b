"""How many differences were open at the last look."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0056_approved_documents"),
    ]

    operations = [
        migrations.CreateModel(
            name="OpenDifference",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=20, verbose_name="kind")),
                ("name", models.CharField(max_length=300, verbose_name="fact")),
                ("found_at", models.DateTimeField(verbose_name="found at")),
            ],
            options={
                "verbose_name": "open difference",
                "verbose_name_plural": "open differences",
                "default_permissions": (),
            },
        ),
    ]
