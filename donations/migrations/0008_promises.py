import django.db.models.deletion
from django.db import migrations, models

# Looked at when the transaction ends: parts are written after their promise, and changed together.
PROMISE = """
CREATE FUNCTION donations_promise_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    promise donations_pledge%ROWTYPE;
    wanted bigint;
    parts numeric;
    total numeric;
BEGIN
    IF TG_TABLE_NAME = 'donations_pledge' THEN
        wanted := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        wanted := OLD.pledge_id;
    ELSE
        wanted := NEW.pledge_id;
    END IF;
    SELECT * INTO promise FROM donations_pledge WHERE id = wanted;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT count(*), sum(amount) INTO parts, total FROM donations_instalment WHERE pledge_id = wanted;
    IF parts = 0 AND (promise.method IN ('cash', 'card_later') OR promise.is_open_ended) THEN
        RAISE EXCEPTION 'promise % has no part', wanted
            USING ERRCODE = 'check_violation', CONSTRAINT = 'promise_has_parts';
    END IF;
    IF parts > 0 AND promise.method NOT IN ('transfer', 'cash', 'card_later') THEN
        RAISE EXCEPTION 'pledge % is not kept in parts', wanted
            USING ERRCODE = 'check_violation', CONSTRAINT = 'promise_kept_in_parts';
    END IF;
    IF parts > 0 AND NOT promise.is_open_ended AND total <> promise.amount THEN
        RAISE EXCEPTION 'the parts of promise % come to %, not to %', wanted, total, promise.amount
            USING ERRCODE = 'check_violation', CONSTRAINT = 'promise_adds_up';
    END IF;
    IF EXISTS (SELECT 1 FROM donations_instalment
               WHERE pledge_id = wanted AND amount <> round(amount, donations_exponent(promise.currency))) THEN
        RAISE EXCEPTION 'a part of promise % is finer than its currency', wanted
            USING ERRCODE = 'check_violation', CONSTRAINT = 'instalment_amount_exact';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER promise_adds_up AFTER INSERT OR UPDATE ON donations_pledge
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION donations_promise_adds_up();
CREATE CONSTRAINT TRIGGER instalments_add_up AFTER INSERT OR UPDATE OR DELETE ON donations_instalment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION donations_promise_adds_up();
"""
PROMISE_BACK = """
DROP TRIGGER promise_adds_up ON donations_pledge;
DROP TRIGGER instalments_add_up ON donations_instalment;
DROP FUNCTION donations_promise_adds_up();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("appeals", "0002_review_and_consent_in_the_database"),
        ("donations", "0007_monthly"),
    ]

    operations = [
        migrations.CreateModel(
            name="Instalment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("due_on", models.DateField(verbose_name="due on")),
                (
                    "amount",
                    models.DecimalField(decimal_places=3, max_digits=21, verbose_name="amount"),
                ),
            ],
            options={
                "verbose_name": "instalment",
                "verbose_name_plural": "instalments",
                "ordering": ["due_on"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="pledge",
            name="pledge_reference_when_by_transfer",
        ),
        migrations.RemoveIndex(
            model_name="pledge",
            name="pledge_open_transfers",
        ),
        migrations.AddField(
            model_name="pledge",
            name="is_open_ended",
            field=models.BooleanField(
                default=False,
                help_text="Promised each month until called off.",
                verbose_name="without end",
            ),
        ),
        migrations.AddField(
            model_name="pledge",
            name="paused_at",
            field=models.DateTimeField(
                help_text="Meanwhile nothing is due and nobody is reminded.",
                null=True,
                verbose_name="paused at",
            ),
        ),
        migrations.AddField(
            model_name="pledge",
            name="reminders_stopped_at",
            field=models.DateTimeField(null=True, verbose_name="reminders stopped at"),
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
                ],
                max_length=20,
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            model_name="pledge",
            name="amount",
            field=models.DecimalField(
                decimal_places=3,
                help_text="In all; of a monthly gift or promise without end, each month.",
                max_digits=21,
                verbose_name="amount",
            ),
        ),
        migrations.AlterField(
            model_name="pledge",
            name="frequency",
            field=models.CharField(
                choices=[
                    ("once", "once"),
                    ("weekly", "weekly"),
                    ("monthly", "monthly"),
                    ("dates", "on chosen days"),
                ],
                max_length=10,
                verbose_name="frequency",
            ),
        ),
        migrations.AlterField(
            model_name="pledge",
            name="method",
            field=models.CharField(
                choices=[
                    ("card", "card"),
                    ("transfer", "bank transfer"),
                    ("cash", "cash"),
                    ("card_later", "card, later"),
                    ("kept_card", "card kept until the target is met"),
                ],
                max_length=10,
                verbose_name="method",
            ),
        ),
        migrations.AddIndex(
            model_name="pledge",
            index=models.Index(
                condition=models.Q(
                    ("cancelled_at", None),
                    ("method__in", ["transfer", "cash", "card_later"]),
                    ("paused_at", None),
                ),
                fields=["fund", "currency"],
                name="pledge_open_promises",
            ),
        ),
        migrations.AddConstraint(
            model_name="pledge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("method__in", ["transfer", "cash", "card_later"]),
                        ("reference__isnull", False),
                    ),
                    models.Q(("method__in", ["card", "kept_card"]), ("reference__isnull", True)),
                    _connector="OR",
                ),
                name="pledge_reference_when_promised",
            ),
        ),
        migrations.AddConstraint(
            model_name="pledge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_open_ended", False),
                    models.Q(
                        ("frequency", "monthly"), ("method__in", ["transfer", "cash", "card_later"])
                    ),
                    _connector="OR",
                ),
                name="pledge_without_end_is_monthly",
            ),
        ),
        migrations.AddField(
            model_name="instalment",
            name="pledge",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="instalments",
                to="donations.pledge",
                verbose_name="pledge",
            ),
        ),
        migrations.AddConstraint(
            model_name="instalment",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="instalment_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="instalment",
            constraint=models.UniqueConstraint(
                fields=("pledge", "due_on"), name="instalment_once_a_day"
            ),
        ),
        migrations.RunSQL(PROMISE, PROMISE_BACK),
    ]
