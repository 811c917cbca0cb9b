"""Monthly gifts by card, and what supporters add for the card fees."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

EXACT = """
ALTER TABLE donations_pledge ADD CONSTRAINT pledge_fee_cover_exact
    CHECK (fee_cover = round(fee_cover, donations_exponent(currency)));
ALTER TABLE donations_subscription ADD CONSTRAINT subscription_amounts_exact
    CHECK (amount = round(amount, donations_exponent(currency))
           AND fee_cover = round(fee_cover, donations_exponent(currency)));
"""
EXACT_BACK = """
ALTER TABLE donations_pledge DROP CONSTRAINT pledge_fee_cover_exact;
ALTER TABLE donations_subscription DROP CONSTRAINT subscription_amounts_exact;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("appeals", "0002_review_and_consent_in_the_database"),
        ("donations", "0006_checkout_amount"),
    ]

    operations = [
        migrations.CreateModel(
            name="MonthlyCharge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "stripe_invoice_id",
                    models.CharField(max_length=255, unique=True, verbose_name="Stripe invoice"),
                ),
                ("due_on", models.DateField(verbose_name="due on")),
                (
                    "amount",
                    models.DecimalField(decimal_places=3, max_digits=21, verbose_name="amount"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("paid", "paid"),
                            ("failed", "not gone through"),
                            ("action", "to be confirmed by the supporter"),
                        ],
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("told_at", models.DateTimeField(verbose_name="told at")),
                (
                    "next_try_at",
                    models.DateTimeField(
                        help_text="When Stripe tries the card again by itself.",
                        null=True,
                        verbose_name="next try",
                    ),
                ),
            ],
            options={
                "verbose_name": "monthly charge",
                "verbose_name_plural": "monthly charges",
                "ordering": ["-due_on", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "stripe_subscription_id",
                    models.CharField(
                        max_length=255, unique=True, verbose_name="Stripe subscription"
                    ),
                ),
                (
                    "stripe_customer_id",
                    models.CharField(blank=True, max_length=255, verbose_name="Stripe customer"),
                ),
                (
                    "status",
                    models.CharField(
                        help_text="As Stripe names it: active, past_due, canceled …",
                        max_length=30,
                        verbose_name="status",
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(
                        decimal_places=3,
                        help_text="Of each month, as agreed last.",
                        max_digits=21,
                        verbose_name="amount",
                    ),
                ),
                (
                    "fee_cover",
                    models.DecimalField(
                        decimal_places=3,
                        default=Decimal("0"),
                        max_digits=21,
                        verbose_name="share of the card fees",
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z]{3}\\Z", "Three capital letters, like EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                ("next_charge_at", models.DateTimeField(null=True, verbose_name="next charge")),
                ("paused_at", models.DateTimeField(null=True, verbose_name="paused at")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended at")),
                (
                    "is_reminder_wanted",
                    models.BooleanField(default=False, verbose_name="reminded before each charge"),
                ),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                (
                    "read_at",
                    models.DateTimeField(
                        help_text="When Stripe was last asked: what it said before counts no more.",
                        verbose_name="as of",
                    ),
                ),
            ],
            options={
                "verbose_name": "monthly gift",
                "verbose_name_plural": "monthly gifts",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="SubscriptionChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("amount", "another amount"),
                            ("day", "another day"),
                            ("pause", "pause"),
                            ("resume", "go on after a pause"),
                            ("stop", "stop"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(
                        decimal_places=3, max_digits=21, null=True, verbose_name="amount"
                    ),
                ),
                (
                    "fee_cover",
                    models.DecimalField(
                        decimal_places=3,
                        max_digits=21,
                        null=True,
                        verbose_name="share of the card fees",
                    ),
                ),
                ("next_charge_at", models.DateTimeField(null=True, verbose_name="next charge")),
                (
                    "idempotency_key",
                    models.CharField(max_length=100, unique=True, verbose_name="idempotency key"),
                ),
                ("asked_at", models.DateTimeField(verbose_name="asked at")),
                ("done_at", models.DateTimeField(null=True, verbose_name="done at")),
                (
                    "dropped_at",
                    models.DateTimeField(
                        help_text="Stripe refused it, or another wish took its place before Stripe answered.",
                        null=True,
                        verbose_name="dropped at",
                    ),
                ),
            ],
            options={
                "verbose_name": "change of a monthly gift",
                "verbose_name_plural": "changes of monthly gifts",
                "ordering": ["-pk"],
            },
        ),
        migrations.AddField(
            model_name="pledge",
            name="fee_cover",
            field=models.DecimalField(
                decimal_places=3,
                default=Decimal("0"),
                help_text="What the supporter adds so that the amount arrives whole.",
                max_digits=21,
                verbose_name="share of the card fees",
            ),
        ),
        migrations.AlterField(
            model_name="letter",
            name="kind",
            field=models.CharField(
                choices=[
                    ("receipt", "receipt"),
                    ("transfer_details", "details for the transfer"),
                    ("payment_failed", "a payment did not go through"),
                    ("action_required", "a payment is to be confirmed"),
                    ("upcoming_charge", "reminder before a monthly charge"),
                    ("monthly_stopped", "the monthly gift has ended"),
                ],
                max_length=20,
                verbose_name="kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="pledge",
            constraint=models.CheckConstraint(
                condition=models.Q(("fee_cover__gte", 0)), name="pledge_fee_cover_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="pledge",
            constraint=models.CheckConstraint(
                condition=models.Q(("fee_cover", 0), ("method", "card"), _connector="OR"),
                name="pledge_fee_cover_by_card_only",
            ),
        ),
        migrations.AddField(
            model_name="monthlycharge",
            name="donation",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="monthly_charge",
                to="donations.donation",
                verbose_name="donation",
            ),
        ),
        migrations.AddField(
            model_name="subscription",
            name="pledge",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="subscription",
                to="donations.pledge",
                verbose_name="pledge",
            ),
        ),
        migrations.AddField(
            model_name="monthlycharge",
            name="subscription",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="charges",
                to="donations.subscription",
                verbose_name="monthly gift",
            ),
        ),
        migrations.AddField(
            model_name="subscriptionchange",
            name="subscription",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="changes",
                to="donations.subscription",
                verbose_name="monthly gift",
            ),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("ended_at", None)),
                fields=["next_charge_at"],
                name="subscription_next_charge",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="subscription_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(("fee_cover__gte", 0)),
                name="subscription_fee_cover_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(("ended_at", None), ("next_charge_at", None), _connector="OR"),
                name="subscription_ended_is_not_charged",
            ),
        ),
        migrations.AddConstraint(
            model_name="monthlycharge",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="monthly_charge_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="monthlycharge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("donation__isnull", False), ("state", "paid")),
                    models.Q(
                        models.Q(("state", "paid"), _negated=True), ("donation__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="monthly_charge_paid_is_a_donation",
            ),
        ),
        migrations.AddConstraint(
            model_name="monthlycharge",
            constraint=models.UniqueConstraint(
                models.F("subscription"),
                django.db.models.functions.datetime.ExtractYear("due_on"),
                django.db.models.functions.datetime.ExtractMonth("due_on"),
                condition=models.Q(("state", "paid")),
                name="monthly_charge_paid_once_a_month",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscriptionchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("amount__gt", 0),
                        ("fee_cover__gte", 0),
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
        migrations.AddConstraint(
            model_name="subscriptionchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("done_at", None), ("dropped_at", None), _connector="OR"),
                name="subscription_change_done_or_dropped",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscriptionchange",
            constraint=models.UniqueConstraint(
                condition=models.Q(("done_at", None), ("dropped_at", None)),
                fields=("subscription",),
                name="subscription_one_open_change",
            ),
        ),
        migrations.AddField(
            model_name="stripeevent",
            name="read_at",
            field=models.DateTimeField(
                help_text="When Stripe was asked what the event itself does not say.",
                null=True,
                verbose_name="Stripe asked at",
            ),
        ),
        # As with all other amounts (0002_ledger_rules.py): no finer than the currency has.
        migrations.RunSQL(EXACT, EXACT_BACK),
    ]
