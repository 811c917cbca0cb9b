import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

EXACT = """
ALTER TABLE donations_condition ADD CONSTRAINT condition_target_exact
    CHECK (target = round(target, donations_exponent(currency)));
"""
EXACT_BACK = "ALTER TABLE donations_condition DROP CONSTRAINT condition_target_exact;"

# What supporters agreed to stands, and so does what was decided.
TERMS = """
CREATE FUNCTION donations_condition_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.appeal_id, NEW.currency, NEW.target, NEW.ends_on) IS DISTINCT FROM
       (OLD.appeal_id, OLD.currency, OLD.target, OLD.ends_on) THEN
        RAISE EXCEPTION 'supporters agreed to these terms: they are not changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'condition_terms_stand';
    END IF;
    IF (OLD.met_at IS NOT NULL OR OLD.failed_at IS NOT NULL)
       AND (NEW.met_at, NEW.failed_at) IS DISTINCT FROM (OLD.met_at, OLD.failed_at) THEN
        RAISE EXCEPTION 'this condition was decided'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'condition_decision_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER condition_terms BEFORE UPDATE ON donations_condition
    FOR EACH ROW EXECUTE FUNCTION donations_condition_terms();
"""
TERMS_BACK = """
DROP TRIGGER condition_terms ON donations_condition;
DROP FUNCTION donations_condition_terms();
"""

# Never before the target is met, never for a gift that was taken back, never when it arrived.
CHARGE = """
CREATE FUNCTION donations_card_charge_met() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM donations_pledge p JOIN donations_condition c ON c.id = p.condition_id
        WHERE p.id = NEW.pledge_id AND c.met_at IS NOT NULL AND p.cancelled_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM donations_donation d WHERE d.pledge_id = p.id AND d.reversed_at IS NULL)) THEN
        RAISE EXCEPTION 'this card may not be charged'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'card_charge_only_when_met';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER card_charge_met BEFORE INSERT ON donations_cardcharge
    FOR EACH ROW EXECUTE FUNCTION donations_card_charge_met();
"""
CHARGE_BACK = """
DROP TRIGGER card_charge_met ON donations_cardcharge;
DROP FUNCTION donations_card_charge_met();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("appeals", "0002_review_and_consent_in_the_database"),
        ("donations", "0015_cash"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptCard",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "stripe_customer_id",
                    models.CharField(max_length=255, unique=True, verbose_name="Stripe customer"),
                ),
                (
                    "stripe_payment_method_id",
                    models.CharField(
                        max_length=255, unique=True, verbose_name="Stripe payment method"
                    ),
                ),
                ("kept_at", models.DateTimeField(verbose_name="kept at")),
                ("released_at", models.DateTimeField(null=True, verbose_name="released at")),
            ],
            options={
                "verbose_name": "kept card",
                "verbose_name_plural": "kept cards",
            },
        ),
        migrations.AddField(
            model_name="checkout",
            name="keeps_card",
            field=models.BooleanField(
                default=False,
                help_text="Nothing is charged on this page.",
                verbose_name="only keeps the card",
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
                    ("promise", "what was promised"),
                    ("reminder", "reminder of a promise"),
                    ("condition_met", "the target is met"),
                    ("condition_failed", "the target was not met"),
                    ("kept_card_failed", "a kept card was not charged"),
                    ("receipt_copy", "copy of a receipt"),
                    ("statement", "yearly statement"),
                    ("new_link", "new private link"),
                    ("address_changed", "letters go elsewhere"),
                ],
                max_length=20,
                verbose_name="kind",
            ),
        ),
        migrations.CreateModel(
            name="CardCharge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "idempotency_key",
                    models.CharField(max_length=100, unique=True, verbose_name="idempotency key"),
                ),
                ("asked_at", models.DateTimeField(verbose_name="asked at")),
                ("succeeded_at", models.DateTimeField(null=True, verbose_name="succeeded at")),
                ("declined_at", models.DateTimeField(null=True, verbose_name="declined at")),
                ("code", models.CharField(blank=True, max_length=100, verbose_name="why")),
                (
                    "pledge",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="card_charges",
                        to="donations.pledge",
                        verbose_name="pledge",
                    ),
                ),
            ],
            options={
                "verbose_name": "charge of a kept card",
                "verbose_name_plural": "charges of kept cards",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Condition",
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
                    "target",
                    models.DecimalField(
                        decimal_places=3,
                        help_text="What has arrived and what is promised on this condition, together.",
                        max_digits=21,
                        verbose_name="target",
                    ),
                ),
                (
                    "ends_on",
                    models.DateField(
                        help_text="The target must be met by its end (UTC).",
                        verbose_name="last day",
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="set at")),
                ("met_at", models.DateTimeField(null=True, verbose_name="met at")),
                (
                    "failed_at",
                    models.DateTimeField(
                        help_text="Or called off: no card is charged.",
                        null=True,
                        verbose_name="not met at",
                    ),
                ),
                (
                    "appeal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="conditions",
                        to="appeals.appeal",
                        verbose_name="appeal",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="set by",
                    ),
                ),
            ],
            options={
                "verbose_name": "condition",
                "verbose_name_plural": "conditions",
                "ordering": ["-pk"],
                "permissions": [("call_off_condition", "Can call a condition off")],
            },
        ),
        migrations.AddField(
            model_name="pledge",
            name="condition",
            field=models.ForeignKey(
                help_text="Given only if its target is met.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="pledges",
                to="donations.condition",
                verbose_name="condition",
            ),
        ),
        migrations.AddConstraint(
            model_name="pledge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("condition__isnull", False),
                        ("method", "kept_card"),
                        ("supporter__isnull", False),
                    ),
                    models.Q(("condition", None), models.Q(("method", "kept_card"), _negated=True)),
                    _connector="OR",
                ),
                name="pledge_kept_card_has_its_condition",
            ),
        ),
        migrations.AddField(
            model_name="keptcard",
            name="pledge",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="kept_card",
                to="donations.pledge",
                verbose_name="pledge",
            ),
        ),
        migrations.AddConstraint(
            model_name="cardcharge",
            constraint=models.CheckConstraint(
                condition=models.Q(("succeeded_at", None), ("declined_at", None), _connector="OR"),
                name="card_charge_ends_one_way",
            ),
        ),
        migrations.AddConstraint(
            model_name="cardcharge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("declined_at", None)),
                fields=("pledge",),
                name="card_charge_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="condition",
            constraint=models.CheckConstraint(
                condition=models.Q(("target__gt", 0)), name="condition_target_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="condition",
            constraint=models.CheckConstraint(
                condition=models.Q(("met_at", None), ("failed_at", None), _connector="OR"),
                name="condition_decided_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="condition",
            constraint=models.UniqueConstraint(
                condition=models.Q(("failed_at", None), ("met_at", None)),
                fields=("appeal", "currency"),
                name="condition_one_at_a_time",
                violation_error_message="This appeal has an open condition in this currency: it has to be decided or called off first.",
            ),
        ),
        migrations.AddIndex(
            model_name="keptcard",
            index=models.Index(
                condition=models.Q(("released_at", None)), fields=["pledge"], name="kept_card_lying"
            ),
        ),
        migrations.RunSQL(EXACT, EXACT_BACK),
        migrations.RunSQL(TERMS, TERMS_BACK),
        migrations.RunSQL(CHARGE, CHARGE_BACK),
    ]
