from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0012_receipts"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="subscriptionchange",
            name="subscription_change_says_what",
        ),
        migrations.AddConstraint(
            model_name="subscriptionchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("amount__gt", 0),
                        ("amount__isnull", False),
                        ("fee_cover__gte", 0),
                        ("fee_cover__isnull", False),
                        ("kind", "amount"),
                        ("next_charge_at__isnull", True),
                    ),
                    models.Q(
                        ("amount__isnull", True),
                        ("fee_cover__isnull", True),
                        ("kind", "day"),
                        ("next_charge_at__isnull", False),
                    ),
                    models.Q(
                        ("amount__isnull", True),
                        ("fee_cover__isnull", True),
                        ("kind__in", ["pause", "resume", "stop"]),
                        ("next_charge_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="subscription_change_says_what",
            ),
        ),
    ]
