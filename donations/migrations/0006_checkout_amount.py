from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0005_letter_occasion"),
    ]

    operations = [
        migrations.AddField(
            model_name="checkout",
            name="amount",
            field=models.DecimalField(decimal_places=3, max_digits=21, null=True),
        ),
        # Until now every page asked for the whole pledge.
        migrations.RunSQL(
            """UPDATE donations_checkout SET amount = p.amount
               FROM donations_pledge p WHERE p.id = pledge_id""",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name="checkout",
            name="amount",
            field=models.DecimalField(
                decimal_places=3,
                help_text="What the page asks for in all, in the pledge's currency.",
                max_digits=21,
                verbose_name="amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkout",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="checkout_amount_positive"
            ),
        ),
    ]
