"""Of a bank line, how many payments the bank put into it, to know it again in what a notification tells."""

from django.db import migrations, models

from defensefund.tables import Together


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0023_stripe_fees"),
    ]

    operations = [
        Together(
            [
                migrations.AddField(
                    model_name="statementline",
                    name="batch_of",
                    field=models.PositiveIntegerField(
                        editable=False,
                        help_text="How many the bank put into this one line; empty for one, and where it does not say.",
                        null=True,
                        verbose_name="payments in it",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="statementline",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("batch_of", None), ("batch_of__gt", 1), _connector="OR"
                        ),
                        name="statement_line_batch_of_several",
                    ),
                ),
            ]
        ),
    ]
