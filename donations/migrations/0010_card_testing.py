"""Cards that were declined, and the pauses of a way to give that follow or that people decide."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# A pause is a record: it is ended once, and nothing else of it ever changes.
STAYS = """
CREATE FUNCTION donations_paymentpause_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.reopened_at IS NOT NULL OR
       (NEW.method, NEW.currency, NEW.paused_at, NEW.paused_by_id, NEW.reason)
       IS DISTINCT FROM (OLD.method, OLD.currency, OLD.paused_at, OLD.paused_by_id, OLD.reason) THEN
        RAISE EXCEPTION 'a pause is ended by reopening, and stays as it was'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payment_pause_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payment_pause_stays BEFORE UPDATE OR DELETE ON donations_paymentpause
    FOR EACH ROW EXECUTE FUNCTION donations_paymentpause_stays();
"""
STAYS_BACK = """
DROP TRIGGER payment_pause_stays ON donations_paymentpause;
DROP FUNCTION donations_paymentpause_stays();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0009_rates"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Decline",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                (
                    "code",
                    models.CharField(
                        blank=True,
                        help_text="The bank's, as Stripe names it.",
                        max_length=100,
                        verbose_name="reason",
                    ),
                ),
                ("declined_at", models.DateTimeField(verbose_name="declined at")),
                ("source", models.CharField(max_length=270, unique=True, verbose_name="source")),
            ],
            options={
                "verbose_name": "declined card",
                "verbose_name_plural": "declined cards",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="PaymentPause",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[("card", "card"), ("transfer", "bank transfer")],
                        max_length=10,
                        verbose_name="method",
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
                ("paused_at", models.DateTimeField(verbose_name="paused at")),
                (
                    "reason",
                    models.TextField(
                        help_text="For the office and its auditors; supporters do not see it.",
                        verbose_name="reason",
                    ),
                ),
                ("reopened_at", models.DateTimeField(null=True, verbose_name="reopened at")),
                (
                    "reopening_reason",
                    models.TextField(blank=True, verbose_name="reason for reopening"),
                ),
            ],
            options={
                "verbose_name": "pause of a way to give",
                "verbose_name_plural": "ways to give",
                "ordering": ["-pk"],
                "permissions": [("switch_payment", "Can pause and reopen a way to give")],
            },
        ),
        migrations.AddIndex(
            model_name="donation",
            index=models.Index(
                condition=models.Q(("method", "card")),
                fields=["currency", "received_at"],
                name="donation_recent_cards",
            ),
        ),
        migrations.AddField(
            model_name="decline",
            name="pledge",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty when Stripe does not say, as for monthly gifts.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="declines",
                to="donations.pledge",
                verbose_name="pledge",
            ),
        ),
        migrations.AddField(
            model_name="paymentpause",
            name="paused_by",
            field=models.ForeignKey(
                help_text="Empty when too many cards were declined and nobody had to press anything.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="paused by",
            ),
        ),
        migrations.AddField(
            model_name="paymentpause",
            name="reopened_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="reopened by",
            ),
        ),
        migrations.AddIndex(
            model_name="decline",
            index=models.Index(fields=["currency", "declined_at"], name="decline_recent"),
        ),
        migrations.AddConstraint(
            model_name="paymentpause",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reopened_at", None)),
                fields=("method", "currency"),
                name="payment_pause_one_in_force",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentpause",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="payment_pause_with_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentpause",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("reopened_at", None), ("reopened_by", None), ("reopening_reason", "")
                    ),
                    models.Q(
                        ("reopened_at__isnull", False),
                        ("reopened_by__isnull", False),
                        models.Q(("reopening_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="payment_pause_reopened_by_a_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentpause",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reopened_at", None),
                    ("reopened_at__gte", models.F("paused_at")),
                    _connector="OR",
                ),
                name="payment_pause_ends_after_it_begins",
            ),
        ),
        migrations.RunSQL(STAYS, STAYS_BACK),
    ]
