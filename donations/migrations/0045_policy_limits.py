from decimal import Decimal

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0044_past"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="policylimit",
            name="policy_emergency_needs_no_third_person",
        ),
        migrations.AlterField(
            model_name="policy",
            name="emergency_hours",
            field=models.PositiveSmallIntegerField(
                default=72,
                help_text="Within them another person signs what was paid with one approval in an emergency.",
                verbose_name="hours for the second signature",
            ),
        ),
        migrations.AlterField(
            model_name="policylimit",
            name="emergency_up_to",
            field=models.DecimalField(
                decimal_places=3,
                default=Decimal("0"),
                help_text="Up to this one approval is enough at first, and a third person signs afterwards. 0: never.",
                max_digits=21,
                verbose_name="emergency up to",
            ),
        ),
        migrations.AddConstraint(
            model_name="policylimit",
            constraint=models.CheckConstraint(
                condition=models.Q(("emergency_up_to__gte", 0), ("third_person_above__gte", 0)),
                name="policy_limits_not_below_zero",
                violation_error_message="A limit is not below zero.",
            ),
        ),
    ]
