from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0021_look_up_at"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="donation",
            index=models.Index(
                condition=models.Q(("fee", None), ("method", "card")),
                fields=["received_at"],
                name="donation_without_fee",
            ),
        ),
        migrations.AddIndex(
            model_name="stripeevent",
            index=models.Index(
                condition=models.Q(
                    (
                        "type__in",
                        (
                            "charge.dispute.closed",
                            "charge.dispute.created",
                            "charge.dispute.funds_reinstated",
                            "charge.dispute.funds_withdrawn",
                            "charge.dispute.updated",
                            "payout.failed",
                            "payout.paid",
                            "payout.reconciliation_completed",
                            "refund.created",
                            "refund.failed",
                            "refund.updated",
                        ),
                    )
                ),
                fields=["processed_at"],
                name="stripe_event_of_balance",
            ),
        ),
    ]
